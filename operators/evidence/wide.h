// Wide: 128-bit integers for intermediates that leave int64, and checked int64 arithmetic (TRUST_MODEL: determinism).
// An overflow is an assertion, never a wrap. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <limits>

#include "engine/base/assert.h"

namespace troth::operators {

__extension__ typedef __int128 Int128;             // NOLINT(modernize-use-using): an alias cannot carry __extension__
__extension__ typedef unsigned __int128 UInt128;   // NOLINT(modernize-use-using)

[[nodiscard]] constexpr std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  TROTH_ASSERT(!__builtin_add_overflow(a, b, &sum));
  return sum;
}

[[nodiscard]] constexpr std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  TROTH_ASSERT(!__builtin_mul_overflow(a, b, &product));
  return product;
}

[[nodiscard]] constexpr std::int64_t narrowed(Int128 value) {
  TROTH_ASSERT(value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(value);
}

/// ⌊a/b⌋ for a ≥ 0, b > 0. Nearly all values fit in 64 bits, where one machine division does.
[[nodiscard]] constexpr std::int64_t quotient(Int128 a, std::int64_t b) {
  TROTH_ASSERT(a >= 0 && b > 0);
  const auto wide = static_cast<UInt128>(a);
  if ((wide >> 64U) == 0) {
    return narrowed(static_cast<Int128>(static_cast<std::uint64_t>(wide) / static_cast<std::uint64_t>(b)));
  }
  return narrowed(a / b);
}

/// ⌊a/b⌋ for b > 0 and a of either sign.
[[nodiscard]] constexpr Int128 floor_quotient(Int128 a, Int128 b) {
  const Int128 q = a / b;
  return q - (a % b < 0 ? 1 : 0);
}

}  // namespace troth::operators
