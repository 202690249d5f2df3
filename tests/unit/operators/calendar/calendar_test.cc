// Calendars: the cases that deadlines are got wrong in, and a differential test against stepping minute by minute.
#include "operators/calendar/calendar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace troth::operators {
namespace {

using event::format_time;
using event::kDay;
using event::kHour;
using event::kMinute;
using event::kNever;
using event::kSecond;
using event::parse_date;
using event::parse_time;
using event::Zone;

using Hours = Calendar::Hours;
using Version = Calendar::Version;

constexpr Hours hours(int from, int to, int from_minute = 0) { return {from * 60 + from_minute, to * 60}; }

/// The same hours on some weekdays (Monday is 0), from 1970 on.
Version on_days(std::initializer_list<std::size_t> days, const std::vector<Hours>& open) {
  Version version;
  for (const std::size_t day : days) version.week.at(day) = open;
  return version;
}

Version workdays(const std::vector<Hours>& open) { return on_days({0, 1, 2, 3, 4}, open); }

Calendar in_zone(std::string_view zone, std::vector<Version> versions) {
  return {event::find_zone(zone), std::move(versions)};
}

TimeUs at(std::string_view text) { return *parse_time(text); }

TEST(Calendar, a_complaint_on_friday_evening_is_due_on_monday_morning) {
  const Calendar office = in_zone("UTC", {workdays({hours(9, 17)})});
  EXPECT_EQ(format_time(office.advance(at("2026-03-06T16:30:00Z"), kHour)), "2026-03-09T09:30:00.000000Z");
  EXPECT_EQ(format_time(office.advance(at("2026-03-07T12:00:00Z"), kHour)), "2026-03-09T10:00:00.000000Z");
}

TEST(Calendar, a_deadline_can_fall_exactly_on_closing_time) {
  const Calendar office = in_zone("UTC", {workdays({hours(9, 17)})});
  EXPECT_EQ(format_time(office.advance(at("2026-03-06T16:00:00Z"), kHour)), "2026-03-06T17:00:00.000000Z");
}

TEST(Calendar, a_deadline_never_falls_on_opening_time) {
  const Calendar office = in_zone("UTC", {workdays({hours(9, 17)})});
  EXPECT_EQ(format_time(office.advance(at("2026-03-06T17:00:00Z"), 1)), "2026-03-09T09:00:00.000001Z");
  EXPECT_EQ(format_time(office.advance(at("2026-03-05T09:00:00Z"), 16 * kHour)), "2026-03-06T17:00:00.000000Z");
}

TEST(Calendar, a_lunch_break_is_closed) {
  const Calendar shop = in_zone("UTC", {workdays({hours(8, 12), hours(13, 18, 30)})});
  EXPECT_EQ(format_time(shop.advance(at("2026-03-02T11:30:00Z"), kHour)), "2026-03-02T14:00:00.000000Z");
  EXPECT_EQ(shop.measure(at("2026-03-02T12:00:00Z"), at("2026-03-02T13:30:00Z")), 0);
  EXPECT_EQ(shop.measure(at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z")), 8 * kHour + kHour / 2);
}

TEST(Calendar, a_night_shift_belongs_to_the_date_on_which_it_begins) {
  Version nights = on_days({4}, {{21 * 60, 26 * 60}});  // Friday 21:00 to Saturday 02:00
  nights.holidays = {*parse_date("2026-03-13")};
  const Calendar bar = in_zone("UTC", {nights});
  EXPECT_EQ(bar.measure(at("2026-03-07T00:00:00Z"), at("2026-03-07T12:00:00Z")), 2 * kHour);
  EXPECT_EQ(format_time(bar.advance(at("2026-03-07T01:00:00Z"), 90 * kMinute)), "2026-03-20T21:30:00.000000Z");
}

TEST(Calendar, a_holiday_leaves_the_night_before_it_open) {
  Version nights = on_days({0, 1, 2, 3, 4, 5, 6}, {{21 * 60, 26 * 60}});
  nights.holidays = {*parse_date("2026-03-14")};
  const Calendar bar = in_zone("UTC", {nights});
  EXPECT_EQ(bar.measure(at("2026-03-14T00:00:00Z"), at("2026-03-15T12:00:00Z")), 2 * kHour);
}

TEST(Calendar, hours_to_48_reach_into_the_day_after_next) {
  const Calendar weekend = in_zone("UTC", {on_days({5}, {{12 * 60, 48 * 60}})});
  EXPECT_EQ(weekend.measure(at("2026-03-06T00:00:00Z"), at("2026-03-12T00:00:00Z")), 36 * kHour);
  EXPECT_EQ(format_time(weekend.advance(at("2026-03-08T23:00:00Z"), kHour)), "2026-03-09T00:00:00.000000Z");
}

TEST(Calendar, overlapping_hours_count_once) {
  const Calendar twice = in_zone("UTC", {on_days({0}, {{10 * 60, 14 * 60}, {8 * 60, 12 * 60}, {9 * 60, 10 * 60}})});
  EXPECT_EQ(twice.measure(at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z")), 6 * kHour);
}

TEST(Calendar, measure_is_half_open_and_zero_backwards) {
  const Calendar office = in_zone("UTC", {workdays({hours(9, 17)})});
  const TimeUs opening = at("2026-03-02T09:00:00Z");
  EXPECT_EQ(office.measure(opening, opening + 1), 1);
  EXPECT_EQ(office.measure(opening - 1, opening), 0);
  EXPECT_EQ(office.measure(opening + 8 * kHour, opening + 8 * kHour + 1), 0);
  EXPECT_EQ(office.measure(opening + kHour, opening), 0);
  EXPECT_EQ(office.measure(opening, opening), 0);
}

TEST(Calendar, a_version_is_in_force_from_its_local_date_on) {
  Version before = workdays({hours(9, 17)});
  Version after = workdays({hours(12, 14)});
  after.from = *parse_date("2026-03-04");
  const Calendar office = in_zone("America/New_York", {before, after});
  EXPECT_EQ(office.measure(at("2026-03-03T05:00:00Z"), at("2026-03-04T05:00:00Z")), 8 * kHour);
  EXPECT_EQ(office.measure(at("2026-03-04T05:00:00Z"), at("2026-03-05T05:00:00Z")), 2 * kHour);
}

TEST(Calendar, before_its_first_version_it_is_closed) {
  Version late = on_days({0, 1, 2, 3, 4, 5, 6}, {{0, 24 * 60}});
  late.from = *parse_date("2026-03-04");
  const Calendar office = in_zone("UTC", {late});
  EXPECT_EQ(office.measure(0, at("2026-03-04T00:00:00Z")), 0);
  EXPECT_EQ(format_time(office.advance(0, kHour)), "2026-03-04T01:00:00.000000Z");
}

TEST(Calendar, the_last_evening_of_1969_counts_west_of_greenwich) {
  Version early = on_days({0, 1, 2, 3, 4, 5, 6}, {hours(9, 24)});
  early.from = *parse_date("1960-01-01");
  EXPECT_EQ(in_zone("America/New_York", {early}).measure(0, 5 * kHour), 5 * kHour);
  early.from = 0;
  EXPECT_EQ(in_zone("America/New_York", {early}).measure(0, 5 * kHour), 0);
}

TEST(Calendar, opening_hours_are_shorter_and_longer_when_the_clocks_change) {
  const Calendar nights = in_zone("Europe/Berlin", {on_days({0, 1, 2, 3, 4, 5, 6}, {{1 * 60, 4 * 60}})});
  EXPECT_EQ(nights.measure(at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z")), 2 * kHour);
  EXPECT_EQ(nights.measure(at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z")), 4 * kHour);
}

TEST(Calendar, hours_that_the_clocks_jump_over_vanish) {
  const Calendar gap = in_zone("Europe/Berlin", {on_days({6}, {{2 * 60, 3 * 60}})});
  EXPECT_EQ(gap.measure(at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z")), 0);
  EXPECT_EQ(format_time(gap.advance(at("2026-03-28T23:00:00Z"), 1)), "2026-04-05T00:00:00.000001Z");
}

TEST(Calendar, always_is_open_for_ever) {
  const Calendar always = Calendar::always();
  EXPECT_EQ(always.measure(5, 12), 7);
  EXPECT_EQ(always.measure(12, 5), 0);
  EXPECT_EQ(always.advance(5, 7), 12);
  EXPECT_EQ(always.advance(5, kNever - 1), kNever);
}

TEST(Calendar, reaches_a_hundred_years_beyond_the_last_event) {
  const Calendar office = in_zone("Europe/Berlin", {workdays({hours(9, 17)})});
  const TimeUs noon = *parse_date("2199-12-31") * kDay + 12 * kHour;  // a Tuesday
  EXPECT_EQ(format_time(office.advance(noon, kHour)), "2199-12-31T13:00:00.000000Z");
  EXPECT_EQ(office.advance(0, 300 * 366 * kDay), kNever);
  EXPECT_EQ(event::format_date(Calendar::kEndDate), "2201-01-01");
}

// ---------------------------------------------------------------------------- against stepping minute by minute

constexpr std::int32_t kWindowBegin = 20'000;  // dates on which the random calendars are open
constexpr std::int32_t kWindowEnd = kWindowBegin + 10;
constexpr TimeUs kReferenceBegin = (kWindowBegin - 2) * kDay;
constexpr TimeUs kReferenceEnd = (kWindowEnd + 4) * kDay;

/// Whole minutes only, so that a state of a minute is one fact.
struct SlowZone {
  std::vector<Zone::Span> spans;

  [[nodiscard]] TimeUs wall(TimeUs instant) const {
    std::int32_t offset_s = 0;
    for (const Zone::Span& span : spans) {
      if (span.begin <= instant) offset_s = span.offset_s;
    }
    return instant + offset_s * kSecond;
  }
  /// The first instant at which the clock shows this or more: its first occurrence, or the transition that skips it.
  [[nodiscard]] TimeUs instant(TimeUs wanted) const {
    TimeUs time = wanted - 15 * kHour;
    while (wall(time) < wanted) time += kMinute;
    return time;
  }
};

class SlowCalendar {
 public:
  SlowCalendar(const SlowZone& zone, const std::vector<Version>& versions) {
    open_.resize(static_cast<std::size_t>((kReferenceEnd - kReferenceBegin) / kMinute));
    for (std::int32_t date = kWindowBegin - 1; date <= kWindowEnd; ++date) {
      const Version* in_force = nullptr;
      for (const Version& version : versions) {
        if (version.from <= date) in_force = &version;
      }
      if (in_force == nullptr) continue;
      bool is_holiday = false;
      for (const std::int32_t holiday : in_force->holidays) is_holiday = is_holiday || holiday == date;
      if (is_holiday) continue;
      for (const Hours& each : in_force->week.at(static_cast<std::size_t>((date + 3) % 7))) {
        const TimeUs end = zone.instant(date * kDay + each.end * kMinute);
        for (TimeUs time = zone.instant(date * kDay + each.start * kMinute); time < end; time += kMinute) {
          open_.at(static_cast<std::size_t>((time - kReferenceBegin) / kMinute)) = true;
        }
      }
    }
  }

  [[nodiscard]] TimeUs measure(TimeUs a, TimeUs b) const {
    TimeUs total = 0;
    for (TimeUs time = a; time < b;) {
      const TimeUs next = std::min(b, minute_after(time));
      if (is_open(time)) total += next - time;
      time = next;
    }
    return total;
  }
  [[nodiscard]] TimeUs advance(TimeUs a, TimeUs n) const {
    for (TimeUs time = a; time < kReferenceEnd; time = minute_after(time)) {
      if (!is_open(time)) continue;
      const TimeUs step = minute_after(time) - time;
      if (n <= step) return time + n;
      n -= step;
    }
    return kNever;
  }

 private:
  static TimeUs minute_after(TimeUs time) { return time - time % kMinute + kMinute; }
  [[nodiscard]] bool is_open(TimeUs time) const {
    return open_.at(static_cast<std::size_t>((time - kReferenceBegin) / kMinute));
  }
  std::vector<bool> open_;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

SlowZone random_zone(Dice& dice) {
  SlowZone zone;
  TimeUs begin = std::numeric_limits<TimeUs>::min() / 4;
  std::int64_t offset_s = dice.between(-48, 52) * 900;
  zone.spans.push_back({begin, static_cast<std::int32_t>(offset_s)});
  begin = kReferenceBegin;
  while (dice.one_in(2)) {
    begin += dice.between(20 * 60, 9 * 24 * 60) * kMinute;
    const std::int64_t change_s = dice.one_in(8) ? dice.between(-96, 96) * 900 : dice.between(-8, 8) * 900;
    if (std::abs(offset_s + change_s) >= 14 * 3'600 || change_s == 0) continue;
    offset_s += change_s;
    zone.spans.push_back({begin, static_cast<std::int32_t>(offset_s)});
  }
  return zone;
}

Version random_version(Dice& dice, std::int32_t from) {
  Version version;
  version.from = from;
  const bool is_coarse = dice.one_in(2);  // whole hours make ends that meet
  for (auto& day : version.week) {
    while (dice.between(1, 5) <= 3 && day.size() < 4) {
      const std::int64_t unit = is_coarse ? 60 : 1;
      const auto start = static_cast<int>(dice.between(0, 24 * 60 / unit - 1) * unit);
      const std::int64_t longest = dice.one_in(4) ? 48 * 60 : std::min<std::int64_t>(48 * 60, start + 9 * 60);
      const auto end = static_cast<int>(dice.between(start / unit + 1, longest / unit) * unit);
      day.push_back({start, end});
    }
  }
  while (dice.one_in(2)) version.holidays.push_back(static_cast<std::int32_t>(dice.between(kWindowBegin, kWindowEnd)));
  return version;
}

std::vector<Version> random_versions(Dice& dice) {
  std::vector<Version> versions;
  std::int32_t from = kWindowBegin;
  do {
    versions.push_back(random_version(dice, from));
    from += static_cast<std::int32_t>(dice.between(1, 9));
  } while (from < kWindowEnd && dice.one_in(2));
  versions.push_back({kWindowEnd, {}, {}});  // closed for good, so that the slow calendar sees all there is
  return versions;
}

TEST(Calendar, agrees_with_stepping_minute_by_minute_on_random_calendars) {
  const bool is_long = std::getenv("TROTH_LONG") != nullptr;
  const std::uint64_t calendars = is_long ? 100'000 : 10'000;
  std::int64_t deadlines = 0;
  for (std::uint64_t seed = 0; seed < calendars; ++seed) {
    Dice dice(seed);
    const SlowZone slow_zone = random_zone(dice);
    const std::vector<Version> versions = random_versions(dice);
    const Zone zone(slow_zone.spans);
    const Calendar fast(&zone, versions);
    const SlowCalendar slow(slow_zone, versions);
    for (int query = 0; query < 6; ++query) {
      const std::int64_t unit = dice.one_in(2) ? kMinute : 1;
      TimeUs a = dice.between(kReferenceBegin / unit, (kReferenceEnd - 1) / unit) * unit;
      const TimeUs b = dice.between(kReferenceBegin / unit, (kReferenceEnd - 1) / unit) * unit;
      ASSERT_EQ(fast.measure(a, b), slow.measure(a, b)) << "seed " << seed << " from " << a << " to " << b;
      if (query == 0) a = kReferenceBegin;
      const TimeUs n = dice.between(1, 60 * kHour / unit) * unit;
      const TimeUs due = fast.advance(a, n);
      ASSERT_EQ(due, slow.advance(a, n)) << "seed " << seed << " from " << a << " by " << n;
      if (due == kNever) continue;
      ++deadlines;
      ASSERT_EQ(fast.measure(a, due), n) << seed;
      ASSERT_EQ(fast.measure(a, due - 1), n - 1) << seed << ": there is an earlier one";
    }
  }
  EXPECT_GT(deadlines, static_cast<std::int64_t>(calendars));
}

}  // namespace
}  // namespace troth::operators
