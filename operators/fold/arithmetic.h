// Arithmetic whose intermediates or results may leave int64: ratios of money and time in 128 bits, sums checked
// (TRUST_MODEL: determinism). An overflow is an assertion, never a wrap. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <limits>

#include "engine/base/assert.h"
#include "engine/event/time.h"

namespace troth::operators {

using event::TimeUs;

/// ⌊a·b/c⌋ for c > 0, with a product of up to 128 bits.
[[nodiscard]] constexpr std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t c) {
  __extension__ typedef __int128 Int128;  // NOLINT(modernize-use-using): an alias cannot carry __extension__
  TROTH_ASSERT(c > 0);
  const Int128 product = static_cast<Int128>(a) * b;
  const Int128 result = product / c - (product % c < 0 ? 1 : 0);
  TROTH_ASSERT(result >= std::numeric_limits<std::int64_t>::min() &&
               result <= std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(result);
}

/// min(10⁶, ⌊part·10⁶/whole⌋) ppm for whole > 0: of a fee a thousand times its price, all of it.
[[nodiscard]] constexpr std::int64_t share_ppm(std::int64_t part, std::int64_t whole) {
  constexpr std::int64_t kWhole = 1'000'000;
  return part >= whole ? kWhole : scaled(part, kWhole, whole);
}

/// Whether a·b ≤ c·d.
[[nodiscard]] constexpr bool product_at_most(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
  __extension__ typedef __int128 Int128;  // NOLINT(modernize-use-using)
  return static_cast<Int128>(a) * b <= static_cast<Int128>(c) * d;
}

/// The instant a duration of the policy after another one.
[[nodiscard]] constexpr TimeUs later(TimeUs at, TimeUs duration_us) {
  TimeUs result = 0;
  TROTH_ASSERT(!__builtin_add_overflow(at, duration_us, &result));
  return result;
}

}  // namespace troth::operators
