// When a source counts as silent.
#include "engine/app/silence.h"

#include <gtest/gtest.h>

namespace troth::app {
namespace {

using event::kMinute;
using event::kSecond;

constexpr event::TimeUs kStart = 1'000'000 * kSecond;

struct Topics : ::testing::Test {
  Silence silence{{"orders", "deliveries"}, {{"deliveries", 10 * kMinute}}, kStart};
  std::optional<std::int64_t> end = 5;
  int asked = 0;
  std::vector<Silence::Change> look(event::TimeUs now) {
    return silence.look(now, [this](std::uint16_t) {
      ++asked;
      return end;
    });
  }
};

TEST_F(Topics, one_that_says_nothing_for_its_gap_is_silent_and_speaks_again) {
  EXPECT_TRUE(look(kStart + 9 * kMinute).empty());
  const auto changes = look(kStart + 10 * kMinute);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].input, 1);
  EXPECT_TRUE(changes[0].is_silent);
  EXPECT_EQ(changes[0].since, kStart);
  EXPECT_TRUE(silence.is_any_silent());
  EXPECT_TRUE(look(kStart + 20 * kMinute).empty());  // told once
  silence.heard(1, kStart + 21 * kMinute);
  const auto again = look(kStart + 21 * kMinute);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].is_silent);
  EXPECT_FALSE(silence.is_silent(1));
}

TEST_F(Topics, one_without_a_gap_is_never_silent) {
  EXPECT_EQ(look(kStart + 1'000 * kMinute).size(), 1U);
  EXPECT_FALSE(silence.is_silent(0));
}

TEST_F(Topics, one_that_is_quiet_here_and_not_elsewhere_is_not_silent) {
  for (int minute = 1; minute < 100; ++minute) {
    end = minute;
    EXPECT_TRUE(look(kStart + minute * kMinute).empty()) << minute;
  }
}

TEST_F(Topics, records_elsewhere_end_the_silence_too) {
  EXPECT_TRUE(look(kStart + kMinute).empty());
  EXPECT_EQ(look(kStart + 12 * kMinute).size(), 1U);
  end = 6;
  const auto changes = look(kStart + 14 * kMinute);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].is_silent);
}

TEST_F(Topics, who_gets_no_answer_accuses_nobody) {
  end.reset();
  for (int minute = 1; minute < 60; ++minute) EXPECT_TRUE(look(kStart + minute * kMinute).empty()) << minute;
}

TEST_F(Topics, are_asked_for_only_while_quiet_and_seldom) {
  for (int second = 0; second < 600; ++second) {
    silence.heard(1, kStart + second * kSecond);
    (void)look(kStart + second * kSecond);
  }
  EXPECT_EQ(asked, 0);
  for (int second = 600; second < 1'200; ++second) (void)look(kStart + second * kSecond);
  EXPECT_LE(asked, 11);
  EXPECT_GE(asked, 9);
}

}  // namespace
}  // namespace troth::app
