// Engine time over several inputs, timers, and the wall clock.
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

struct Shop {
  explicit Shop(InstanceOptions options, CounterOptions model_options = {})
      : model(std::move(model_options)), instance(opened(model, store, sink, std::move(options))) {}
  void offer(Decoded decoded, bool last = false) { ok(instance->offer(std::move(decoded), last)); }
  CounterState& state(const std::string& key) {
    KeyState* found = value(instance->find(key, key));
    TROTH_ASSERT(found != nullptr);
    return static_cast<CounterState&>(*found);
  }
  std::vector<std::string> quiet() const {
    std::vector<std::string> out;
    for (const Outgoing& each : sink.records) {
      if (each.stream == CounterModel::kQuietKeys) out.push_back(*each.key + " " + each.value.value_or("(none)"));
    }
    return out;
  }

  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  std::unique_ptr<Instance> instance;
};

InstanceOptions live(std::int32_t partitions = 1) {
  InstanceOptions options = topics({"orders", "complaints"}, partitions);
  options.follow_wall_clock = true;
  return options;
}

InputNews news(InputNews::Kind kind, std::uint16_t input, std::int32_t partition = -1) {
  return {kind, input, partition};
}
constexpr auto kAtEnd = InputNews::Kind::kAtEnd;
constexpr auto kNotAtEnd = InputNews::Kind::kNotAtEnd;

TEST(EngineTime, is_the_least_of_the_greatest_times_of_the_inputs) {
  Shop shop(files({"a", "b"}));
  shop.offer(added(shop.model, "x", kStart + 10, "1", 0));
  EXPECT_EQ(shop.instance->greatest_tau(), 0);  // nothing of b yet
  shop.offer(added(shop.model, "x", kStart + 5, "2", 1));
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 5);
  shop.offer(added(shop.model, "x", kStart + 20, "3", 1));
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 10);
  shop.offer(added(shop.model, "x", kStart, "4", 0));  // disorder does not lower it
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 10);
}

TEST(EngineTime, is_not_held_back_by_an_input_at_its_end_and_is_the_greatest_of_all_at_the_last) {
  Shop shop(files({"a", "b"}));
  shop.offer(added(shop.model, "x", kStart + 10, "1", 0));
  ok(shop.instance->news(news(kAtEnd, 1)));  // an empty file
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 10);
  shop.offer(added(shop.model, "x", kStart + 30, "2", 0), true);
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 30);
}

TEST(EngineTime, takes_the_last_event_of_an_input_for_late_as_if_it_were_open_and_applies_it_as_ended) {
  Shop shop(files({"a", "b"}));
  shop.offer(added(shop.model, "x", kStart + 1000 * kHour, "1", 0), true);  // a has ended; b holds τ at 0
  EXPECT_EQ(shop.instance->greatest_tau(), 0);
  shop.offer(added(shop.model, "y", kStart, "2", 1), true);
  EXPECT_EQ(shop.instance->tally().applied, 2U);  // by τ of both ended it would be late
  EXPECT_EQ(shop.state("y").applied_at, kStart + 1000 * kHour);
}

TEST(EngineTime, rises_at_the_end_of_an_input_though_its_last_record_was_refused) {
  Shop shop(files({"a", "b"}));
  shop.offer(added(shop.model, "x", kStart, "1", 0));
  shop.offer(malformed("?", 1), true);
  EXPECT_EQ(shop.instance->greatest_tau(), kStart);
}

TEST(EngineTime, of_every_partition_hears_of_the_end_of_a_file) {
  Shop shop(files({"a", "b"}, 16));
  for (int i = 0; i < 100; ++i) {
    shop.offer(added(shop.model, numbered("x", i), kStart + i, std::to_string(i), 0));
  }
  EXPECT_EQ(shop.instance->greatest_tau(), 0);
  shop.offer(added(shop.model, "x0", kStart, "last", 1), true);
  EXPECT_GE(shop.instance->least_tau(), kStart);
  EXPECT_EQ(shop.instance->greatest_tau(), kStart + 99);
}

TEST(EngineTime, holds_back_again_for_a_file_that_has_grown) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  const InstanceOptions options = files({"a", "b"});
  {
    auto instance = opened(model, store, sink, options);
    ok(instance->offer(added(model, "x", kStart, "1", 0), true));
    ok(instance->offer(added(model, "x", kStart, "2", 1), true));
    ok(instance->commit("2"));
  }
  auto instance = opened(model, store, sink, options);
  ok(instance->offer(added(model, "x", kStart + 5, "3", 0)));
  ok(instance->offer(added(model, "x", kStart + 50, "4", 1)));
  EXPECT_EQ(instance->greatest_tau(), kStart + 5);
}

TEST(EngineTime, never_falls_not_even_over_a_restart) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  {
    auto instance = opened(model, store, sink, files());
    ok(instance->offer(added(model, "x", kStart, "1"), true));
    ok(instance->commit("1"));
    ok(instance->advance_to(kStart + 1000 * kHour));
    ok(instance->advance_to(kStart));
    EXPECT_EQ(instance->least_tau(), kStart + 1000 * kHour);
  }
  auto instance = opened(model, store, sink, files());
  EXPECT_EQ(instance->least_tau(), kStart + 1000 * kHour);
  ok(instance->offer(added(model, "x", kStart, "2")));
  EXPECT_EQ(instance->tally().refused[static_cast<std::size_t>(Reason::kLate)], 1U);
}

TEST(EngineTime, does_not_reach_the_task_by_a_bad_timestamp) {
  InstanceOptions options = files();
  options.horizon = kStart;
  Shop shop(options);
  shop.offer(added(shop.model, "x", event::kEndOfTime - 1, "1"), true);
  EXPECT_EQ(shop.instance->greatest_tau(), 0);
}

TEST(Timer, fires_in_replay_by_the_events_of_other_keys) {
  Shop shop(files());
  shop.offer(added(shop.model, "a", kStart, "1"));
  ok(shop.instance->commit("1"));
  EXPECT_TRUE(shop.quiet().empty());
  shop.offer(added(shop.model, "b", kStart + kHour - 1, "2"));
  ok(shop.instance->commit("2"));
  EXPECT_TRUE(shop.quiet().empty());
  shop.offer(added(shop.model, "b", kStart + kHour, "3"));
  ok(shop.instance->commit("3"));
  ASSERT_EQ(shop.quiet().size(), 1U);
  EXPECT_EQ(shop.quiet()[0].substr(0, 8), "a since ");
}

TEST(Timer, fires_at_the_end_by_advance_to) {
  Shop shop(files());
  shop.offer(added(shop.model, "a", kStart, "1"), true);
  ok(shop.instance->commit("1"));
  ok(shop.instance->advance_to(kStart + 5 * kHour));
  ASSERT_EQ(shop.quiet().size(), 1U);
  EXPECT_EQ(shop.instance->source_position(), "1");
}

TEST(Timer, is_lazy_and_armed_again_when_it_fires_too_early) {
  Shop shop(files());
  shop.offer(added(shop.model, "a", kStart, "1"));
  ok(shop.instance->commit("1"));
  const auto timers = [&] {
    std::vector<std::string> out;
    for (const auto& [key, bytes] : shop.store.contents()) {
      if (key.front() == 'T') out.push_back(key);
    }
    return out;
  };
  const auto first = timers();
  ASSERT_EQ(first.size(), 1U);
  for (int i = 1; i <= 10; ++i) {
    shop.offer(added(shop.model, "a", kStart + i * kMinute, numbered("m", i)));
    ok(shop.instance->commit(std::to_string(1 + i)));
  }
  EXPECT_EQ(timers(), first);  // each event moved the deadline; none touched the timer

  shop.offer(added(shop.model, "b", kStart + kHour, "2"));  // the first deadline passes
  ok(shop.instance->commit("12"));
  EXPECT_TRUE(shop.quiet().empty());
  EXPECT_EQ(shop.state("a").settled, 12U);
  shop.offer(added(shop.model, "b", kStart + kHour + 10 * kMinute, "3"));
  ok(shop.instance->commit("13"));
  EXPECT_EQ(shop.quiet().size(), 1U);
}

TEST(Timer, is_moved_when_the_deadline_comes_nearer) {
  Shop shop(files(), {});
  shop.offer(added(shop.model, "a", kStart + kHour, "1"));
  ok(shop.instance->commit("1"));
  shop.offer(added(shop.model, "a", kStart, "1"));  // displaces the later one: quiet from kStart + 1 h
  ok(shop.instance->commit("2"));
  ASSERT_EQ(shop.quiet().size(), 1U);
  std::size_t timers = 0;
  for (const auto& [key, bytes] : shop.store.contents()) timers += key.front() == 'T' ? 1U : 0U;
  EXPECT_EQ(timers, 1U);  // a later one may stay: it fires without effect
  ok(shop.instance->advance_to(kStart + 5 * kHour));
  EXPECT_EQ(shop.quiet().size(), 1U);
  for (const auto& [key, bytes] : shop.store.contents()) EXPECT_NE(key.front(), 'T');
}

TEST(Timer, fires_live_by_the_wall_clock_on_a_silent_partition) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart + kMinute));
  (void)value(shop.instance->assign(0));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  shop.offer(added(shop.model, "a", kStart, "1", 1));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  EXPECT_EQ(shop.instance->least_tau(), kStart + kMinute);
  ok(shop.instance->commit(""));
  EXPECT_FALSE(shop.instance->has_uncommitted());

  ok(shop.instance->advance_wall(kStart + kHour - 1));
  EXPECT_FALSE(shop.instance->wants_commit());
  ok(shop.instance->advance_wall(kStart + kHour));
  EXPECT_TRUE(shop.instance->wants_commit());
  ok(shop.instance->commit(""));
  ASSERT_EQ(shop.quiet().size(), 1U);
  EXPECT_FALSE(shop.instance->wants_commit());
}

TEST(Timer, of_a_partition_that_lags_waits_for_the_events) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart + 10 * kHour));
  (void)value(shop.instance->assign(0));
  shop.offer(added(shop.model, "a", kStart, "1", 0));
  shop.offer(added(shop.model, "a", kStart, "2", 1));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));  // the other input still lags
  ok(shop.instance->commit(""));
  ok(shop.instance->advance_wall(kStart + 20 * kHour));
  EXPECT_EQ(shop.instance->least_tau(), kStart);
  EXPECT_FALSE(shop.instance->wants_commit());
  ok(shop.instance->commit(""));
  EXPECT_TRUE(shop.quiet().empty());
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  ok(shop.instance->commit(""));
  EXPECT_EQ(shop.quiet().size(), 1U);
}

TEST(Live, holds_what_only_time_would_say_while_a_source_is_silent) {
  Shop shop(live());
  (void)value(shop.instance->assign(0));
  ok(shop.instance->advance_wall(kStart));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  Decoded first = added(shop.model, "x", kStart, "1");
  shop.offer(first);
  ok(shop.instance->commit(""));
  ok(shop.instance->set_silent(1, true));
  const TimeUs later = kStart + 1'000 * kHour;
  ok(shop.instance->advance_wall(later));
  EXPECT_EQ(shop.instance->greatest_tau(), kStart);
  EXPECT_FALSE(shop.instance->wants_commit());
  ok(shop.instance->commit(""));
  EXPECT_TRUE(shop.quiet().empty());
  EXPECT_EQ(value(shop.instance->held_keys()), 1U);
  // What the other input tells goes on.
  Decoded second = added(shop.model, "y", later, "2");
  second.record.origin.offset = 1;
  shop.offer(second);
  ok(shop.instance->commit(""));
  EXPECT_EQ(shop.instance->tally().applied, 2U);
  EXPECT_EQ(shop.instance->greatest_tau(), kStart);

  ok(shop.instance->set_silent(1, false));
  ok(shop.instance->advance_wall(later));
  EXPECT_TRUE(shop.instance->wants_commit());
  ok(shop.instance->commit(""));
  EXPECT_EQ(shop.quiet().size(), 1U);
  EXPECT_EQ(value(shop.instance->held_keys()), 0U);
}

TEST(Live, holds_partitions_that_are_assigned_while_a_source_is_silent_too) {
  Shop shop(live(2));
  ok(shop.instance->advance_wall(kStart));
  ok(shop.instance->set_silent(0, true));
  (void)value(shop.instance->assign(1));
  ok(shop.instance->news(news(kAtEnd, 0, 1)));
  ok(shop.instance->news(news(kAtEnd, 1, 1)));
  ok(shop.instance->advance_wall(kStart + kHour));
  EXPECT_EQ(shop.instance->greatest_tau(), 0);
}

TEST(Live, has_the_wall_clock_for_its_horizon) {
  Shop shop(live());
  (void)value(shop.instance->assign(0));
  EXPECT_FALSE(shop.instance->offer(added(shop.model, "a", kStart, "0")).ok());  // not told yet
  ok(shop.instance->advance_wall(kStart));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  shop.offer(added(shop.model, "a", kStart + 10 * kMinute, "1"));
  EXPECT_EQ(shop.instance->tally().refused[static_cast<std::size_t>(Reason::kFuture)], 1U);
  ok(shop.instance->advance_wall(kStart + 5 * kMinute));
  EXPECT_EQ(shop.instance->horizon(), kStart + 5 * kMinute);
  Decoded again = added(shop.model, "a", kStart + 10 * kMinute, "2");
  again.record.origin.offset = 1;
  shop.offer(std::move(again));
  EXPECT_EQ(shop.instance->tally().applied, 1U);
}

TEST(Live, does_not_go_back_with_the_wall_clock) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart));
  (void)value(shop.instance->assign(0));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  ok(shop.instance->advance_wall(kStart - kHour));
  EXPECT_EQ(shop.instance->least_tau(), kStart);
}

TEST(Live, writes_nothing_while_only_the_clock_moves) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart));
  (void)value(shop.instance->assign(0));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  ok(shop.instance->commit(""));
  const std::uint64_t commits = shop.store.commits();
  for (int i = 1; i < 100; ++i) {
    ok(shop.instance->advance_wall(kStart + i * kSecond));
    EXPECT_FALSE(shop.instance->has_uncommitted());
    ok(shop.instance->commit(""));
  }
  EXPECT_EQ(shop.store.commits(), commits);
}

TEST(Live, asks_for_a_commit_100_ms_after_the_last_one) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart));
  (void)value(shop.instance->assign(0));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  ok(shop.instance->commit(""));
  shop.offer(added(shop.model, "a", kStart, "1"));
  EXPECT_TRUE(shop.instance->has_uncommitted());
  ok(shop.instance->advance_wall(kStart + 99'000));
  EXPECT_FALSE(shop.instance->wants_commit());
  ok(shop.instance->advance_wall(kStart + 100'000));
  EXPECT_TRUE(shop.instance->wants_commit());
}

TEST(Live, holds_tau_again_when_an_input_falls_behind) {
  Shop shop(live());
  ok(shop.instance->advance_wall(kStart));
  (void)value(shop.instance->assign(0));
  ok(shop.instance->news(news(kAtEnd, 0, 0)));
  ok(shop.instance->news(news(kAtEnd, 1, 0)));
  ok(shop.instance->advance_wall(kStart + kHour));
  ok(shop.instance->news(news(kNotAtEnd, 0, 0)));
  ok(shop.instance->advance_wall(kStart + 2 * kHour));
  EXPECT_EQ(shop.instance->least_tau(), kStart + kHour);
}

}  // namespace
}  // namespace troth::task
