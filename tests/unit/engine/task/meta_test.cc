// The stored forms: keys that sort as they should, meta that is read back whole or not at all.
#include "engine/task/meta.h"

#include <gtest/gtest.h>

#include "engine/task/keys.h"

namespace troth::task {
namespace {

TaskMeta some_task() {
  TaskMeta meta;
  meta.tau = 1'577'836'800'000'000;
  meta.inputs = {{5, true, -1}, {7, false, 1'000'000'000'000}};
  meta.tally.read = 10;
  meta.tally.applied = 6;
  meta.tally.duplicates = 1;
  meta.tally.refused[2] = 3;
  meta.tally.counters = {-5, 1'000'000};
  meta.counter_names = {"a", "b"};
  meta.epoch = 12;
  meta.epoch_records = 3;
  meta.erased_keys = 2;
  meta.settled_under = "v1";
  meta.resettling_under = "v2";
  meta.resettled_to = "key";
  meta.unsettled = {"x", "y"};
  return meta;
}

TEST(TaskMeta, is_read_back_as_it_was_written) {
  const TaskMeta meta = some_task();
  const std::string bytes = encode_meta(meta);
  const auto read = decode_task_meta(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->tau, meta.tau);
  ASSERT_EQ(read->inputs.size(), 2U);
  EXPECT_TRUE(read->inputs[0].at_end);
  EXPECT_EQ(read->inputs[1].next_offset, 1'000'000'000'000);
  EXPECT_EQ(read->tally, meta.tally);
  EXPECT_EQ(read->unsettled, meta.unsettled);
  EXPECT_EQ(encode_meta(*read), bytes);
}

TEST(TaskMeta, is_refused_if_any_byte_is_missing_or_too_many) {
  const std::string bytes = encode_meta(some_task());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_task_meta(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(decode_task_meta(bytes + '\0').ok());
}

TEST(TaskMeta, is_refused_if_its_tally_does_not_add_up) {
  TaskMeta meta = some_task();
  ++meta.tally.read;
  EXPECT_FALSE(decode_task_meta(encode_meta(meta)).ok());
}

TEST(InstanceMeta, is_read_back_as_it_was_written_or_refused) {
  InstanceMeta meta;
  meta.foundation = "f";
  meta.partitions = 16;
  meta.partitions_by_key = false;
  meta.inputs = {"a", "b"};
  meta.horizon = -1;
  meta.source_position = std::string("\0\1", 2);
  meta.sink_mark = "7";
  const std::string bytes = encode_meta(meta);
  const auto read = decode_instance_meta(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(encode_meta(*read), bytes);
  EXPECT_EQ(read->horizon, -1);
  EXPECT_EQ(read->source_position, meta.source_position);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_instance_meta(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(Keys, sort_by_partition_then_key_then_part) {
  EXPECT_LT(keys::state(0, "b") + "part", keys::state(0, "ba"));
  EXPECT_LT(keys::state(0, "z"), keys::state(1, "a"));
  EXPECT_LT(keys::state(255, "z"), keys::state(256, "a"));
  EXPECT_LT(keys::state(0, "a"), keys::behind_state(0, "a"));
  EXPECT_LT(keys::state(0, "a") + "\xFF\xFF", keys::behind_state(0, "a"));
  EXPECT_LE(keys::behind_state(0, "a"), keys::state(0, "a\x01"));
}

TEST(Keys, of_timers_sort_by_time_then_key) {
  EXPECT_LT(keys::timer_suffix(1, "z"), keys::timer_suffix(2, "a"));
  EXPECT_LT(keys::timer_suffix(255, "a"), keys::timer_suffix(256, "a"));
  EXPECT_LT(keys::timer_suffix(2, ""), keys::timer_suffix(2, "a"));
}

TEST(Keys, behind_a_prefix_are_greater_than_all_that_begin_with_it) {
  EXPECT_EQ(keys::behind("ab"), "ac");
  EXPECT_EQ(keys::behind("a\xFF"), "b");
  EXPECT_GT(keys::behind(keys::states(0xFFFF)), keys::states(0xFFFF) + "\xFF\xFF\xFF");
}

}  // namespace
}  // namespace troth::task
