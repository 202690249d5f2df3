// Event time: its text form, in and out. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace troth::event {

using base::TimeUs;

inline constexpr TimeUs kSecond = 1'000'000;
inline constexpr TimeUs kMinute = 60 * kSecond;
inline constexpr TimeUs kHour = 60 * kMinute;
inline constexpr TimeUs kDay = 24 * kHour;

/// Later than every time that occurs: "has no end", "never".
inline constexpr TimeUs kNever = std::numeric_limits<TimeUs>::max();

/// 2100-01-01T00:00:00Z, the first instant that is no event time any more.
inline constexpr TimeUs kEndOfTime = 4'102'444'800 * kSecond;

/// Reads `YYYY-MM-DDThh:mm:ss[.f{1,9}](Z|±hh:mm)` as TRUST_MODEL's "Time" says (upper-case T and Z, seconds 00–59,
/// offsets to ±23:59, digits after the sixth cut off, 1970 ≤ instant < 2100). Nothing if it is anything else.
[[nodiscard]] std::optional<TimeUs> parse_time(std::string_view text);

/// `YYYY-MM-DDThh:mm:ss.ffffffZ`.
inline constexpr std::size_t kTimeTextBytes = 27;
[[nodiscard]] std::array<char, kTimeTextBytes> time_text(TimeUs time);
[[nodiscard]] std::string format_time(TimeUs time);

/// A civil date as days since 1970-01-01.
[[nodiscard]] std::optional<std::int32_t> parse_date(std::string_view text);
[[nodiscard]] std::string format_date(std::int32_t days);

/// `<integer><s|m|h|d>` in microseconds, at least 0; nothing if malformed or beyond int64.
[[nodiscard]] std::optional<TimeUs> parse_duration(std::string_view text);

/// Days since 1970-01-01 of the UTC date of `time` (floor).
[[nodiscard]] constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = a / b;
  return q - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

}  // namespace troth::event
