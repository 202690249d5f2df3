#include "operators/fold/stage_clock.h"

#include <algorithm>
#include <limits>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

using event::kNever;

/// Open time that a multiple of the target needs; so much that it never comes if the policy asks for ages.
TimeUs needed_us(TimeUs target_us, std::int64_t multiple_ppm) {
  constexpr TimeUs kAges = std::numeric_limits<TimeUs>::max() / 4;
  TimeUs needed = 0;
  const bool overflows = __builtin_mul_overflow(target_us / event::kSecond, multiple_ppm, &needed);
  return overflows ? kAges : std::min(needed, kAges);
}

/// When in the running segment [a, b) the remaining open time is over; kNever if not in it.
TimeUs reached_at(const Calendar& calendar, TimeUs a, TimeUs b, TimeUs remaining_us) {
  if (remaining_us <= 0) return a;
  const TimeUs x = calendar.advance(a, remaining_us);
  return x < b ? x : kNever;
}

/// One segment in which the clock runs, `elapsed_us` having passed before.
void read_segment(const ClockPolicy& clock, TimeUs target_us, TimeUs a, TimeUs b, ClockReading& reading) {
  while (reading.stages.size() < clock.stages_ppm.size()) {
    const TimeUs needed = needed_us(target_us, clock.stages_ppm[reading.stages.size()]);
    const TimeUs reached = reached_at(*clock.calendar, a, b, needed - reading.elapsed_us);
    if (reached == kNever) break;
    reading.stages.push_back(reached);
  }
  if (clock.warn_ppm > 0 && reading.warned_at == kNever) {
    reading.warned_at = reached_at(*clock.calendar, a, b, needed_us(target_us, clock.warn_ppm) - reading.elapsed_us);
  }
}

}  // namespace

bool stands_still(const ClockPolicy& clock, Status status) {
  if (status == Status::kResolved || status == Status::kClosed) return true;
  return (clock.pause >> static_cast<unsigned>(status) & 1U) != 0;
}

ClockReading read_clock(const ClockPolicy& clock, std::span<const HistoryEntry> history, TimeUs start, TimeUs stop) {
  TROTH_ASSERT(!history.empty() && history.front().time <= start);
  ClockReading reading;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const TimeUs a = std::max(history[i].time, start);
    const TimeUs b = std::min(i + 1 < history.size() ? history[i + 1].time : kNever, stop);
    if (a >= stop) break;
    if (a >= b) continue;
    reading.since = a;
    reading.is_paused = stands_still(clock, history[i].status);
    if (reading.is_paused) continue;
    read_segment(clock, clock.target_us[static_cast<std::size_t>(history[i].priority)], a, b, reading);
    if (b != kNever) reading.elapsed_us += clock.calendar->measure(a, b);
  }
  return reading;
}

}  // namespace troth::operators
