// Time zones by IANA name: from wall time to instant. The whole installed database is read once, at first use; after
// that a Zone is an immutable table of transitions that any thread may read, with no lock and no I/O.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/event/time.h"

namespace troth::event {

class Zone {
 public:
  struct Span {
    TimeUs begin;             // first instant of the span
    std::int32_t offset_s;    // local time − UTC
  };
  /// `spans` ascend strictly; the first one begins before every instant that is asked for.
  explicit Zone(std::vector<Span> spans);

  /// The instant of `minutes` after local midnight of the date `days`, added on the wall clock. A wall time that occurs
  /// twice is its first occurrence; one that does not occur is the instant of the transition that skips it.
  [[nodiscard]] TimeUs instant(std::int32_t days, std::int64_t minutes) const;

  /// The local date (days since 1970-01-01) at an instant.
  [[nodiscard]] std::int32_t local_date(TimeUs instant) const;

 private:
  /// The first span, but never the very first one, that begins after `instant`.
  [[nodiscard]] std::vector<Span>::const_iterator span_after(TimeUs instant) const;

  std::vector<Span> spans_;
};

/// The zone of a name, case-sensitive, any zone or link of the installed database; null if there is none.
/// Thread-safe; the pointer stays valid for ever. A name never leads to a file: it is looked up among those found.
[[nodiscard]] const Zone* find_zone(std::string_view name);

/// Where the installed database is looked for: for messages that say why a zone is unknown.
inline constexpr std::string_view kZoneDirectory = "/usr/share/zoneinfo";

}  // namespace troth::event
