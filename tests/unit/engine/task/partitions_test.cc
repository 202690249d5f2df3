// Partitions that are assigned and revoked, their positions, and the merging of their inputs.
#include "engine/base/limits.h"
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

struct Shop {
  std::unique_ptr<Instance> open(InstanceOptions options = topics({"orders", "complaints"}, 4)) {
    return opened(model, store, sink, std::move(options));
  }
  Decoded at(std::int32_t partition, std::uint16_t input, std::int64_t offset, TimeUs time, std::string subject = "a") {
    Decoded out = added(model, std::move(subject), time,
                        numbered("p", partition) + numbered("i", input) + numbered("o", offset),
                        input);
    out.record.origin = {input, partition, offset};
    out.event->origin = out.record.origin;
    return out;
  }
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
};

void at_end(Instance& instance, std::uint16_t input, std::int32_t partition) {
  ok(instance.news({InputNews::Kind::kAtEnd, input, partition}));
}

using Offsets = std::vector<std::int64_t>;

TEST(Assignment, answers_the_next_offsets_of_the_inputs) {
  Shop shop;
  auto instance = shop.open();
  EXPECT_EQ(value(instance->assign(2)), (Offsets{-1, -1}));
  at_end(*instance, 1, 2);
  ok(instance->offer(shop.at(2, 0, 41, kStart)));
  ok(instance->commit(""));
  EXPECT_EQ(value(instance->assign(2)), (Offsets{42, -1}));  // again: the same task
  instance = shop.open();
  EXPECT_EQ(value(instance->assign(2)), (Offsets{42, -1}));
  EXPECT_EQ(value(instance->assign(3)), (Offsets{-1, -1}));
}

TEST(Assignment, of_a_partition_beyond_those_of_the_store_is_refused) {
  Shop shop;
  auto instance = shop.open();
  EXPECT_FALSE(instance->assign(4).ok());
  EXPECT_TRUE(instance->assign(3).ok());
}

TEST(Assignment, drops_what_was_delivered_twice_and_what_is_not_ours) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  at_end(*instance, 1, 0);
  ok(instance->offer(shop.at(0, 0, 5, kStart)));
  ok(instance->offer(shop.at(0, 0, 5, kStart)));
  ok(instance->offer(shop.at(0, 0, 4, kStart)));
  ok(instance->offer(shop.at(1, 0, 0, kStart)));
  EXPECT_EQ(instance->tally().read, 1U);
  ok(instance->commit(""));
  instance = shop.open();
  (void)value(instance->assign(0));
  at_end(*instance, 1, 0);
  ok(instance->offer(shop.at(0, 0, 5, kStart)));
  EXPECT_EQ(instance->tally().read, 1U);
}

TEST(Assignment, takes_every_input_for_behind_until_told_otherwise) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  at_end(*instance, 0, 0);
  at_end(*instance, 1, 0);
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  ok(instance->commit(""));
  instance = shop.open();
  (void)value(instance->assign(0));
  ok(instance->offer(shop.at(0, 0, 1, kStart + kHour)));
  EXPECT_EQ(instance->tally().read, 1U);  // waits for the head of the other input
  ok(instance->offer(shop.at(0, 1, 0, kStart + 2 * kHour)));
  EXPECT_EQ(instance->tally().read, 2U);
  EXPECT_EQ(instance->greatest_tau(), kStart);  // of the other input nothing was taken yet
}

TEST(Revocation, closes_commits_and_forgets) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  (void)value(instance->assign(1));
  for (std::int32_t partition : {0, 1}) {
    at_end(*instance, 1, partition);
    ok(instance->offer(shop.at(partition, 0, 0, kStart, numbered("k", partition))));
  }
  ok(instance->revoke(0, false));
  ASSERT_EQ(shop.sink.records.size(), 1U);  // of partition 0 only
  EXPECT_EQ(shop.sink.records[0].key, "k0");
  EXPECT_EQ(counts(*instance), (std::map<std::string, std::size_t>{{"k1", 1}}));
  ok(instance->offer(shop.at(0, 0, 1, kStart)));  // still in the client's queue: not ours any more
  ok(instance->commit(""));
  EXPECT_EQ(shop.sink.records.size(), 2U);
  EXPECT_EQ(value(instance->assign(0)), (Offsets{1, -1}));
  EXPECT_EQ(counts(*instance).size(), 2U);
}

TEST(Revocation, of_a_lost_partition_writes_nothing) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  at_end(*instance, 1, 0);
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  const auto before = shop.store.contents();
  ok(instance->news({InputNews::Kind::kLost, 0, 0}));
  ok(instance->commit(""));
  EXPECT_EQ(shop.store.contents(), before);
  EXPECT_TRUE(shop.sink.records.empty());
  EXPECT_EQ(value(instance->assign(0)), (Offsets{-1, -1}));
}

TEST(Revocation, takes_its_memory_along) {
  Shop shop;
  InstanceOptions options = topics({"orders", "complaints"}, 4);
  options.dirty_bytes_max = 1'000;
  auto instance = shop.open(options);
  (void)value(instance->assign(0));
  at_end(*instance, 1, 0);
  for (int i = 0; i < 10; ++i) ok(instance->offer(shop.at(0, 0, i, kStart + i)));
  EXPECT_EQ(instance->tally().read, 10U);
  EXPECT_TRUE(instance->wants_commit());
  ok(instance->revoke(0, true));
  EXPECT_FALSE(instance->wants_commit());
}

TEST(Revocation, of_what_was_never_assigned_is_nothing) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->revoke(3, false));
  ok(instance->news({InputNews::Kind::kRevoked, 0, 2}));
}

TEST(Merging, applies_the_inputs_of_a_partition_by_time_while_it_catches_up) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  // All orders come first, then all complaints, 100 hours apart in time: without merging most would be late.
  for (int i = 0; i < 100; ++i) ok(instance->offer(shop.at(0, 0, i, kStart + i * kHour)));
  EXPECT_EQ(instance->tally().read, 0U);
  EXPECT_EQ(instance->statistics().partitions[0].merge_ahead, (std::vector<std::size_t>{100, 0}));
  for (int i = 0; i < 100; ++i) ok(instance->offer(shop.at(0, 1, i, kStart + i * kHour)));
  at_end(*instance, 0, 0);
  at_end(*instance, 1, 0);
  EXPECT_EQ(instance->tally().applied, 200U);
  EXPECT_EQ(instance->statistics().partitions[0].merge_ahead, (std::vector<std::size_t>{0, 0}));
}

TEST(Merging, does_not_count_what_waits_as_read) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  for (int i = 0; i < 10; ++i) ok(instance->offer(shop.at(0, 0, i, kStart + i)));
  ok(instance->offer(shop.at(0, 1, 0, kStart + 4)));
  ok(instance->commit(""));
  instance = shop.open();
  EXPECT_EQ(value(instance->assign(0)), (Offsets{5, 1}));  // what comes after time 4 waits
}

TEST(Merging, treats_the_last_waiting_record_as_the_end_of_its_input) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  ok(instance->offer(shop.at(0, 0, 1, kStart + 10)));
  at_end(*instance, 0, 0);  // both still wait for input 1
  EXPECT_FALSE(instance->statistics().partitions[0].at_end[0]);
  ok(instance->offer(shop.at(0, 1, 0, kStart + 5)));
  ok(instance->offer(shop.at(0, 1, 1, kStart + 20)));
  EXPECT_TRUE(instance->statistics().partitions[0].at_end[0]);
  EXPECT_EQ(instance->greatest_tau(), kStart + 20);
}

TEST(Merging, waits_again_for_an_input_that_fell_behind) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  at_end(*instance, 0, 0);
  at_end(*instance, 1, 0);
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  EXPECT_EQ(instance->tally().read, 1U);
  ok(instance->news({InputNews::Kind::kNotAtEnd, 1, 0}));
  ok(instance->offer(shop.at(0, 0, 1, kStart + kHour)));
  EXPECT_EQ(instance->tally().read, 1U);
  ok(instance->offer(shop.at(0, 1, 0, kStart + 1)));
  EXPECT_EQ(instance->tally().read, 2U);
}

TEST(Merging, notices_the_end_of_an_input_even_if_its_last_record_was_delivered_twice) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  ok(instance->offer(shop.at(0, 0, 0, kStart)));
  at_end(*instance, 0, 0);
  at_end(*instance, 1, 0);
  EXPECT_EQ(instance->statistics().partitions[0].at_end, (std::vector<bool>{true, true}));
  EXPECT_EQ(instance->tally().read, 1U);
}

TEST(Merging, tells_which_inputs_to_pause_and_lets_them_go_at_half) {
  Shop shop;
  auto instance = shop.open();
  (void)value(instance->assign(0));
  const auto bound = static_cast<std::int64_t>(base::limits::kMergeAhead);
  for (std::int64_t i = 0; i < bound; ++i) {
    EXPECT_TRUE(instance->inputs_ahead().empty());
    ok(instance->offer(shop.at(0, 0, i, kStart + i)));
  }
  EXPECT_EQ(instance->inputs_ahead(), (std::vector<InputAhead>{{0, 0}}));
  ok(instance->offer(shop.at(0, 1, 0, kStart + bound / 2 - 2)));  // lets all but half and one go
  EXPECT_EQ(instance->statistics().partitions[0].merge_ahead[0], static_cast<std::size_t>(bound / 2 + 1));
  EXPECT_EQ(instance->inputs_ahead(), (std::vector<InputAhead>{{0, 0}}));
  ok(instance->offer(shop.at(0, 1, 1, kStart + bound / 2 + 1)));
  (void)instance->tally();
  EXPECT_TRUE(instance->inputs_ahead().empty());
}

TEST(Merging, of_a_single_topic_keeps_nothing_waiting_and_pauses_nothing) {
  Shop shop;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(shop.model, store, sink, topics({"orders"}, 4));
  (void)value(instance->assign(0));
  const auto count = static_cast<std::int64_t>(base::limits::kMergeAhead) + 1'000;
  for (std::int64_t i = 0; i < count; ++i) ok(instance->offer(shop.at(0, 0, i, kStart + i)));
  EXPECT_EQ(instance->tally().read, static_cast<std::uint64_t>(count));
  EXPECT_EQ(instance->statistics().partitions[0].merge_ahead, (std::vector<std::size_t>{0}));
  EXPECT_TRUE(instance->inputs_ahead().empty());
  at_end(*instance, 0, 0);
  EXPECT_EQ(instance->statistics().partitions[0].at_end, (std::vector<bool>{true}));
}

TEST(Merging, works_the_same_with_workers) {
  Shop shop;
  std::map<std::string, std::size_t> expected;
  for (const int workers : {1, 4}) {
    MemoryStore store;
    FakeSink sink;
    InstanceOptions options = topics({"orders", "complaints"}, 4);
    options.workers = workers;
    auto instance = opened(shop.model, store, sink, options);
    for (std::int32_t partition = 0; partition < 4; ++partition) (void)value(instance->assign(partition));
    for (int i = 0; i < 2'000; ++i) {
      const std::int32_t partition = i % 4;
      const auto input = static_cast<std::uint16_t>(i / 4 % 2);
      ok(instance->offer(shop.at(partition, input, i, kStart + i * kSecond, numbered("k", partition))));
      (void)instance->inputs_ahead();
      if (i % 500 == 499) ok(instance->commit(""));
    }
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      at_end(*instance, 0, partition), at_end(*instance, 1, partition);
    }
    ok(instance->commit(""));
    EXPECT_EQ(instance->tally().applied, 2'000U);
    if (workers == 1) expected = counts(*instance);
    EXPECT_EQ(counts(*instance), expected);
  }
}

TEST(Reading, of_topics_finds_a_key_in_whatever_partition_it_came) {
  Shop shop;
  auto instance = shop.open();
  for (std::int32_t partition = 0; partition < 4; ++partition) {
    (void)value(instance->assign(partition));
    at_end(*instance, 0, partition), at_end(*instance, 1, partition);
    ok(instance->offer(shop.at(partition, 0, 0, kStart, numbered("p", partition))));
  }
  for (int i = 0; i < 4; ++i) {
    const std::string key = numbered("p", i);
    EXPECT_NE(value(instance->find(key, key)), nullptr);
  }
  EXPECT_EQ(value(instance->find("x", "x")), nullptr);
}

}  // namespace
}  // namespace troth::task
