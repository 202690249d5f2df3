#include "engine/task/merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace troth::task {
namespace {

std::vector<int> drained(Merger<int>& merger) {
  std::vector<int> items;
  while (auto taken = merger.take()) items.push_back(taken->item);
  return items;
}

TEST(Merger, takes_the_least_time_among_the_heads_and_waits_for_every_open_input) {
  Merger<int> merger(2);
  merger.push(0, 10, 1);
  EXPECT_FALSE(merger.take().has_value());  // input 1 may bring something earlier
  merger.push(1, 5, 2);
  merger.push(1, 20, 3);
  EXPECT_EQ(drained(merger), (std::vector{2, 1}));  // input 0 has no head now
  merger.close(0);
  EXPECT_EQ(drained(merger), (std::vector{3}));
}

TEST(Merger, prefers_the_lower_input_at_equal_times) {
  Merger<int> merger(3);
  merger.push(2, 7, 2);
  merger.push(1, 7, 1);
  merger.push(0, 7, 0);
  merger.close(0), merger.close(1), merger.close(2);
  EXPECT_EQ(drained(merger), (std::vector{0, 1, 2}));
}

TEST(Merger, keeps_the_order_of_each_input_even_against_time) {
  Merger<int> merger(2);
  merger.push(0, 50, 1);
  merger.push(0, 10, 2);  // disorder within an input is the input's own
  merger.push(1, 20, 3);
  merger.close(0), merger.close(1);
  EXPECT_EQ(drained(merger), (std::vector{3, 1, 2}));
}

TEST(Merger, lets_an_item_without_time_go_at_once_though_another_input_has_no_head) {
  Merger<int> merger(2);
  merger.push(1, std::nullopt, 1);
  merger.push(1, 3, 2);
  const auto taken = merger.take();
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->item, 1);
  EXPECT_FALSE(merger.take().has_value());
  merger.push(0, 1, 3);
  EXPECT_EQ(drained(merger), (std::vector{3}));
}

TEST(Merger, does_not_let_an_item_without_time_overtake_its_own_input) {
  Merger<int> merger(2);
  merger.push(0, 9, 1);
  merger.push(0, std::nullopt, 2);
  EXPECT_FALSE(merger.take().has_value());
  merger.push(1, 10, 3);
  EXPECT_EQ(drained(merger), (std::vector{1, 2}));
}

TEST(Merger, says_which_item_was_the_last_of_a_closed_input) {
  Merger<int> merger(1);
  merger.push(0, 1, 1);
  merger.push(0, 2, 2);
  EXPECT_FALSE(merger.close(0));  // two are waiting
  EXPECT_FALSE(merger.take()->ends_input);
  EXPECT_TRUE(merger.take()->ends_input);
}

TEST(Merger, says_at_once_that_an_input_ended_if_nothing_of_it_waits) {
  Merger<int> merger(2);
  EXPECT_TRUE(merger.close(1));
  merger.push(0, 1, 1);
  EXPECT_EQ(drained(merger), (std::vector{1}));
}

TEST(Merger, makes_the_others_wait_again_for_an_input_that_was_reopened) {
  Merger<int> merger(2);
  merger.close(0);
  merger.push(1, 5, 1);
  EXPECT_EQ(drained(merger), (std::vector{1}));
  merger.reopen(0);
  merger.push(1, 6, 2);
  EXPECT_FALSE(merger.take().has_value());
  merger.push(0, 9, 3);
  EXPECT_EQ(drained(merger), (std::vector{2}));
}

TEST(Merger, passes_items_of_caught_up_inputs_directly) {
  Merger<int> merger(3);
  merger.close(0), merger.close(1), merger.close(2);
  for (int i = 0; i < 10; ++i) {
    merger.push(static_cast<std::size_t>(i % 3), 100 - i, i);
    const auto taken = merger.take();
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->item, i);
  }
}

TEST(Merger, counts_what_waits) {
  Merger<int> merger(2);
  merger.push(0, 1, 1), merger.push(0, 2, 2);
  EXPECT_EQ(merger.waiting(0), 2U);
  EXPECT_EQ(merger.waiting(1), 0U);
  merger.push(1, 3, 3);
  ASSERT_TRUE(merger.take().has_value());
  EXPECT_EQ(merger.waiting(0), 1U);
  EXPECT_EQ(merger.size(), 2U);
}

TEST(Merger, gives_the_sorted_union_of_sorted_inputs_however_they_arrive) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    constexpr std::size_t kInputs = 5;
    std::vector<std::vector<event::TimeUs>> inputs(kInputs);
    std::vector<event::TimeUs> all;
    for (auto& input : inputs) {
      input.resize(random() % 20);
      for (auto& time : input) time = static_cast<event::TimeUs>(random() % 50);
      std::sort(input.begin(), input.end());
      all.insert(all.end(), input.begin(), input.end());
    }
    std::sort(all.begin(), all.end());
    Merger<event::TimeUs> merger(kInputs);
    std::vector<std::size_t> next(kInputs, 0);
    std::vector<event::TimeUs> out;
    while (out.size() < all.size()) {
      const std::size_t input = random() % kInputs;
      if (next[input] < inputs[input].size()) {
        const event::TimeUs time = inputs[input][next[input]++];
        merger.push(input, time, time);
      } else {
        merger.close(input);
      }
      while (auto taken = merger.take()) out.push_back(taken->item);
    }
    EXPECT_EQ(out, all);
  }
}

}  // namespace
}  // namespace troth::task
