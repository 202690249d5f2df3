// Calendar: opening hours in a zone, as versions by date (TRUST_MODEL: calendars). Answers how much open time lies
// between two instants and when a given amount of it will have passed. Immutable; any thread; no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/event/time.h"
#include "engine/event/zone.h"

namespace troth::operators {

using event::TimeUs;

class Calendar {
 public:
  /// Minutes after local midnight [start, end), start < 24:00, start < end ≤ 48:00.
  struct Hours {
    int start = 0;
    int end = 0;
  };
  struct Version {
    std::int32_t from = 0;                          // local date, days since 1970-01-01
    std::array<std::vector<Hours>, 7> week;         // Monday first
    std::vector<std::int32_t> holidays;             // local dates
  };

  /// Open for ever.
  [[nodiscard]] static Calendar always();
  /// The local date at which the table ends: 2201-01-01. Deadlines beyond it are kNever; a policy whose clocks could
  /// reach it is refused.
  static constexpr std::int32_t kEndDate = 84'371;

  /// `versions` in strictly ascending order of `from`; the last one has at least one interval (checked by the policy).
  Calendar(const event::Zone* zone, std::vector<Version> versions);

  /// Open µs in [a, b); 0 if a ≥ b.
  [[nodiscard]] TimeUs measure(TimeUs a, TimeUs b) const;
  /// The earliest x with measure(a, x) = n; n > 0. kNever if it lies beyond the table's end.
  [[nodiscard]] TimeUs advance(TimeUs a, TimeUs n) const;

 private:
  struct Interval {
    TimeUs begin, end;
    TimeUs open_before;  // open time before `begin`: the prefix sum
  };
  Calendar() = default;
  void add_date(const event::Zone& zone, const Version& version, std::int32_t date);
  void add(TimeUs begin, TimeUs end);
  [[nodiscard]] TimeUs open_until(TimeUs instant) const;

  bool always_ = false;
  std::vector<Interval> intervals_;  // ascending, apart from each other, none empty
};

}  // namespace troth::operators
