// Epochs and commits: what must not show in results, and what is equal to the byte although the run was killed.
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

constexpr std::int32_t kPartitions = 4;

InstanceOptions fixed(std::int64_t epoch_events, int workers = 1) {
  InstanceOptions options = files({"a", "b"}, kPartitions);
  options.epoch_events = epoch_events;
  options.workers = workers;
  options.horizon = kStart + 100 * 24 * kHour;
  return options;
}

struct Replay {
  Replay(const std::vector<Item>& items, const InstanceOptions& options,
      const std::function<Step(std::size_t)>& step = [](std::size_t) { return Step::kGoOn; },
      const std::function<void(Replay&)>& before = [](Replay&) {}) {
    before(*this);
    const auto instance = replay(model, items, store, sink, options, kEnd, step);
    counts = testing::counts(*instance);
    tally = instance->tally();
  }
  static constexpr TimeUs kEnd = kStart + 50 * 24 * kHour;

  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  std::map<std::string, std::size_t> counts;
  Tally tally;
};

std::vector<Item> some_shop(std::uint64_t seed = 1, std::size_t count = 2'000) {
  static const CounterModel kModel;  // events point to its catalogue
  return shop(kModel, count, 40, seed);
}

TEST(Epochs, of_1_and_of_100000_events_end_in_the_same_state_and_the_same_last_records) {
  const auto items = some_shop();
  const Replay small(items, fixed(1));
  const Replay large(items, fixed(100'000));
  InstanceOptions adaptive = fixed(1);
  adaptive.epoch_events.reset();
  const Replay free(items, adaptive, [](std::size_t at) { return at % 77 == 0 ? Step::kCommit : Step::kGoOn; });
  EXPECT_FALSE(small.counts.empty());
  EXPECT_EQ(small.counts, large.counts);
  EXPECT_EQ(small.counts, free.counts);
  EXPECT_EQ(small.tally, large.tally);
  EXPECT_EQ(small.tally, free.tally);
  EXPECT_TRUE(has_equal_last_records(small.sink, large.sink));
  EXPECT_TRUE(has_equal_last_records(small.sink, free.sink));
  EXPECT_GT(small.sink.records.size(), large.sink.records.size());
}

TEST(Epochs, close_after_exactly_n_records_of_the_partition_dead_letters_included) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  InstanceOptions options = files();
  options.epoch_events = 3;
  auto instance = opened(model, store, sink, options);
  const auto epoch = [&] { return instance->statistics().partitions[0].epoch; };
  ok(instance->offer(added(model, "a", kStart, "1")));
  ok(instance->offer(malformed("?")));
  EXPECT_EQ(epoch(), 0U);
  ok(instance->offer(added(model, "b", kStart, "2")));
  EXPECT_EQ(epoch(), 1U);
  ok(instance->offer(added(model, "b", kStart, "3")));
  ok(instance->commit("4"));
  EXPECT_EQ(epoch(), 1U);  // a commit does not close it
  EXPECT_EQ(instance->statistics().partitions[0].unsettled_keys, 1U);
  ok(instance->advance_to(kStart));
  EXPECT_EQ(epoch(), 2U);
}

TEST(Epochs, settle_keys_in_ascending_order) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(model, store, sink, files());
  for (const char* key : {"m", "z", "a", "q"}) ok(instance->offer(added(model, key, kStart, key)));
  ok(instance->commit("4"));
  std::vector<std::string> keys;
  for (const Outgoing& each : sink.records) keys.push_back(*each.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "m", "q", "z"}));
}

class EpochsOfSize : public ::testing::TestWithParam<std::int64_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, EpochsOfSize, ::testing::Values(1, 2, 7, 100, 1'000));

TEST_P(EpochsOfSize, give_the_same_streams_however_often_the_run_is_killed) {
  const auto items = some_shop(static_cast<std::uint64_t>(GetParam()));
  const Replay whole(items, fixed(GetParam()));
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    std::size_t kills = 0;
    const Replay killed(items, fixed(GetParam()), [&](std::size_t) {
      const std::uint64_t dice = random() % 400;
      if (dice < 12) return Step::kCommit;
      if (dice > 15 || kills == 40) return Step::kGoOn;
      ++kills;
      return Step::kKill;
    });
    EXPECT_GT(kills, 0U);
    ASSERT_TRUE(has_equal_streams(killed.sink, whole.sink)) << "seed " << seed;
    EXPECT_EQ(killed.counts, whole.counts);
    EXPECT_EQ(killed.tally, whole.tally);
  }
}

TEST_P(EpochsOfSize, give_the_same_streams_with_1_2_and_8_workers) {
  const auto items = some_shop();
  const Replay one(items, fixed(GetParam(), 1));
  for (const int workers : {2, 8}) {
    std::mt19937_64 random(static_cast<std::uint64_t>(workers));
    std::size_t kills = 0;
    const Replay many(items, fixed(GetParam(), workers), [&](std::size_t) {
      const std::uint64_t dice = random() % 500;
      if (dice > 5) return Step::kGoOn;
      if (dice > 0 || ++kills > 10) return Step::kCommit;
      return Step::kKill;
    });
    EXPECT_TRUE(has_equal_streams(many.sink, one.sink)) << workers;
    EXPECT_EQ(many.counts, one.counts);
    EXPECT_EQ(many.tally, one.tally);
  }
}

TEST(Epochs, give_the_same_streams_with_a_kill_at_every_single_commit) {
  const auto items = some_shop(3, 300);
  const Replay whole(items, fixed(7));
  // Commits at every fifth record; the n-th of them fails, with or without having been written.
  for (const auto failure : {MemoryStore::Failure::kNothingWritten, MemoryStore::Failure::kOutcomeUnknown}) {
    for (std::uint64_t n = 1; n <= 65; ++n) {
      const Replay failed(
          items, fixed(7), [](std::size_t at) { return at % 5 == 0 ? Step::kCommit : Step::kGoOn; },
          [&](Replay& run) { run.store.fail_commit(n, failure); });
      ASSERT_TRUE(has_equal_streams(failed.sink, whole.sink)) << "commit " << n;
      EXPECT_EQ(failed.tally, whole.tally);
    }
  }
}

TEST(Epochs, give_the_same_streams_with_a_failure_at_every_write_of_the_sink) {
  const auto items = some_shop(4, 300);
  const Replay whole(items, fixed(7));
  for (int n = 1; n <= 60; ++n) {
    const auto commit_often = [](std::size_t at) { return at % 5 == 0 ? Step::kCommit : Step::kGoOn; };
    const Replay unwritten(items, fixed(7), commit_often, [&](Replay& run) { run.sink.fails_write_in = n; });
    ASSERT_TRUE(has_equal_streams(unwritten.sink, whole.sink)) << "write " << n;
    const Replay unsynced(items, fixed(7), commit_often, [&](Replay& run) { run.sink.fails_durable_in = n; });
    ASSERT_TRUE(has_equal_streams(unsynced.sink, whole.sink)) << "sync " << n;
  }
}

TEST(Epochs, give_the_same_streams_whatever_the_budget_of_memory) {
  const auto items = some_shop(5);
  const Replay roomy(items, fixed(50));
  InstanceOptions narrow = fixed(50);
  narrow.cache_bytes = 0;
  narrow.dirty_bytes_max = 1;
  const Replay tight(items, narrow, [](std::size_t at) { return at % 20 == 0 ? Step::kCommit : Step::kGoOn; });
  EXPECT_TRUE(has_equal_streams(tight.sink, roomy.sink));
  EXPECT_EQ(tight.counts, roomy.counts);
  EXPECT_EQ(tight.store.contents().size(), roomy.store.contents().size());
}

TEST(Epochs, closed_in_slices_resume_in_the_middle_of_a_close) {
  // Keys whose timers are all due at the end, a budget that asks for a commit after each slice, and a kill there.
  CounterModel model;
  std::vector<Item> items;
  for (int i = 0; i < 8'000; ++i) {
    items.push_back({added(model, numbered("k", i), kStart + i, std::to_string(i)), i == 7'999});
  }
  for (const std::int32_t partitions : {1, 3}) {
    InstanceOptions options = files({"a"}, partitions);
    options.epoch_events = 100'000;
    options.dirty_bytes_max = 1;
    MemoryStore store;
    FakeSink sink;
    (void)replay(model, items, store, sink, options, kStart + 5 * kHour);
    EXPECT_GT(store.commits(), 8U);
    for (std::uint64_t n = 2; n <= store.commits(); ++n) {
      MemoryStore failing_store;
      FakeSink failing_sink;
      failing_store.fail_commit(n);
      auto instance = replay(model, items, failing_store, failing_sink, options, kStart + 5 * kHour);
      ASSERT_TRUE(has_equal_streams(failing_sink, sink)) << n;
      EXPECT_EQ(failing_store.contents(), store.contents());
    }
    InstanceOptions roomy = options;
    roomy.dirty_bytes_max = std::size_t{1} << 30U;
    roomy.workers = 2;
    MemoryStore roomy_store;
    FakeSink roomy_sink;
    (void)replay(model, items, roomy_store, roomy_sink, roomy, kStart + 5 * kHour);
    EXPECT_TRUE(has_equal_streams(roomy_sink, sink));
  }
}

TEST(Epochs, adaptive_ones_lose_and_repeat_nothing_when_killed) {
  const auto items = some_shop(6);
  InstanceOptions options = fixed(1, 2);
  options.epoch_events.reset();
  const Replay whole(items, options);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    std::size_t kills = 0;
    const Replay killed(items, options, [&](std::size_t) {
      const std::uint64_t dice = random() % 300;
      if (dice > 3) return Step::kGoOn;
      if (dice > 0 || ++kills > 20) return Step::kCommit;
      return Step::kKill;
    });
    EXPECT_TRUE(has_equal_last_records(killed.sink, whole.sink));
    EXPECT_EQ(killed.counts, whole.counts);
    EXPECT_EQ(killed.tally, whole.tally);
    EXPECT_EQ(lines(killed.sink, 2), lines(whole.sink, 2));
  }
}

TEST(Commit, is_wanted_when_memory_fills_up) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  InstanceOptions options = files();
  options.dirty_bytes_max = 100'000;
  auto instance = opened(model, store, sink, options);
  int offered = 0;
  while (!instance->wants_commit() && offered < 10'000) {
    ok(instance->offer(added(model, numbered("k", offered), kStart, std::to_string(offered))));
    ++offered;
  }
  EXPECT_GT(offered, 50);
  EXPECT_LT(offered, 1'000);
  ok(instance->commit("x"));
  EXPECT_FALSE(instance->wants_commit());
  EXPECT_EQ(instance->statistics().dirty_bytes, 0U);
}

TEST(Commit, of_nothing_new_writes_nothing) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(model, store, sink, files());
  ok(instance->offer(added(model, "a", kStart, "1")));
  EXPECT_TRUE(instance->has_uncommitted());
  ok(instance->commit("1"));
  const std::uint64_t commits = store.commits();
  EXPECT_FALSE(instance->has_uncommitted());
  ok(instance->commit("1"));
  EXPECT_EQ(store.commits(), commits);
  ok(instance->commit("2"));  // only the position
  EXPECT_EQ(store.commits(), commits + 1);
  EXPECT_EQ(opened(model, store, sink, files())->source_position(), "2");
}

TEST(Commit, that_fails_ends_the_instance) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(model, store, sink, files());
  ok(instance->offer(added(model, "a", kStart, "1")));
  store.fail_commit(1);
  const auto first = instance->commit("1");
  ASSERT_FALSE(first.ok());
  const auto later = instance->offer(added(model, "a", kStart, "2"));
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().message, first.error().message);
  EXPECT_FALSE(instance->commit("1").ok());
  EXPECT_FALSE(instance->advance_to(kStart).ok());
  EXPECT_FALSE(instance->for_each_key([](auto, auto, auto&) { return base::success(); }).ok());
}

TEST(Statistics, tell_where_time_and_memory_go) {
  const auto items = some_shop();
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(model, store, sink, fixed(10));
  for (const Item& item : items) ok(instance->offer(item.decoded, item.last_of_input));
  EXPECT_EQ(instance->statistics().events_in_flight, items.size());
  EXPECT_GT(instance->statistics().dirty_bytes, 0U);
  ok(instance->commit("x"));
  const Statistics statistics = instance->statistics();
  EXPECT_EQ(statistics.events_in_flight, 0U);
  EXPECT_EQ(statistics.last_commit_events, items.size());
  EXPECT_GT(statistics.total.apply_ns, 0U);
  EXPECT_GT(statistics.total.settle_ns, 0U);
  EXPECT_GT(statistics.total.encode_ns, 0U);
  EXPECT_GT(statistics.total.store_ns, 0U);
  EXPECT_GT(statistics.total.sink_ns, 0U);
  EXPECT_GT(statistics.last_commit_bytes, 0U);
  EXPECT_EQ(statistics.last_commit_outputs, sink.records.size());
  EXPECT_EQ(statistics.commits, 1U);
  EXPECT_EQ(statistics.partitions.size(), static_cast<std::size_t>(kPartitions));
  EXPECT_GT(statistics.keys_settled, 0U);
}

}  // namespace
}  // namespace troth::task
