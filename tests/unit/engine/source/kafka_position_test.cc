#include "engine/source/kafka_position.h"

#include <gtest/gtest.h>

namespace troth::source {
namespace {

using Step = KafkaPosition::Step;
using End = KafkaPosition::End;

TEST(KafkaPosition, records_in_order_are_delivered_and_move_the_position) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(7);
  EXPECT_EQ(position.take(7, counts), Step::kDeliver);
  EXPECT_EQ(position.take(8, counts), Step::kDeliver);
  EXPECT_EQ(position.next(), 9);
  EXPECT_EQ(counts.gaps, 0U);
}

TEST(KafkaPosition, a_record_below_the_position_is_dropped_whatever_the_client_delivers) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(7);
  EXPECT_EQ(position.take(5, counts), Step::kDrop);
  EXPECT_EQ(position.take(7, counts), Step::kDeliver);
  EXPECT_EQ(position.take(7, counts), Step::kDrop);
  EXPECT_EQ(position.next(), 8);
  EXPECT_EQ(counts.below, 2U);
}

TEST(KafkaPosition, from_the_beginning_any_first_offset_is_right) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(-1);
  EXPECT_EQ(position.take(1'000, counts), Step::kDeliver);
  EXPECT_EQ(position.next(), 1'001);
  EXPECT_EQ(counts.gaps + counts.reread, 0U);
}

TEST(KafkaPosition, a_first_record_above_the_position_is_read_again_and_then_believed) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(7);
  EXPECT_EQ(position.take(9, counts), Step::kReadAgain);
  EXPECT_EQ(position.next(), 7);
  EXPECT_EQ(position.take(9, counts), Step::kDeliver);
  EXPECT_EQ(counts.reread, 1U);
  EXPECT_EQ(counts.gaps, 1U);
  EXPECT_EQ(counts.missing, 2U);
}

TEST(KafkaPosition, a_first_record_that_comes_right_when_read_again_is_no_gap) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(7);
  EXPECT_EQ(position.take(9, counts), Step::kReadAgain);
  EXPECT_EQ(position.take(7, counts), Step::kDeliver);
  EXPECT_EQ(position.take(8, counts), Step::kDeliver);
  EXPECT_EQ(counts.gaps, 0U);
}

TEST(KafkaPosition, a_gap_in_the_middle_is_counted_and_the_record_delivered) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(0);
  EXPECT_EQ(position.take(0, counts), Step::kDeliver);
  EXPECT_EQ(position.take(2, counts), Step::kDeliver);  // a commit marker took offset 1
  EXPECT_EQ(counts.gaps, 1U);
  EXPECT_EQ(counts.missing, 1U);
}

TEST(KafkaPosition, the_first_record_after_a_pause_is_held_against_the_position_too) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(0);
  EXPECT_EQ(position.take(0, counts), Step::kDeliver);
  position.resumed();
  EXPECT_EQ(position.take(5, counts), Step::kReadAgain);
  EXPECT_EQ(position.take(1, counts), Step::kDeliver);
  EXPECT_EQ(counts.gaps, 0U);
}

TEST(KafkaPosition, offsets_before_an_end_that_was_reached_are_no_gap) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(3);
  EXPECT_EQ(position.reach_end(5), End::kReadAgain);
  EXPECT_EQ(position.reach_end(5), End::kNews);  // two markers at 3 and 4
  EXPECT_EQ(position.take(5, counts), Step::kDeliver);
  EXPECT_EQ(counts.gaps + counts.reread, 0U);
}

TEST(KafkaPosition, the_end_is_news_once) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(0);
  EXPECT_FALSE(position.at_end());
  EXPECT_EQ(position.reach_end(0), End::kNews);
  EXPECT_TRUE(position.at_end());
  EXPECT_EQ(position.take(0, counts), Step::kDeliver);
  EXPECT_TRUE(position.at_end());
  EXPECT_EQ(position.reach_end(1), End::kKnown);
}

// Within a rebalance librdkafka 2.0.2 dropped the records it had fetched and delivered the end behind them: 155 events were late.
TEST(KafkaPosition, an_end_with_records_missing_before_it_is_not_believed_until_it_is_reached_again) {
  KafkaPosition position;
  KafkaOffsetCounts counts;
  position.start(346);
  EXPECT_EQ(position.reach_end(501), End::kReadAgain);
  EXPECT_FALSE(position.at_end());
  EXPECT_EQ(position.take(346, counts), Step::kDeliver);  // they were there after all
  for (std::int64_t offset = 347; offset < 501; ++offset) EXPECT_EQ(position.take(offset, counts), Step::kDeliver);
  EXPECT_EQ(position.reach_end(501), End::kNews);
}

TEST(KafkaPosition, another_end_is_doubted_anew_and_a_log_from_its_beginning_too) {
  KafkaPosition position;
  position.start(3);
  EXPECT_EQ(position.reach_end(5), End::kReadAgain);
  EXPECT_EQ(position.reach_end(7), End::kReadAgain);
  EXPECT_EQ(position.reach_end(7), End::kNews);
  position.start(-1);
  EXPECT_EQ(position.reach_end(9), End::kReadAgain);
  EXPECT_EQ(position.reach_end(9), End::kNews);
  position.start(-1);
  EXPECT_EQ(position.reach_end(0), End::kNews);
}

TEST(KafkaPosition, an_end_below_the_position_is_of_an_earlier_reading) {
  KafkaPosition position;
  position.start(10);
  EXPECT_EQ(position.reach_end(9), End::kKnown);
  EXPECT_FALSE(position.at_end());
}

TEST(KafkaPosition, an_input_is_behind_again_only_with_more_than_the_backlog_allowed) {
  KafkaPosition position;
  position.start(0);
  EXPECT_FALSE(position.fall_behind(0, 1'000'000, 100));  // was not at its end
  EXPECT_EQ(position.reach_end(0), End::kNews);
  EXPECT_FALSE(position.fall_behind(0, 100, 100));
  EXPECT_FALSE(position.fall_behind(0, -1, 100));  // the end is not known
  EXPECT_TRUE(position.fall_behind(0, 101, 100));
  EXPECT_FALSE(position.at_end());
  EXPECT_FALSE(position.fall_behind(1, 101, 10));  // told already
  EXPECT_EQ(position.reach_end(101), End::kReadAgain);
  EXPECT_EQ(position.reach_end(101), End::kNews);
}

TEST(KafkaPosition, a_new_start_forgets_the_end) {
  KafkaPosition position;
  position.start(4);
  EXPECT_EQ(position.reach_end(4), End::kNews);
  position.paused = true;
  position.start(2);
  EXPECT_FALSE(position.at_end());
  EXPECT_FALSE(position.paused);
  EXPECT_EQ(position.lag(4), 2);
}

TEST(KafkaPosition, lag_is_what_lies_between_here_and_the_end) {
  KafkaPosition position;
  position.start(-1);
  EXPECT_EQ(position.lag(10), std::nullopt);
  position.start(4);
  EXPECT_EQ(position.lag(-1), std::nullopt);
  EXPECT_EQ(position.lag(10), 6);
  EXPECT_EQ(position.lag(3), 0);
  EXPECT_EQ(position.reach_end(10), End::kReadAgain);
  EXPECT_EQ(position.reach_end(10), End::kNews);
  EXPECT_EQ(position.lag(10), 0);
}

}  // namespace
}  // namespace troth::source
