// When a clock reaches its stages, over pauses, priorities and opening hours.
#include "operators/fold/stage_clock.h"

#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

using Times = std::vector<TimeUs>;

ClockPolicy ten_hours() {
  ClockPolicy clock = round_policy().clocks[static_cast<std::size_t>(ClockId::kFirstReply)];
  clock.warn_ppm = 0;
  return clock;
}
constexpr Status kOpen = Status::kOpen;
constexpr Status kPaused = Status::kAwaitingCustomer;
constexpr Priority kNormal = Priority::kNormal;

Times stages(const std::vector<HistoryEntry>& history, TimeUs start, TimeUs stop,
             const ClockPolicy& clock = ten_hours()) {
  return read_clock(clock, history, start, stop).stages;
}

TEST(StageClock, a_stop_exactly_at_the_deadline_is_in_time) {
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}}, h(0), h(10)), Times{});
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}}, h(0), h(10) + 1), Times{h(10)});
}

TEST(StageClock, elapsed_time_is_kept_over_a_pause) {
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}, {h(4), kPaused, kNormal}, {h(50), kOpen, kNormal}}, h(0), kNever),
            (Times{h(56), h(66)}));
}

TEST(StageClock, it_stands_still_while_resolved_or_closed_whatever_the_policy) {
  ClockPolicy clock = ten_hours();
  clock.pause = 0;
  EXPECT_EQ(stages({{h(0), kOpen, kNormal},
                    {h(4), Status::kResolved, kNormal},
                    {h(50), Status::kClosed, kNormal},
                    {h(60), kOpen, kNormal}},
                   h(0), kNever, clock),
            (Times{h(66), h(76)}));
}

TEST(StageClock, a_shorter_target_takes_effect_at_once) {
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}, {h(4), kOpen, Priority::kUrgent}}, h(0), kNever), (Times{h(4), h(4)}));
}

TEST(StageClock, a_shorter_target_set_during_a_pause_takes_effect_after_it) {
  EXPECT_EQ(stages({{h(0), kOpen, kNormal},
                    {h(4), kPaused, kNormal},
                    {h(5), kPaused, Priority::kUrgent},
                    {h(9), kOpen, Priority::kUrgent}},
                   h(0), kNever),
            (Times{h(9), h(9)}));
}

TEST(StageClock, a_stage_once_reached_stays_reached) {
  EXPECT_EQ(stages({{h(0), kOpen, Priority::kUrgent}, {h(3), kOpen, Priority::kLow}}, h(0), kNever),
            (Times{h(2), h(40)}));
}

TEST(StageClock, a_run_begins_with_what_is_in_force_then) {
  EXPECT_EQ(stages({{h(0), kOpen, Priority::kUrgent}, {h(1), kOpen, kNormal}, {h(5), kPaused, kNormal}}, h(3), kNever),
            Times{});
  const std::vector<HistoryEntry> history{{h(0), kOpen, Priority::kUrgent}, {h(1), kOpen, kNormal}};
  EXPECT_EQ(stages(history, h(3), kNever), (Times{h(13), h(23)}));
}

TEST(StageClock, a_deadline_can_fall_exactly_on_closing_time) {
  std::vector<Calendar::Version> versions(1);
  for (auto& day : versions[0].week) day = {{8 * 60, 18 * 60}};
  const Calendar office(event::find_zone("UTC"), versions);
  ClockPolicy clock = ten_hours();
  clock.calendar = &office;
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}}, h(0), kNever, clock), (Times{h(18), h(24 + 18)}));
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}}, h(19), kNever, clock), (Times{h(24 + 18), h(48 + 18)}));
}

TEST(StageClock, the_warning_comes_at_its_own_multiple) {
  ClockPolicy clock = ten_hours();
  clock.warn_ppm = 800'000;
  const std::vector<HistoryEntry> history{{h(0), kOpen, kNormal}};
  EXPECT_EQ(read_clock(clock, history, h(0), kNever).warned_at, h(8));
  EXPECT_EQ(read_clock(clock, history, h(0), h(8)).warned_at, kNever);
}

TEST(StageClock, an_open_run_tells_what_has_elapsed_and_since_when_it_goes_on) {
  const std::vector<HistoryEntry> history{
      {h(0), kOpen, kNormal}, {h(4), kPaused, kNormal}, {h(6), kOpen, kNormal}, {h(7), kOpen, Priority::kHigh}};
  const ClockReading reading = read_clock(ten_hours(), history, h(1), kNever);
  EXPECT_EQ(reading.elapsed_us, 4 * event::kHour);
  EXPECT_EQ(reading.since, h(7));
  EXPECT_FALSE(reading.is_paused);
}

TEST(StageClock, a_target_of_ages_is_never_reached_and_does_not_overflow) {
  ClockPolicy clock = ten_hours();
  clock.target_us.fill(kNever / 2);
  std::vector<Calendar::Version> versions(1);
  versions[0].week[0] = {{0, 60}};
  const Calendar rarely(event::find_zone("UTC"), versions);
  clock.calendar = &rarely;
  EXPECT_EQ(stages({{h(0), kOpen, kNormal}}, h(0), kNever, clock), Times{});
}

}  // namespace
}  // namespace troth::operators
