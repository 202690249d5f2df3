#include "tests/simulation/schedule.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "engine/app/policy_source.h"
#include "engine/app/shop_dice.h"
#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/event/time.h"
#include "operators/alert/case_alerts.h"
#include "operators/catalogue/catalogue.h"
#include "tests/simulation/marks.h"
#include "tests/unit/operators/model/telling.h"

namespace troth::simulation {
namespace {

using app::Dice;
using event::kDay;
using event::kHour;
using event::kSecond;
using operators::test::Teller;

/// Small horizons, so that weeks see seals and gaps. Caps depend on the order of arrival; only fixed files have them.
constexpr const char* kShort = R"(
global: {lateness: 10d, quiet: 10d, link_life: 15d%s}
alerts: {customer: {PROMISE_REPEAT: {window: 20d}, EROSION_SLOW: {window: 20d}, TIER_DROP: {window: 20d},
                    BRIBERY_PATTERN: {window: 20d}, COMPLAINT_SERIES: {window: 20d}}}
)";
constexpr const char* kCaps = ", case_events: 12, open_cases: 6, customer_events: 10";
/// Another judgement over the same `global`. What was sealed under the first stays as it was, so it comes only where
/// nothing seals within the schedule: under the long horizons of the built-in policy.
constexpr const char* kLater = R"(
alerts: {case: {ORDER_FAULT: {base: 3}}}
evidence: {account_closed: {rows: [{dim: B, amount: -1500000}]}, promise_kept: {rows: [{dim: R, amount: 700000}]}}
recovery: {R: 900000}
)";

std::shared_ptr<const operators::Policy> policy_of(const std::string& overlay) {
  const std::string name = "troth-overlay-" + std::to_string(getpid()) + '-' + base::sha256_hex(overlay).substr(0, 16);
  const auto path = std::filesystem::temp_directory_path() / name;
  { std::ofstream(path) << overlay; }
  auto loaded = app::load_policy(std::nullopt, path.string());
  std::filesystem::remove(path);
  TROTH_ASSERT(static_cast<bool>(loaded));
  return loaded->policy;
}

std::string filled(std::string text, const std::string& word) {
  if (const std::size_t at = text.find("%s"); at != std::string::npos) text.replace(at, 2, word);
  return text;
}

struct Policies {
  std::shared_ptr<const operators::Policy> common = policy_of("{}");
  std::shared_ptr<const operators::Policy> short_lives = policy_of(filled(kShort, ""));
  std::shared_ptr<const operators::Policy> with_caps = policy_of(filled(kShort, kCaps));
  std::shared_ptr<const operators::Policy> later = policy_of(kLater);
};

const Policies& policies() {
  static const Policies all;
  return all;
}

std::vector<std::string> alert_ids_of(const std::string& tenant, const std::string& customer) {
  std::vector<std::string> ids;
  for (const std::string_view rule : {"PROMISE_BROKEN", "PROMISE_AT_RISK", "COMPLAINT_IGNORED", "ORDER_FAULT"}) {
    for (const std::string_view kind : {"o:", "c:", "p:"}) {
      for (int i = 0; i < 3; ++i) ids.push_back(operators::alert_id(tenant, rule, customer, std::string(kind) + std::to_string(i)));
    }
  }
  return ids;
}

/// An event with the place in time at which it is told, which is not always its own time.
struct Arrival {
  TimeUs at = 0;
  event::Event event;
  bool is_duplicate = false, is_late = false;
};

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : dice_(seed) { schedule_.seed = seed; }

  Schedule run() {
    draw_shape();
    std::vector<Arrival> arrivals = draw_arrivals();
    spread(arrivals);
    schedule_.as_of = schedule_.end + draw_rest();
    const TimeUs sealing_begins = schedule_.begin + schedule_.policy->global().quiet_us + schedule_.policy->global().lateness_us;
    if (schedule_.later_policy) schedule_.as_of = std::min(schedule_.as_of, std::max(schedule_.end, sealing_begins));
    if (schedule_.as_of > sealing_begins) schedule_.later_policy.reset();
    return std::move(schedule_);
  }

 private:
  void draw_shape() {
    Schedule& s = schedule_;
    s.mode = static_cast<Mode>(dice_.below(3));
    const int inputs = static_cast<int>(dice_.between(1, 3));
    for (int i = 0; i < inputs; ++i) s.inputs.push_back("in" + std::to_string(i));
    s.partitions = static_cast<std::int32_t>(dice_.between(1, 4));
    s.epoch_events = s.mode == Mode::kFilesFixed ? dice_.between(1, 12) : 0;
    s.cache_bytes = dice_.percent(60) ? 0 : std::size_t{1} << 24U;
    s.dirty_bytes_max = dice_.percent(30) ? 2'000 : std::size_t{1} << 24U;
    s.keys_per_slice = static_cast<std::size_t>(dice_.percent(60) ? dice_.between(1, 2) : 1'024);
    s.trouble_permille = dice_.percent(20) ? 0 : static_cast<int>(dice_.between(5, 120));
    if (s.mode == Mode::kFilesFixed && dice_.percent(30)) {
      s.policy = policies().with_caps;
      s.has_caps = true;
      s.overlay = filled(kShort, kCaps);
    } else if (dice_.percent(55)) {
      s.policy = policies().short_lives;
      s.overlay = filled(kShort, "");
    } else {
      s.policy = policies().common;
      s.overlay = "{}";
      if (s.mode != Mode::kFilesFixed && dice_.percent(80)) {
        s.later_policy = policies().later;
        // Settling all keys again is long: it is to be interrupted between any two of them.
        s.keys_per_slice = 1;
        s.dirty_bytes_max = 2'000;
        s.trouble_permille = std::max(s.trouble_permille, 60);
      }
    }
    s.log.assign(s.inputs.size(), std::vector<std::vector<Logged>>(static_cast<std::size_t>(is_live() ? s.partitions : 1)));
  }

  [[nodiscard]] bool is_live() const { return schedule_.mode == Mode::kTopics; }

  std::vector<Arrival> draw_arrivals() {
    const TimeUs lateness = schedule_.policy->global().lateness_us;
    std::vector<Arrival> arrivals;
    const int customers = static_cast<int>(dice_.between(1, 4));
    const int events = static_cast<int>(dice_.between(10, 70));
    const bool is_bursting = dice_.percent(20);
    for (int i = 0; i < customers; ++i) {
      const std::string name = "c" + std::to_string(i);
      const std::string tenant = i % 3 == 2 ? "acme" : "default";
      Teller teller(dice_.next(), alert_ids_of(tenant, name));
      // An erasure ends everything, so it is seldom; what comes after it is refused.
      const std::int64_t erased_at = dice_.percent(schedule_.later_policy ? 40 : 12) ? dice_.between(0, events / customers) : -1;
      schedule_.has_erasure = schedule_.has_erasure || erased_at >= 0;
      TimeUs at = operators::test::kMonday + dice_.hours(0, 200);
      for (int k = 0; k < events / customers + 1; ++k) {
        if (dice_.percent(is_bursting ? 20 : 70)) at += dice_.hours(0, 30);
        if (dice_.percent(4)) at += schedule_.later_policy ? kDay : dice_.between(5, 40) * kDay;
        event::Event told = k == erased_at ? operators::test::event_of(at, "customer.erased", "erase") : teller.next(at);
        told.tenant = tenant;
        told.subject = name;
        const TimeUs own = told.time;
        const bool is_at_boundary = add(arrivals, std::move(told), lateness);
        if (is_at_boundary) {
          // Another one right before it, by which it is exactly as old as it may be.
          event::Event last = teller.next(own + lateness);
          last.tenant = tenant;
          last.subject = name;
          arrivals.push_back({own + lateness, std::move(last), false, false});
          std::swap(arrivals.back(), arrivals[arrivals.size() - 2]);
        }
      }
    }
    std::stable_sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    return arrivals;
  }

  /// Answers whether the event was put exactly at the boundary of lateness.
  bool add(std::vector<Arrival>& arrivals, event::Event told, TimeUs lateness) {
    TimeUs at = told.time;
    if (dice_.percent(25)) {
      at += dice_.between(0, lateness / 2 / kSecond) * kSecond;
      mark(Mark::kDisorderWithin);
    }
    bool is_late = false;
    bool is_at_boundary = false;
    if (!schedule_.later_policy && dice_.permille(15)) {  // 45 days there: too long
      is_at_boundary = dice_.percent(40);
      at = told.time + lateness + (is_at_boundary ? 0 : dice_.between(0, 3 * 86'400) * kSecond);
      is_late = true;
      mark(Mark::kDisorderBeyond);
    }
    if (dice_.percent(8)) {
      const TimeUs again = at + dice_.between(0, lateness / 3 / kSecond) * kSecond;
      arrivals.push_back({again, told, true, is_late});
      schedule_.end = std::max(schedule_.end, again);
      mark(Mark::kDuplicate);
    }
    schedule_.begin = schedule_.begin == 0 ? told.time : std::min(schedule_.begin, told.time);
    schedule_.end = std::max(schedule_.end, at);
    arrivals.push_back({at, std::move(told), false, is_late});
    return is_at_boundary;
  }

  /// Puts what is told onto inputs and partitions: a customer keeps its partition, types are spread over topics.
  void spread(std::vector<Arrival>& arrivals) {
    const std::size_t silent = dice_.percent(15) && schedule_.inputs.size() > 1 ? 1 : 0;
    if (silent != 0) mark(Mark::kSilentInput);
    for (Arrival& each : arrivals) {
      const std::size_t input = static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(schedule_.inputs.size() - silent)));
      const std::int32_t partition = is_live() ? base::partition_of(each.event.subject, schedule_.partitions) : 0;
      if (dice_.permille(10)) put(input, partition, each.at, bad_record());
      if (is_live() && dice_.permille(10)) put(input, partition, each.at, future_event(each));
      Logged record = logged(std::move(each.event));
      record.is_duplicate = each.is_duplicate;
      record.is_late_by_design = each.is_late;
      put(input, partition, each.at, std::move(record));
    }
  }

  static Logged logged(event::Event told) {
    Logged record;
    record.decoded.record.key = told.subject;
    record.decoded.record.value = event::structured_json(told);
    record.decoded.merge_time = told.time;
    record.decoded.event = std::move(told);
    return record;
  }

  Logged bad_record() {
    Logged record;
    record.decoded.rejection = event::Rejection{event::Reason::kMalformed, {}};
    record.decoded.record.value = "{";
    mark(Mark::kBadRecord);
    return record;
  }

  /// Beyond the wall clock and the allowed skew when it appears and for ever after: refused, and must change nothing.
  Logged future_event(const Arrival& like) {
    event::Event told = like.event;
    told.time = like.at + 4'000 * kDay;
    told.id = "future" + std::to_string(dice_.below(1'000'000));
    mark(Mark::kFutureEvent);
    return logged(std::move(told));
  }

  void put(std::size_t input, std::int32_t partition, TimeUs at, Logged record) {
    auto& to = schedule_.log[input][static_cast<std::size_t>(partition)];
    const event::Origin origin{static_cast<std::uint16_t>(input), partition, static_cast<std::int64_t>(to.size())};
    record.decoded.record.origin = origin;
    if (record.decoded.event) record.decoded.event->origin = origin;
    record.produced = at;
    to.push_back(std::move(record));
  }

  /// How long after the last arrival all is compared: often exactly at a round hour, where deadlines are.
  TimeUs draw_rest() {
    if (dice_.percent(30)) return 0;
    const TimeUs rest = dice_.between(0, 40) * kDay + dice_.between(0, 23) * kHour;
    if (dice_.percent(50)) return rest;
    const auto& all = schedule_.log;
    const auto& some = all[static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(all.size())))];
    for (const auto& partition : some) {
      for (const Logged& each : partition) {
        if (!each.decoded.event || each.is_late_by_design) continue;
        for (const event::Field& field : each.decoded.event->fields) {
          const auto& specs = each.decoded.event->spec->fields;
          const auto spec = std::find_if(specs.begin(), specs.end(), [&](const auto& s) { return s.id == field.id; });
          if (spec != specs.end() && spec->kind == event::FieldKind::kDueAt && field.number > schedule_.end && dice_.percent(50))
            return field.number - schedule_.end;
        }
      }
    }
    return rest;
  }

  Dice dice_;
  Schedule schedule_;
};

}  // namespace

std::size_t Schedule::size() const {
  std::size_t count = 0;
  for (const auto& input : log) {
    for (const auto& partition : input) count += partition.size();
  }
  return count;
}

Schedule Schedule::without(std::size_t from, std::size_t to) const {
  Schedule shorter = *this;
  std::size_t at = 0;
  for (auto& input : shorter.log) {
    for (auto& partition : input) {
      std::vector<Logged> kept;
      for (Logged& each : partition) {
        if (at < from || at >= to) {
          each.decoded.record.origin.offset = static_cast<std::int64_t>(kept.size());
          if (each.decoded.event) each.decoded.event->origin.offset = each.decoded.record.origin.offset;
          kept.push_back(std::move(each));
        }
        ++at;
      }
      partition = std::move(kept);
    }
  }
  return shorter;
}

Schedule draw(std::uint64_t seed) { return Drawing(seed).run(); }

std::string told(const Schedule& schedule) {
  std::string text;
  for (const auto& input : schedule.log) {
    for (const auto& partition : input) {
      for (const Logged& each : partition) {
        const event::Origin& origin = each.decoded.record.origin;
        text += schedule.inputs[origin.input] + "/" + std::to_string(origin.partition) + "@" + std::to_string(origin.offset) +
                " produced " + event::format_time(each.produced) + ": " + each.decoded.record.value.value_or("") + "\n";
      }
    }
  }
  return text;
}

}  // namespace troth::simulation
