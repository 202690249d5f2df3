#include "tests/simulation/run.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include "engine/base/planted.h"
#include "engine/task/instance.h"
#include "engine/task/merger.h"
#include "operators/record/json.h"
#include "operators/trust_model.h"
#include "tests/simulation/world.h"

namespace troth::simulation {
namespace {

using operators::TrustModel;

constexpr int kTroubledLives = 25;
constexpr int kLivesMax = 40;
constexpr int kTurnsMax = 20'000;
constexpr std::uint8_t kAlerts = 1, kDeadLetters = 3;

/// What a run left when it was through.
struct Result {
  std::optional<std::string> violation;
  task::Tally tally;
  std::vector<std::string> snapshot;  // full records at as_of, by customer
  std::vector<task::Outgoing> sent;
  std::uint64_t lives = 0;
  bool is_under_later_policy = false;
};

/// Where a record stands: input, partition, offset.
using Place = std::tuple<std::string, std::int64_t, std::int64_t>;

// ------------------------------------------------------------------------------------------------------------ parts

struct Merged {
  const Logged* record = nullptr;
  bool ends_input = false;
};

/// All inputs of files as the file source merges them.
std::vector<Merged> merged(const Schedule& schedule) {
  std::vector<Merged> sequence;
  task::Merger<const Logged*> merger(schedule.log.size());
  for (std::size_t input = 0; input < schedule.log.size(); ++input) {
    for (const Logged& each : schedule.log[input][0]) merger.push(input, each.decoded.merge_time, &each);
    merger.close(input);
  }
  while (auto taken = merger.take()) sequence.push_back({taken->item, taken->ends_input});
  return sequence;
}

std::vector<std::string> snapshot_of(task::Instance& instance, TimeUs t, base::Status& status) {
  std::vector<std::pair<std::string, std::string>> records;
  status = instance.for_each_key([&](std::int32_t, std::string_view key, task::KeyState& state) -> base::Status {
    TrustModel::read_at(state, t, [&](const operators::View& view) {
      records.emplace_back(key, operators::score_record(view, operators::Detail::kFull));
    });
    return base::success();
  });
  std::sort(records.begin(), records.end());
  std::vector<std::string> snapshot;
  for (auto& [key, record] : records) snapshot.push_back(std::move(record));
  return snapshot;
}

/// One play of a schedule over a world: lives follow each other until one gets to the end.
class Play {
 public:
  Play(const Schedule& schedule, World& world) : schedule_(schedule), world_(world) {}

  Result run() {
    for (int life = 0; life < kLivesMax; ++life) {
      if (life == kTroubledLives) world_.calm();
      ++result_.lives;
      world_.begin_life();
      choose_policy(life);
      world_.tell("life " + std::to_string(life));
      const base::Status status = live();
      if (result_.violation) return std::move(result_);
      if (status && schedule_.later_policy && !result_.is_under_later_policy) {
        change_policy();  // at the latest when all is read: then nothing else would settle a key
        continue;
      }
      if (status) {
        result_.sent = world_.sent;
        return std::move(result_);
      }
      if (!status.error().message.starts_with(kMadeUp) && status.error().message != kStopped) {
        result_.violation = "an error that nobody made up: " + status.error().message;
        return std::move(result_);
      }
    }
    result_.violation = "the end was not reached in " + std::to_string(kLivesMax) + " lives";
    return std::move(result_);
  }

 private:
  static constexpr std::string_view kStopped = "stopped in good order";

  void choose_policy(int life) {
    if (life > 0 && !result_.is_under_later_policy && schedule_.later_policy && world_.dice.percent(25)) change_policy();
    model_ = std::make_unique<TrustModel>(result_.is_under_later_policy ? schedule_.later_policy : schedule_.policy, "secret");
  }

  void change_policy() {
    result_.is_under_later_policy = true;
    mark(Mark::kPolicyChange);
    world_.tell("policy changes");
  }

  base::Status live() {
    SimulatedStore store(world_);
    SimulatedSink sink(world_);
    task::InstanceOptions options;
    options.partitions = schedule_.partitions;
    options.inputs = schedule_.inputs;
    options.cache_bytes = schedule_.cache_bytes;
    options.dirty_bytes_max = schedule_.dirty_bytes_max;
    options.keys_per_slice = schedule_.keys_per_slice;
    const bool is_live = schedule_.mode == Mode::kTopics;
    options.follow_wall_clock = is_live;
    options.partitions_by_key = !is_live;
    if (schedule_.mode == Mode::kFilesFixed) options.epoch_events = schedule_.epoch_events;
    auto opened = task::Instance::open(*model_, store, sink, options);
    if (!opened) {
      if (world_.is_dead()) mark(Mark::kCrashInRecovery);
      return opened.error();
    }
    instance_ = std::move(*opened);
    base::Status status = is_live ? live_on_topics() : live_on_files();
    instance_.reset();  // without a commit: what a crash does
    return status;
  }

  /// Another life begins here: the process was killed, or stopped itself.
  [[nodiscard]] base::Status died() const { return base::Error{std::string(kMadeUp) + "crash"}; }

  /// A commit, or now and then a whole stop in good order.
  base::Status commit(const std::string& position) {
    world_.tell("commit at " + position);
    if (auto status = instance_->commit(position); !status) return status;
    if (!world_.is_calm() && world_.dice.permille(15)) {
      mark(Mark::kCleanRestart);
      return base::Error{std::string(kStopped)};
    }
    return base::success();
  }

  base::Status finish() {
    base::Status status = base::success();
    result_.snapshot = snapshot_of(*instance_, schedule_.as_of, status);
    result_.tally = instance_->tally();
    return status;
  }

  // ---------------------------------------------------------------------------------------------------------- files

  base::Status live_on_files() {
    const std::vector<Merged> sequence = merged(schedule_);
    for (std::uint16_t input = 0; input < schedule_.log.size(); ++input) {
      if (!schedule_.log[input][0].empty()) continue;
      if (auto status = instance_->news({task::InputNews::Kind::kAtEnd, input, -1}); !status) return status;
    }
    const std::string position = instance_->source_position();
    std::size_t at = position.empty() ? 0 : static_cast<std::size_t>(std::stoull(position));
    const auto commits_percent = world_.dice.between(2, 40);
    while (at < sequence.size()) {
      if (world_.crashes_here()) return died();
      const Merged& next = sequence[at++];
      world_.tell("offer " + std::to_string(at - 1));
      if (auto status = instance_->offer(next.record->decoded, next.ends_input); !status) return status;
      if (!instance_->wants_commit() && !world_.dice.percent(commits_percent)) continue;
      if (auto status = commit(std::to_string(at)); !status) return status;
    }
    if (auto status = commit(std::to_string(at)); !status) return status;
    if (world_.crashes_here()) return died();
    if (auto status = instance_->advance_to(schedule_.as_of); !status) return status;
    if (world_.crashes_here()) return died();
    return finish();
  }

  // --------------------------------------------------------------------------------------------------------- topics

  struct Reading {
    std::size_t next = 0;
    bool is_at_end = false;
  };

  [[nodiscard]] std::size_t produced(std::size_t input, std::size_t partition) const {
    const auto& records = schedule_.log[input][partition];
    const auto end = std::find_if(records.begin(), records.end(), [&](const Logged& each) { return each.produced > wall_; });
    return static_cast<std::size_t>(end - records.begin());
  }

  base::Status assign(std::size_t partition) {
    auto offsets = instance_->assign(static_cast<std::int32_t>(partition));
    if (!offsets) return offsets.error();
    for (std::size_t input = 0; input < schedule_.inputs.size(); ++input) {
      auto next = static_cast<std::size_t>(std::max<std::int64_t>((*offsets)[input], 0));
      if (next > 0 && world_.dice.percent(10) && !world_.is_calm()) {
        next -= static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(std::min<std::size_t>(next, 5)) + 1));
        mark(Mark::kRedelivery);
      }
      readings_[partition][input] = {next, false};
    }
    return base::success();
  }

  base::Status hand_over() {
    const auto partition = static_cast<std::size_t>(world_.dice.below(schedule_.partitions));
    const bool is_lost = world_.dice.percent(40);
    mark(is_lost ? Mark::kLoss : Mark::kHandover);
    world_.tell((is_lost ? "lose " : "hand over ") + std::to_string(partition));
    if (auto status = instance_->revoke(static_cast<std::int32_t>(partition), is_lost); !status) return status;
    return assign(partition);
  }

  base::Status read(std::size_t partition, std::size_t input) {
    Reading& reading = readings_[partition][input];
    const std::size_t end = produced(input, partition);
    const auto number = static_cast<std::uint16_t>(input);
    const auto news = [&](task::InputNews::Kind kind) {
      mark(kind == task::InputNews::Kind::kAtEnd ? Mark::kEndTold : Mark::kEndWithdrawn);
      reading.is_at_end = kind == task::InputNews::Kind::kAtEnd;
      return instance_->news({kind, number, static_cast<std::int32_t>(partition)});
    };
    std::size_t until = end;
    if (reading.next < end && world_.dice.percent(50)) {
      until = reading.next + static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(end - reading.next) + 1));
      if (reading.is_at_end) {
        if (auto status = news(task::InputNews::Kind::kNotAtEnd); !status) return status;
      }
    }
    for (; reading.next < until; ++reading.next) {
      if (world_.crashes_here()) return died();
      const Logged& record = schedule_.log[input][partition][reading.next];
      world_.tell("offer " + schedule_.inputs[input] + "/" + std::to_string(partition) + "@" + std::to_string(reading.next));
      if (auto status = instance_->offer(record.decoded); !status) return status;
    }
    if (reading.next == end && !reading.is_at_end) return news(task::InputNews::Kind::kAtEnd);
    return base::success();
  }

  [[nodiscard]] bool has_read_all() const {
    for (std::size_t partition = 0; partition < readings_.size(); ++partition) {
      for (std::size_t input = 0; input < schedule_.inputs.size(); ++input) {
        const Reading& reading = readings_[partition][input];
        if (!reading.is_at_end || reading.next < produced(input, partition)) return false;
      }
    }
    return true;
  }

  base::Status live_on_topics() {
    if (wall_ == 0) wall_ = schedule_.begin;
    if (result_.lives > 1 && world_.dice.percent(30)) wall_ += world_.dice.between(0, 20 * 24) * event::kHour;  // downtime
    wall_ = std::min(wall_, schedule_.as_of);
    if (auto status = instance_->advance_wall(wall_); !status) return status;
    readings_.assign(static_cast<std::size_t>(schedule_.partitions), std::vector<Reading>(schedule_.inputs.size()));
    for (std::size_t partition = 0; partition < readings_.size(); ++partition) {
      if (auto status = assign(partition); !status) return status;
    }
    const auto commits_percent = world_.dice.between(5, 60);
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      if (world_.crashes_here()) return died();
      if (!world_.is_calm() && world_.dice.permille(10)) {
        if (auto status = hand_over(); !status) return status;
      }
      for (std::size_t partition = 0; partition < readings_.size(); ++partition) {
        for (std::size_t input = 0; input < schedule_.inputs.size(); ++input) {
          if (auto status = read(partition, input); !status) return status;
        }
      }
      const bool is_through = has_read_all();
      if (is_through && wall_ == schedule_.as_of && !instance_->has_uncommitted()) return finish();
      if (instance_->wants_commit() || (is_through && instance_->has_uncommitted()) || world_.dice.percent(commits_percent)) {
        if (auto status = commit(""); !status) return status;
      }
      // A step is short against the lateness: what is up to date reads what appeared before it is late.
      if (is_through || world_.dice.percent(20)) wall_ = std::min(wall_ + world_.dice.between(0, 24) * event::kHour, schedule_.as_of);
      world_.tell("wall " + event::format_time(wall_));
      if (auto status = instance_->advance_wall(wall_); !status) return status;
    }
    result_.violation = "no progress: not through after " + std::to_string(kTurnsMax) + " turns of one life";
    return base::success();
  }

  const Schedule& schedule_;
  World& world_;
  Result result_;
  std::unique_ptr<TrustModel> model_;
  std::unique_ptr<task::Instance> instance_;
  TimeUs wall_ = 0;
  std::vector<std::vector<Reading>> readings_;  // by partition, input
};

// ------------------------------------------------------------------------------------------------------ what holds

/// The text of `"name":"…"` or the digits of `"name":…` in a flat record; empty if absent.
std::string_view word(std::string_view record, std::string_view name) {
  const std::string begin = '"' + std::string(name) + "\":";
  const std::size_t at = record.find(begin);
  if (at == std::string_view::npos) return {};
  record.remove_prefix(at + begin.size());
  if (record.starts_with('"')) {
    record.remove_prefix(1);
    return record.substr(0, record.find('"'));
  }
  return record.substr(0, record.find_first_of(",}"));
}

/// Takes every `"name":value,` out, whose value is a number, a word or null.
void cut(std::string& record, std::string_view name) {
  const std::string begin = '"' + std::string(name) + "\":";
  for (std::size_t at = record.find(begin); at != std::string::npos; at = record.find(begin, at)) {
    std::size_t end = at + begin.size();
    end = record[end] == '"' ? record.find('"', end + 1) + 1 : record.find_first_of(",}", end);
    if (record[end] == ',') ++end;
    record.erase(at, end - at);
  }
}

/// A record less what may differ between two runs over the same facts (INTERFACE; TRUST_MODEL 10.4, 11.5).
std::string essence(std::string record) {
  for (const std::string_view name : {"revision", "cause", "as_of", "lateness_s", "elapsed_s"}) cut(record, name);
  constexpr std::string_view kUpdated = "\"state\":\"updated\"";
  if (const std::size_t at = record.find(kUpdated); at != std::string::npos) record.replace(at, kUpdated.size(), "\"state\":\"firing\"");
  return record;
}

/// What compacted topics hold in the end, by stream and key, as far as it must not depend on the way.
/// A record does not go again only because the policy has another name now.
std::map<std::pair<std::uint8_t, std::string>, std::string> last_records(const std::vector<task::Outgoing>& sent, bool under_one_policy) {
  std::map<std::pair<std::uint8_t, std::string>, std::string> last;
  for (const task::Outgoing& each : sent) {
    if (each.stream >= kDeadLetters) continue;
    std::string& record = last[{each.stream, each.key.value_or("")}];
    record = each.value.value_or("");
  }
  for (auto at = last.begin(); at != last.end();) {
    const std::string& record = at->second;
    const bool is_alert = at->first.first == kAlerts;
    const std::string_view state = is_alert ? word(record, "state") : std::string_view{};
    const bool is_customers = is_alert && word(record, "object").empty();
    const bool is_left_aside = record.empty() || state == "retracted" || (is_customers && state != "firing" && state != "updated");
    if (is_left_aside) {
      at = last.erase(at);
    } else {
      at->second = essence(at->second);
      if (!under_one_policy) cut(at->second, "policy");
      ++at;
    }
  }
  return last;
}

/// Dead letters by reason; each place once, however often it was sent.
std::map<std::string, std::set<Place>> dead_letters(const std::vector<task::Outgoing>& sent) {
  std::map<std::string, std::set<Place>> letters;
  for (const task::Outgoing& each : sent) {
    if (each.stream != kDeadLetters) continue;
    const std::string& value = *each.value;
    // `raw` may hold any of these names: what comes before and behind it is ours.
    const std::string head = value.substr(0, value.find("\"raw"));
    const std::string tail = value.substr(value.rfind("\"reason\":"));
    letters[std::string(word(tail, "reason"))].emplace(word(tail, "topic"), std::stoll(std::string(word(head, "partition"))),
                                                        std::stoll(std::string(word(head, "offset"))));
  }
  return letters;
}

std::string first_difference(const std::vector<std::string>& found, const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
    const std::string a = i < found.size() ? found[i] : "(nothing)";
    const std::string b = i < expected.size() ? expected[i] : "(nothing)";
    if (a != b) return "\n  found    " + a + "\n  expected " + b;
  }
  return {};
}

/// The events of a log that `counts` lets pass, sorted, as one file of one partition.
template <typename Counts>
Schedule sorted_facts(const Schedule& schedule, const Counts& counts) {
  Schedule sorted = schedule;
  sorted.mode = Mode::kFilesAdaptive;
  sorted.partitions = 1;
  sorted.later_policy.reset();
  sorted.inputs = {"sorted"};
  sorted.dirty_bytes_max = sorted.cache_bytes = std::size_t{1} << 24U;
  std::vector<Logged> facts;
  for (const auto& input : schedule.log) {
    for (const auto& partition : input) {
      std::copy_if(partition.begin(), partition.end(), std::back_inserter(facts),
                   [&](const Logged& each) { return each.decoded.event && counts(each); });
    }
  }
  std::stable_sort(facts.begin(), facts.end(), [](const Logged& a, const Logged& b) { return a.decoded.merge_time < b.decoded.merge_time; });
  for (Logged& each : facts) each.decoded.record.origin = each.decoded.event->origin = {};
  sorted.log = {{std::move(facts)}};
  return sorted;
}

/// One schedule, played with trouble and plainly, and compared.
class Judge {
 public:
  explicit Judge(const Schedule& schedule) : schedule_(schedule) {}

  Outcome run(std::vector<std::string>* trace) {
    World world(schedule_.seed ^ 0x5EED, schedule_.trouble_permille, schedule_.mode == Mode::kTopics);
    world.trace = trace;
    found_ = Play(schedule_, world).run();
#ifdef TROTH_PLANTED_BUGS
    // What the result is held against is made without the bug.
    const auto bug = std::exchange(base::planted::chosen, base::planted::Bug::none);
    if (bug == base::planted::Bug::canary && !found_.snapshot.empty()) found_.snapshot.front() += ' ';
#endif
    Outcome outcome;
    outcome.records = schedule_.size();
    outcome.lives = found_.lives;
    outcome.violation = judge();
#ifdef TROTH_PLANTED_BUGS
    base::planted::chosen = bug;
#endif
    return outcome;
  }

 private:
  std::optional<std::string> judge() {
    if (found_.violation) return found_.violation;
    letters_ = dead_letters(found_.sent);
    for (std::size_t i = 0; i < letters_["late"].size(); ++i) mark(Mark::kLateRefused);
    if (auto wrong = accounting()) return wrong;
    if (schedule_.mode != Mode::kTopics) {
      if (auto wrong = against_same_arrivals()) return wrong;
    }
    if (schedule_.has_caps) return std::nullopt;
    return against_sorted_facts();
  }

  std::optional<std::string> accounting() {
    const task::Tally& tally = found_.tally;
    if (tally.read != schedule_.size())
      return "records read: " + std::to_string(tally.read) + " of " + std::to_string(schedule_.size());
    for (const event::Reason reason : {event::Reason::kLate, event::Reason::kFuture, event::Reason::kMalformed, event::Reason::kCap}) {
      const std::size_t told = letters_[std::string(event::reason_name(reason))].size();
      const std::uint64_t counted = tally.refused[static_cast<std::size_t>(reason)];
      if (told != counted) {
        return "dead letters of " + std::string(event::reason_name(reason)) + ": " + std::to_string(told) + " told, " +
               std::to_string(counted) + " counted";
      }
    }
    if (schedule_.mode != Mode::kTopics) return std::nullopt;  // files: as the same arrivals say
    for (const auto& input : schedule_.log) {
      for (const auto& partition : input) {
        for (const Logged& each : partition) {
          const bool is_late = letters_["late"].contains(place_of(each));
          if (is_late && !each.is_late_by_design) return "refused as late, but within the lateness: " + *each.decoded.record.value;
        }
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] Place place_of(const Logged& record) const {
    const event::Origin& origin = record.decoded.record.origin;
    return {schedule_.inputs[origin.input], origin.partition, origin.offset};
  }

  /// The same arrivals without trouble: the same tally, and with fixed epochs the same bytes.
  std::optional<std::string> against_same_arrivals() {
    World world(schedule_.seed ^ 0xCA1F, 0, false);
    Schedule plain = schedule_;
    plain.later_policy.reset();
    if (found_.is_under_later_policy) plain.policy = schedule_.later_policy;
    const Result expected = Play(plain, world).run();
    if (expected.violation) return "the plain run fails: " + *expected.violation;
    if (std::tie(found_.tally.applied, found_.tally.duplicates, found_.tally.refused) !=
        std::tie(expected.tally.applied, expected.tally.duplicates, expected.tally.refused))
      return "the tally differs from that of the same arrivals without trouble";
    if (found_.snapshot != expected.snapshot)
      return "the state differs from that of the same arrivals without trouble:" + first_difference(found_.snapshot, expected.snapshot);
    if (schedule_.mode != Mode::kFilesFixed) return std::nullopt;
    if (found_.tally.counters != expected.tally.counters) return "the model's counters differ from those without trouble";
    if (lines(found_.sent) != lines(expected.sent))
      return "the output differs from that without trouble:" + first_difference(lines(found_.sent), lines(expected.sent));
    return std::nullopt;
  }

  static std::string refusals(const std::vector<task::Outgoing>& sent) {
    std::string text;
    for (const task::Outgoing& each : sent) {
      if (each.stream == kDeadLetters) text += "\n    " + *each.value;
    }
    return text;
  }

  static std::vector<std::string> lines(const std::vector<task::Outgoing>& sent) {
    std::vector<std::string> text;
    for (const task::Outgoing& each : sent) {
      text.push_back(std::to_string(each.stream) + ' ' + each.key.value_or("null") + ' ' + each.value.value_or("null"));
    }
    return text;
  }

  /// The facts that were not refused for their arrival, sorted, told in one go.
  std::optional<std::string> against_sorted_facts() {
    Schedule sorted = sorted_facts(schedule_, [this](const Logged& each) {
      const Place place = place_of(each);
      return !letters_["late"].contains(place) && !letters_["future"].contains(place);
    });
    if (found_.is_under_later_policy) sorted.policy = schedule_.later_policy;
    World world(1, 0, false);
    const Result expected = Play(sorted, world).run();
    if (expected.violation) return "the run over sorted facts fails: " + *expected.violation;
    if (found_.snapshot != expected.snapshot) return "the state differs from what the facts say:" + first_difference(found_.snapshot, expected.snapshot);
    if (!schedule_.has_erasure && (found_.tally.applied != expected.tally.applied || found_.tally.duplicates != expected.tally.duplicates))
      return "applied and duplicates: " + std::to_string(found_.tally.applied) + " and " + std::to_string(found_.tally.duplicates) + ", by the facts " +
             std::to_string(expected.tally.applied) + " and " + std::to_string(expected.tally.duplicates) +
             "\n  refused here:" + refusals(found_.sent) + "\n  by the facts:" + refusals(expected.sent);
    const bool under_one_policy = !found_.is_under_later_policy;
    return same_last_records(last_records(found_.sent, under_one_policy), last_records(expected.sent, under_one_policy));
  }

  static std::optional<std::string> same_last_records(const std::map<std::pair<std::uint8_t, std::string>, std::string>& found,
                                                      const std::map<std::pair<std::uint8_t, std::string>, std::string>& expected) {
    for (const auto& [key, record] : expected) {
      const auto at = found.find(key);
      if (at == found.end() || at->second != record)
        return "the last record of a key differs:\n  found    " + (at == found.end() ? "(nothing)" : at->second) + "\n  expected " + record;
    }
    for (const auto& [key, record] : found) {
      if (!expected.contains(key)) return "a record too many stands on the topic: " + record;
    }
    return std::nullopt;
  }

  const Schedule& schedule_;
  Result found_;
  std::map<std::string, std::set<Place>> letters_;
};

}  // namespace

Outcome run(const Schedule& schedule, std::vector<std::string>* trace) { return Judge(schedule).run(trace); }

Plain plain(const Schedule& schedule) {
  const TimeUs last = schedule.as_of;
  const Schedule sorted = sorted_facts(schedule, [&](const Logged& each) { return !each.is_late_by_design && each.decoded.event->time <= last; });
  World world(1, 0, false);
  const Result result = Play(sorted, world).run();
  TROTH_ASSERT(!result.violation);
  Plain facts;
  for (const Logged& each : sorted.log[0][0]) facts.events.push_back(*each.decoded.record.value);
  facts.snapshot = result.snapshot;
  return facts;
}

}  // namespace troth::simulation
