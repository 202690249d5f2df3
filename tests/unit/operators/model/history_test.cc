// Random histories of one customer, told in many ways: whatever the way, what is known and said at the end is the same.
#include <gtest/gtest.h>

#include "tests/unit/operators/model/desk.h"

namespace troth::operators::test {
namespace {

constexpr int kSeeds = 60;
constexpr int kEvents = 120;

/// Small horizons, so that a history of months sees seals, gaps and caps.
const char* const kShortLives = R"(
global: {lateness: 10d, quiet: 10d, link_life: 15d, case_events: 12, open_cases: 6, customer_events: 10}
alerts: {customer: {PROMISE_REPEAT: {window: 20d}, EROSION_SLOW: {window: 20d}, TIER_DROP: {window: 20d},
                    BRIBERY_PATTERN: {window: 20d}, COMPLAINT_SERIES: {window: 20d}}}
)";

std::shared_ptr<const Policy> policy_of(std::uint64_t seed) {
  static const auto kDefault = policy_with();
  static const auto kShort = policy_with(kShortLives);
  return seed % 2 == 0 ? kDefault : kShort;
}

std::vector<Event> history_of(std::uint64_t seed, int same_name_percent = 3) {
  Teller teller(seed, possible_alert_ids(3));
  teller.same_name_percent = same_name_percent;
  return teller.history(kEvents, kMonday);
}

bool is_late(const Event& event, TimeUs tau, const TrustModel& model) { return event.time < tau - model.lateness_us(); }

/// Events of a history, each moved back by at most half the lateness: nothing becomes late by it.
std::vector<Event> shuffled(std::vector<Event> events, app::Dice& dice, TimeUs reach) {
  std::vector<std::pair<TimeUs, std::size_t>> order;
  for (std::size_t i = 0; i < events.size(); ++i) {
    order.emplace_back(events[i].time + dice.between(0, reach / event::kSecond) * event::kSecond, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<Event> result;
  for (const auto& [at, i] : order) result.push_back(events[i]);
  return result;
}

using Topic = std::map<std::string, std::string>;

/// What a compacted topic says in the end, less what may differ.
Topic essence_of(const Desk& desk, Stream stream) {
  Topic result;
  for (const auto& [key, record] : desk.topic(stream)) {
    const std::string state = stream == Stream::kAlerts ? word(record, "state") : "";
    const bool is_customers = stream == Stream::kAlerts && word(record, "object").empty();
    if (state == "retracted" || (is_customers && state != "firing" && state != "updated")) continue;
    result[key] = troth::test::essence(record);
  }
  return result;
}

void expect_same_topic(const Topic& a, const Topic& b) {
  for (const auto& [key, record] : a) {
    const auto other = b.find(key);
    EXPECT_EQ(record, other == b.end() ? "absent" : other->second) << key;
  }
  for (const auto& [key, record] : b) EXPECT_TRUE(a.contains(key)) << "only the second has " << record;
}

void expect_same_end(const Desk& a, const Desk& b) {
  for (const Stream stream : {Stream::kScores, Stream::kAlerts, Stream::kPromises}) {
    expect_same_topic(essence_of(a, stream), essence_of(b, stream));
  }
}

class History : public testing::TestWithParam<int> {
 protected:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Seeds, History, testing::Range(0, kSeeds));

TEST_P(History, settling_after_every_event_ends_as_settling_once) {
  const std::vector<Event> events = history_of(seed());
  Desk often(policy_of(seed()));
  Desk once(policy_of(seed()));
  for (const Event& each : events) {
    EXPECT_EQ(often.tell(each).kind, once.tell(each).kind);
    often.settle();
  }
  const TimeUs end = events.back().time + event::kDay;
  often.settle(end);
  once.settle(end);
  expect_same_end(often, once);
  EXPECT_EQ(often.snapshot(end), once.snapshot(end));
  EXPECT_EQ(often.conflicts, once.conflicts);
}

TEST_P(History, following_every_timer_ends_as_settling_once) {
  const std::vector<Event> events = history_of(seed());
  Desk live(policy_of(seed()));
  Desk once(policy_of(seed()));
  for (const Event& each : events) {
    if (live.tau() > 0) live.follow_timers(each.time - 1);
    live.tell(each);
    once.tell(each);
    live.settle();
  }
  const TimeUs end = events.back().time + 100 * event::kDay;
  live.follow_timers(end);
  once.settle(end);
  expect_same_end(live, once);
  EXPECT_EQ(live.snapshot(end), once.snapshot(end));
}

TEST_P(History, a_restart_at_any_point_goes_unnoticed) {
  const std::vector<Event> events = history_of(seed());
  app::Dice dice(seed());
  const std::vector<Event> arrivals = shuffled(events, dice, policy_of(seed())->global().lateness_us / 2);
  Desk steady(policy_of(seed()));
  Desk restarted(policy_of(seed()));
  PartMap steady_store;
  PartMap store;
  const auto expect_same = [&](const char* when) {
    ASSERT_EQ(steady.said.size(), restarted.said.size()) << when;
    for (std::size_t i = 0; i < steady.said.size(); ++i) {
      EXPECT_EQ(steady.said[i].key, restarted.said[i].key);
      EXPECT_EQ(steady.said[i].value, restarted.said[i].value);
    }
    EXPECT_EQ(steady.counts, restarted.counts);
    EXPECT_EQ(steady.next_timer, restarted.next_timer);
    EXPECT_EQ(steady.conflicts, restarted.conflicts);
  };
  for (const Event& each : arrivals) {
    if (is_late(each, steady.tau(), steady.model())) continue;
    const task::Verdict a = steady.tell(each);
    const task::Verdict b = restarted.tell(each);
    ASSERT_EQ(a.kind, b.kind);
    const bool is_settled = dice.percent(60);
    if (is_settled) {
      steady.settle();
      restarted.settle();
    }
    ASSERT_NO_FATAL_FAILURE(expect_same("after an event"));
    if (!dice.percent(30)) continue;
    steady.encode(steady_store);
    restarted.encode(store);
    ASSERT_EQ(steady_store.parts, store.parts) << "what is written must not depend on restarts";
    restarted.restart_from(store);
    const std::size_t said = restarted.said.size();
    if (is_settled) restarted.settle();  // it was told everything: nothing new to say
    EXPECT_EQ(restarted.said.size(), said) << restarted.said.back().value.value_or("null");
  }
}

TEST_P(History, stored_parts_hold_all_there_is_and_nothing_stale) {
  const std::vector<Event> events = history_of(seed());
  Desk desk(policy_of(seed()));
  PartMap store;
  for (const Event& each : events) {
    desk.tell(each);
    desk.settle();
    desk.encode(store);
  }
  Desk read(policy_of(seed()));
  read.restart_from(store);
  // A state that is read and written in full must give the same parts.
  for (const auto& [name, bytes] : store.parts) {
    if (name.size() > 1) read.state().changed_parts.insert(name.substr(1));
  }
  PartMap again;
  read.encode(again);
  again.parts.try_emplace("l", store.parts["l"]);
  if (again.parts["l"].empty()) again.parts.erase("l");
  if (store.parts["l"].empty()) store.parts.erase("l");
  EXPECT_EQ(again.parts, store.parts);
}

TEST_P(History, the_order_of_arrival_leaves_no_trace) {
  // Without caps: what is refused depends on what came before.
  static const auto kWide = policy_with("global: {lateness: 20d, quiet: 12d, link_life: 15d}\n"
                                        "alerts: {customer: {PROMISE_REPEAT: {window: 30d}, BRIBERY_PATTERN: {window: 30d}}}");
  Teller teller(seed(), possible_alert_ids(3));
  teller.same_name_percent = 6;
  const std::vector<Event> events = teller.history(kEvents, kMonday);
  Desk in_order(kWide);
  for (const Event& each : events) in_order.tell(each);
  const TimeUs end = events.back().time + event::kDay;
  in_order.settle(end);
  app::Dice dice(seed() + 1000);
  for (int round = 0; round < 3; ++round) {
    Desk other(kWide);
    for (const Event& each : shuffled(events, dice, 19 * event::kDay)) {
      ASSERT_FALSE(is_late(each, other.tau(), other.model()));
      other.tell(each);
      if (dice.percent(30)) other.settle();
    }
    other.settle(end);
    expect_same_end(in_order, other);
    EXPECT_EQ(in_order.snapshot(end), other.snapshot(end));
    EXPECT_EQ(in_order.conflicts, other.conflicts);
  }
}

TEST_P(History, counters_are_what_a_recount_finds) {
  const std::vector<Event> events = history_of(seed());
  Desk desk(policy_of(seed()));
  for (const Event& each : events) {
    desk.tell(each);
    desk.settle();
    EXPECT_EQ(desk.counted_firing(), desk.recount_firing());
    for (std::size_t rule = 0; rule < counters::kRules; ++rule) {
      for (std::size_t in = 0; in < kSentStates; ++in) {
        EXPECT_GE(desk.counts[counters::alerts(rule, static_cast<SentState>(in))], 0);
      }
    }
    EXPECT_EQ(desk.counts[counters::kCustomers], 1);
  }
  desk.settle(events.back().time + 400 * event::kDay);
  EXPECT_TRUE(desk.state().customer.buckets().empty());
  EXPECT_TRUE(desk.state().sent.alerts.empty());
  EXPECT_TRUE(desk.state().sent.promises.empty());
  for (std::size_t rule = 0; rule < kCaseRules; ++rule) {
    EXPECT_EQ(desk.count_of(static_cast<CaseRule>(rule), SentState::kActive), 0);
  }
  EXPECT_TRUE(desk.topic(Stream::kPromises).empty()) << "sealed cases leave the topics";
  for (const auto& [key, record] : desk.topic(Stream::kAlerts)) EXPECT_EQ(word(record, "object"), "");
}

TEST_P(History, an_input_that_is_ahead_changes_nothing_in_the_end) {
  const std::vector<Event> events = history_of(seed(), 0);
  Desk in_step(policy_of(0));
  Desk ahead(policy_of(0));
  app::Dice dice(seed());
  std::size_t told = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    in_step.tell(events[i]);
    in_step.settle();
    while (told < events.size() && (told <= i || dice.percent(50))) ahead.tell_ahead(events[told++]);
    ahead.settle(events[i].time);
    if (i + 1 < events.size() && events[i + 1].time == events[i].time) continue;  // one knows it already, one not yet
    ASSERT_EQ(in_step.snapshot(in_step.tau()), ahead.snapshot(ahead.tau()));
  }
  expect_same_end(in_step, ahead);
}

TEST_P(History, erasure_takes_back_every_key) {
  const std::vector<Event> events = history_of(seed());
  Desk desk(policy_of(seed()));
  for (const Event& each : events) {
    desk.tell(each);
    desk.settle();
  }
  desk.tell(events.back().time, "customer.erased", "the end");
  EXPECT_TRUE(desk.is_erased);
  for (const Stream stream : {Stream::kScores, Stream::kAlerts, Stream::kPromises}) EXPECT_EQ(desk.topic(stream), Topic{});
  EXPECT_EQ(desk.counted_firing(), std::vector<std::int64_t>(counters::kRules * counters::kLevels, 0));
  EXPECT_EQ(desk.counts[counters::kCustomers], 0);
  EXPECT_EQ(desk.counts[counters::kPromisesKept], 0);
  EXPECT_EQ(desk.counts[counters::kPromisesBroken], 0);
  for (std::size_t tier = 0; tier < 5; ++tier) EXPECT_EQ(desk.counts[counters::kTiers + tier], 0);
}

}  // namespace
}  // namespace troth::operators::test
