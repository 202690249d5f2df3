// Judgement of records: order of the reasons, accounting, and what a refused event must not change.
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

struct Shop {
  explicit Shop(CounterOptions model_options = {}, InstanceOptions options = files())
      : model(std::move(model_options)), instance(opened(model, store, sink, std::move(options))) {}
  void offer(Decoded decoded, bool last = false) { ok(instance->offer(std::move(decoded), last)); }
  std::uint64_t refused(Reason reason) { return instance->tally().refused[static_cast<std::size_t>(reason)]; }
  std::vector<std::string> dead_letters() {
    ok(instance->commit("x"));
    std::vector<std::string> out;
    for (const Outgoing& each : sink.records) {
      if (each.stream == 2) out.push_back(*each.value);
    }
    return out;
  }

  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  std::unique_ptr<Instance> instance;
};

TEST(Admission, refuses_as_late_what_is_older_than_lateness_by_tau_before_the_event) {
  Shop shop;
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart - 24 * kHour, "2"));      // exactly on the bound: in time
  shop.offer(added(shop.model, "a", kStart - 24 * kHour - 1, "3"));  // late
  EXPECT_EQ(shop.refused(Reason::kLate), 1U);
  EXPECT_EQ(shop.instance->tally().applied, 2U);
}

TEST(Admission, does_not_let_an_event_make_itself_late) {
  Shop shop;
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart + 100 * 24 * kHour, "2"));
  EXPECT_EQ(shop.instance->tally().applied, 2U);
}

TEST(Admission, refuses_as_future_what_lies_beyond_horizon_and_skew_and_keeps_tau) {
  InstanceOptions options = files();
  options.horizon = kStart;
  Shop shop({}, options);
  shop.offer(added(shop.model, "a", kStart + 5 * kMinute, "1"));      // exactly on the bound
  shop.offer(added(shop.model, "a", kStart + 5 * kMinute + 1, "2"));  // future
  EXPECT_EQ(shop.refused(Reason::kFuture), 1U);
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 5 * kMinute);
}

TEST(Admission, knows_no_future_without_a_horizon) {
  Shop shop;
  shop.offer(added(shop.model, "a", event::kEndOfTime - 1, "1"));
  EXPECT_EQ(shop.instance->tally().applied, 1U);
}

TEST(Admission, judges_erased_before_future_and_late) {
  InstanceOptions options = files();
  options.horizon = kStart;
  Shop shop({}, options);
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(erased(shop.model, "a", kStart, "2"));
  shop.offer(added(shop.model, "a", kStart + 100 * kHour, "3"));
  shop.offer(added(shop.model, "a", kStart - 100 * kHour, "4"));
  shop.offer(added(shop.model, "b", kStart - 100 * kHour, "5"));
  EXPECT_EQ(shop.refused(Reason::kErased), 2U);
  EXPECT_EQ(shop.refused(Reason::kFuture), 0U);
  EXPECT_EQ(shop.refused(Reason::kLate), 1U);
}

TEST(Admission, judges_late_before_duplicate_and_duplicate_before_cap) {
  Shop shop(CounterOptions{.cap = 1});
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart, "1"));
  EXPECT_EQ(shop.instance->tally().duplicates, 1U);
  shop.offer(added(shop.model, "a", kStart, "2"));
  EXPECT_EQ(shop.refused(Reason::kCap), 1U);
  shop.offer(added(shop.model, "b", kStart + 25 * kHour, "3"));
  shop.offer(added(shop.model, "a", kStart, "1"));
  EXPECT_EQ(shop.refused(Reason::kLate), 1U);
  EXPECT_EQ(shop.instance->tally().duplicates, 1U);
}

TEST(Admission, lets_cap_and_conflict_and_duplicates_raise_tau_but_nothing_else_refused) {
  InstanceOptions options = files();
  options.horizon = kStart + 1'000 * kHour;
  Shop shop(CounterOptions{.cap = 1}, options);
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart + 1, "2"));  // cap
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 1);
  shop.offer(added(shop.model, "a", kStart + 2, "1"));  // conflict
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 2);
  EXPECT_EQ(shop.refused(Reason::kConflict), 1U);

  shop.offer(added(shop.model, "a", kStart + 2'000 * kHour, "3"));
  EXPECT_EQ(shop.refused(Reason::kFuture), 1U);
  shop.offer(erased(shop.model, "a", kStart + 3, "4"));
  shop.offer(added(shop.model, "a", kStart + 100, "5"));
  EXPECT_EQ(shop.refused(Reason::kErased), 1U);
  shop.offer(malformed("?"));
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 3);
}

TEST(Admission, writes_dead_letters_in_reading_order_each_with_its_reason) {
  InstanceOptions options = files();
  options.horizon = kStart;
  Shop shop({}, options);
  shop.offer(malformed("?"));
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart + 100 * kHour, "2"));
  shop.offer(added(shop.model, "a", kStart - 100 * kHour, "3"));
  shop.offer(added(shop.model, "a", kStart + 1, "1"));
  const auto letters = shop.dead_letters();
  ASSERT_EQ(letters.size(), 4U);
  EXPECT_NE(letters[0].find("malformed"), std::string::npos);
  EXPECT_NE(letters[1].find("future"), std::string::npos);
  EXPECT_NE(letters[2].find("late"), std::string::npos);
  EXPECT_NE(letters[3].find("conflict"), std::string::npos);
  EXPECT_NE(letters[3].find("\"type\":\"counter.added\""), std::string::npos);
  EXPECT_NE(letters[3].find("\"id\":\"1\""), std::string::npos);
}

TEST(Admission, moves_a_displaced_event_from_applied_to_refused) {
  Shop shop;
  shop.offer(added(shop.model, "a", kStart + 1, "1"));
  shop.offer(added(shop.model, "a", kStart, "1"));  // the first in order counts
  const Tally tally = shop.instance->tally();
  EXPECT_EQ(tally.read, 2U);
  EXPECT_EQ(tally.applied, 1U);
  EXPECT_EQ(tally.refused[static_cast<std::size_t>(Reason::kConflict)], 1U);
  EXPECT_TRUE(tally.is_balanced());
  EXPECT_EQ(shop.dead_letters().size(), 1U);
}

TEST(Admission, moves_a_reinstated_event_back_from_conflict_to_applied) {
  Shop shop;
  shop.offer(added(shop.model, "a", kStart, "1"));
  shop.offer(added(shop.model, "a", kStart + 1, "1"));
  EXPECT_EQ(shop.refused(Reason::kConflict), 1U);
  Decoded pardon = added(shop.model, "a", kStart + 2, "2");
  pardon.event->spec = shop.model.pardoned();
  shop.offer(std::move(pardon));
  EXPECT_EQ(shop.refused(Reason::kConflict), 0U);
  EXPECT_EQ(shop.instance->tally().applied, 3U);
  EXPECT_TRUE(shop.instance->tally().is_balanced());
}

TEST(Admission, does_not_bear_a_key_by_a_refused_event) {
  Shop shop(CounterOptions{.cap = 0});
  shop.offer(added(shop.model, "z", kStart, "0"));                 // refused by the model itself
  shop.offer(erased(shop.model, "b", kStart + 1000 * kHour, "1"));  // applied
  shop.offer(added(shop.model, "a", kStart, "2"));                 // late
  EXPECT_TRUE(counts(*shop.instance).empty());
  EXPECT_EQ(value(shop.instance->find("a", "a")), nullptr);
  EXPECT_EQ(value(shop.instance->find("z", "z")), nullptr);
  ok(shop.instance->commit("x"));
  for (const auto& [key, value] : shop.store.contents()) EXPECT_NE(key.front(), 'S') << key;
}

TEST(Admission, accounts_for_every_record_and_across_restarts) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  InstanceOptions options = files({"a", "b"}, 4);
  options.horizon = kStart + 100 * 24 * kHour;
  const auto items = testing::shop(model, 3'000, 50, 1);
  const auto whole = replay(model, items, store, sink, options, kStart);
  const Tally tally = whole->tally();
  EXPECT_EQ(tally.read, items.size());
  EXPECT_TRUE(tally.is_balanced());
  for (const Reason reason : {Reason::kMalformed, Reason::kErased, Reason::kFuture, Reason::kLate, Reason::kConflict}) {
    EXPECT_GT(tally.refused[static_cast<std::size_t>(reason)], 0U) << event::reason_name(reason);
  }
  EXPECT_GT(tally.duplicates, 0U);
  EXPECT_GT(tally.counters[0], 0);
  EXPECT_EQ(tally.counters[1], static_cast<std::int64_t>(counts(*whole).size()));

  MemoryStore interrupted_store;
  FakeSink interrupted_sink;
  const auto interrupted = replay(model, items, interrupted_store, interrupted_sink, options, kStart, [](std::size_t at) {
    return at % 700 == 0 ? Step::kCommit : Step::kGoOn;
  });
  EXPECT_EQ(interrupted->tally(), tally);
}

}  // namespace
}  // namespace troth::task
