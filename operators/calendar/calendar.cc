#include "operators/calendar/calendar.h"

#include <algorithm>
#include <iterator>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

using event::kNever;

/// 1969-12-29: the earliest local date an event can have is 1969-12-31 (the zones west of Greenwich), and what begins
/// on a date ends at most two days later.
constexpr std::int32_t kFirstDate = -3;

/// Monday is 0; 1970-01-01 was a Thursday.
std::size_t weekday(std::int32_t date) { return static_cast<std::size_t>(((date + 3) % 7 + 7) % 7); }

}  // namespace

Calendar Calendar::always() {
  Calendar calendar;
  calendar.always_ = true;
  return calendar;
}

Calendar::Calendar(const event::Zone* zone, std::vector<Version> versions) {
  TROTH_ASSERT(zone != nullptr);
  for (Version& version : versions) {
    std::sort(version.holidays.begin(), version.holidays.end());
    for (auto& hours : version.week) {
      std::sort(hours.begin(), hours.end(), [](const Hours& a, const Hours& b) { return a.start < b.start; });
    }
  }
  for (std::size_t i = 0; i < versions.size(); ++i) {
    TROTH_ASSERT(i == 0 || versions[i - 1].from < versions[i].from);
    const auto& week = versions[i].week;
    if (std::all_of(week.begin(), week.end(), [](const auto& hours) { return hours.empty(); })) continue;
    const std::int32_t begin = std::max(versions[i].from, kFirstDate);
    const std::int32_t end = i + 1 < versions.size() ? std::min(versions[i + 1].from, kEndDate) : kEndDate;
    for (std::int32_t date = begin; date < end; ++date) add_date(*zone, versions[i], date);
  }
  intervals_.shrink_to_fit();
}

void Calendar::add_date(const event::Zone& zone, const Version& version, std::int32_t date) {
  const std::vector<Hours>& hours = version.week[weekday(date)];
  if (hours.empty() || std::binary_search(version.holidays.begin(), version.holidays.end(), date)) return;
  for (const Hours& each : hours) add(zone.instant(date, each.start), zone.instant(date, each.end));
}

/// Beginnings come in order: dates ascend, hours within a date too, and a later wall time is never an earlier instant.
void Calendar::add(TimeUs begin, TimeUs end) {
  if (begin >= end) return;  // the clocks went forward over all of it
  if (intervals_.empty()) {
    intervals_.push_back({begin, end, 0});
    return;
  }
  Interval& last = intervals_.back();
  TROTH_ASSERT(last.begin <= begin);
  if (begin <= last.end) {
    last.end = std::max(last.end, end);
  } else {
    intervals_.push_back({begin, end, last.open_before + (last.end - last.begin)});
  }
}

/// Open time before `instant`.
TimeUs Calendar::open_until(TimeUs instant) const {
  const auto next = std::upper_bound(intervals_.begin(), intervals_.end(), instant,
                                     [](TimeUs time, const Interval& each) { return time < each.begin; });
  if (next == intervals_.begin()) return 0;
  const Interval& last = *std::prev(next);
  return last.open_before + std::min(instant, last.end) - last.begin;
}

TimeUs Calendar::measure(TimeUs a, TimeUs b) const {
  if (a >= b) return 0;
  return always_ ? b - a : open_until(b) - open_until(a);
}

TimeUs Calendar::advance(TimeUs a, TimeUs n) const {
  TROTH_ASSERT(n > 0);
  if (always_) return a < kNever - n ? a + n : kNever;
  if (n > kNever / 2 || intervals_.empty()) return kNever;
  const TimeUs wanted = open_until(a) + n;
  // The last interval that begins before so much open time has passed: time is reached in it, at its end at the latest.
  const auto next = std::lower_bound(intervals_.begin(), intervals_.end(), wanted,
                                     [](const Interval& each, TimeUs open) { return each.open_before < open; });
  const Interval& last =
      *std::prev(next);  // the first interval has nothing before it, and `wanted` is more than nothing
  const TimeUs reached = last.begin + (wanted - last.open_before);
  return reached <= last.end ? reached : kNever;
}

}  // namespace troth::operators
