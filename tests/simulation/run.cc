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
#include "tests/essence.h"
#include "tests/simulation/group.h"
#include "tests/simulation/play.h"
#include "tests/simulation/world.h"

namespace troth::simulation {
namespace {

using operators::TrustModel;

constexpr std::uint8_t kAlerts = 1, kDeadLetters = 3;

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

/// One play of a schedule of files over a world: lives follow each other until one gets to the end.
class Play {
 public:
  Play(const Schedule& schedule, World& world) : schedule_(schedule), world_(world) {}

  Result run() {
    for (int life = 0; life < kLivesMax; ++life) {
      if (life == kTroubledLives) world_.calm();
      ++result_.lives;
      if (machine_.is_dead) files_.survive_crash(world_);
      machine_.begin_life();
      choose_policy(life);
      world_.tell("life " + std::to_string(life));
      const base::Status status = live();
      if (result_.violation) return std::move(result_);
      if (status && schedule_.later_policy && !result_.is_under_later_policy) {
        change_policy();  // at the latest when all is read: then nothing else would settle a key
        continue;
      }
      if (status) {
        result_.sent = files_.lines;
        return std::move(result_);
      }
      if (!status.error().message.starts_with(kMadeUp)) {
        result_.violation = "an error that nobody made up: " + status.error().message;
        return std::move(result_);
      }
    }
    result_.violation = "the end was not reached in " + std::to_string(kLivesMax) + " lives";
    return std::move(result_);
  }

 private:
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
    SimulatedStore store(world_, machine_);
    SimulatedSink sink(world_, machine_, files_);
    auto opened = task::Instance::open(*model_, store, sink, options_of(schedule_));
    if (!opened) {
      if (machine_.is_dead) mark(Mark::kCrashInRecovery);
      return opened.error();
    }
    instance_ = std::move(*opened);
    base::Status status = read_all();
    instance_.reset();  // without a commit: what a crash does
    return status;
  }

  /// A commit, or now and then a whole stop in good order.
  base::Status commit(const std::string& position) {
    world_.tell("commit at " + position);
    if (auto status = instance_->commit(position); !status) return status;
    if (!world_.is_calm() && world_.dice.permille(15)) return world_.error(Mark::kCleanRestart);
    return base::success();
  }

  base::Status finish() {
    std::vector<std::pair<std::string, std::string>> records;
    base::Status status = append_records(*instance_, schedule_.as_of, records);
    result_.snapshot = sorted_records(std::move(records));
    result_.tally = instance_->tally();
    return status;
  }

  base::Status read_all() {
    const std::vector<Merged> sequence = merged(schedule_);
    for (std::uint16_t input = 0; input < schedule_.log.size(); ++input) {
      if (!schedule_.log[input][0].empty()) continue;
      if (auto status = instance_->news({task::InputNews::Kind::kAtEnd, input, -1}); !status) return status;
    }
    const std::string position = instance_->source_position();
    std::size_t at = position.empty() ? 0 : static_cast<std::size_t>(std::stoull(position));
    const auto commits_percent = world_.dice.between(2, 40);
    while (at < sequence.size()) {
      if (world_.crashes_here(machine_)) return World::dead();
      const Merged& next = sequence[at++];
      world_.tell("offer " + std::to_string(at - 1));
      if (auto status = instance_->offer(next.record->decoded, next.ends_input); !status) return status;
      if (!instance_->wants_commit() && !world_.dice.percent(commits_percent)) continue;
      if (auto status = commit(std::to_string(at)); !status) return status;
    }
    if (auto status = commit(std::to_string(at)); !status) return status;
    if (world_.crashes_here(machine_)) return World::dead();
    if (auto status = instance_->advance_to(schedule_.as_of); !status) return status;
    if (world_.crashes_here(machine_)) return World::dead();
    return finish();
  }

  const Schedule& schedule_;
  World& world_;
  Machine machine_;
  Files files_;
  Result result_;
  std::unique_ptr<TrustModel> model_;
  std::unique_ptr<task::Instance> instance_;
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
      at->second = test::essence(at->second);
      if (!under_one_policy) test::cut(at->second, "policy");
      ++at;
    }
  }
  return last;
}

/// `raw` may hold any name: what comes before it and behind it is ours.
std::string_view behind_raw(std::string_view letter) { return letter.substr(letter.rfind("\"reason\":")); }

bool is_of_conflict(std::string_view letter) { return word(behind_raw(letter), "reason") == "conflict"; }

/// Dead letters by reason; each place once, however often it was sent.
std::map<std::string, std::set<Place>> dead_letters(const std::vector<task::Outgoing>& sent) {
  std::map<std::string, std::set<Place>> letters;
  for (const task::Outgoing& each : sent) {
    if (each.stream != kDeadLetters) continue;
    const std::string& value = *each.value;
    const std::string head = value.substr(0, value.find("\"raw"));
    const std::string_view tail = behind_raw(value);
    letters[std::string(word(tail, "reason"))].emplace(word(tail, "topic"), std::stoll(std::string(word(head, "partition"))),
                                                        std::stoll(std::string(word(head, "offset"))));
  }
  return letters;
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
    World world(schedule_.seed ^ 0x5EED, schedule_.trouble_permille);
    world.trace = trace;
    found_ = schedule_.mode == Mode::kTopics ? play_group(schedule_, world) : Play(schedule_, world).run();
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
    if (auto wrong = schedule_.mode == Mode::kTopics ? each_once() : against_same_arrivals()) return wrong;
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
    // An event that lost to another of its name and was taken back since is counted no more, but its letter stands.
    const std::size_t told = letters_["conflict"].size();
    const std::uint64_t counted = tally.refused[static_cast<std::size_t>(event::Reason::kConflict)];
    if (told < counted)
      return "dead letters of conflict: " + std::to_string(told) + " told, " + std::to_string(counted) + " counted";
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

  /// Exactly once: no alert's revision is missing or there twice, no dead letter is there twice; but for an event that lost to
  /// another of its name, was taken back when that one went to another case, and lost again.
  std::optional<std::string> each_once() const {
    std::map<std::string, std::uint64_t> revisions;
    std::set<std::string> refused;
    for (const task::Outgoing& each : found_.sent) {
      if (each.stream == kDeadLetters && !refused.insert(*each.value).second && !is_of_conflict(*each.value))
        return "a dead letter twice: " + *each.value;
      if (each.stream != kAlerts) continue;
      if (!each.value) {
        revisions.erase(*each.key);  // sealed, or its case has gone over into another
        continue;
      }
      const std::uint64_t revision = std::stoull(std::string(word(*each.value, "revision")));
      std::uint64_t& last = revisions[*each.key];
      if (revision != last + 1) return "revision " + std::to_string(revision) + " of an alert follows " + std::to_string(last) + ": " + *each.value;
      last = revision;
    }
    return std::nullopt;
  }

  [[nodiscard]] Place place_of(const Logged& record) const {
    const event::Origin& origin = record.decoded.record.origin;
    return {schedule_.inputs[origin.input], origin.partition, origin.offset};
  }

  /// The same arrivals without trouble: the same tally, and with fixed epochs the same bytes.
  std::optional<std::string> against_same_arrivals() {
    World world(schedule_.seed ^ 0xCA1F, 0);
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
    World world(1, 0);
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

std::string first_difference(const std::vector<std::string>& found, const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
    const std::string a = i < found.size() ? found[i] : "(nothing)";
    const std::string b = i < expected.size() ? expected[i] : "(nothing)";
    if (a != b) return "\n  found    " + a + "\n  expected " + b;
  }
  return {};
}

base::Status append_records(task::Instance& instance, TimeUs t, std::vector<std::pair<std::string, std::string>>& records) {
  return instance.for_each_key([&](std::int32_t, std::string_view key, task::KeyState& state) -> base::Status {
    TrustModel::read_at(state, t, [&](const operators::View& view) {
      records.emplace_back(key, operators::score_record(view, operators::Detail::kFull));
    });
    return base::success();
  });
}

std::vector<std::string> sorted_records(std::vector<std::pair<std::string, std::string>> records) {
  std::sort(records.begin(), records.end());
  std::vector<std::string> snapshot;
  for (auto& [key, record] : records) snapshot.push_back(std::move(record));
  return snapshot;
}

task::InstanceOptions options_of(const Schedule& schedule) {
  task::InstanceOptions options;
  options.partitions = schedule.partitions;
  options.inputs = schedule.inputs;
  options.cache_bytes = schedule.cache_bytes;
  options.dirty_bytes_max = schedule.dirty_bytes_max;
  options.keys_per_slice = schedule.keys_per_slice;
  const bool is_live = schedule.mode == Mode::kTopics;
  options.follow_wall_clock = is_live;
  options.partitions_by_key = !is_live;
  options.refuses_wrong_partition = is_live;
  if (schedule.mode == Mode::kFilesFixed) options.epoch_events = schedule.epoch_events;
  return options;
}

Outcome run(const Schedule& schedule, std::vector<std::string>* trace) { return Judge(schedule).run(trace); }

Plain plain(const Schedule& schedule) {
  const TimeUs last = schedule.as_of;
  const Schedule sorted = sorted_facts(schedule, [&](const Logged& each) { return !each.is_late_by_design && each.decoded.event->time <= last; });
  World world(1, 0);
  const Result result = Play(sorted, world).run();
  TROTH_ASSERT(!result.violation);
  Plain facts;
  for (const Logged& each : sorted.log[0][0]) facts.events.push_back(*each.decoded.record.value);
  facts.snapshot = result.snapshot;
  return facts;
}

}  // namespace troth::simulation
