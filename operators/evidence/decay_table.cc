// The decay table tbl[j] = round(2^(20 + j/1024)), worked out by the compiler and proved exact by it. Constant; any
// thread.
//
// How: 2^(1/2^b) for b = 1 … 10 by repeated square roots, and 2^(j/1024) as the product of those that the bits of j
// name. Every number is held as an interval [low, high] of fixed-point integers that surely contains the real one; an
// entry is exact because both ends round to the same integer. Were they to differ, this file would not compile.
#include <array>
#include <cstdint>

#include "operators/evidence/accumulator.h"

namespace troth::operators {
namespace {

constexpr unsigned kFraction = 62;      // bits after the point; values are in [1, 2]
constexpr unsigned kTableFraction = 20;  // an entry counts 2^-20

struct Interval {
  std::uint64_t low;
  std::uint64_t high;
};

/// ⌊√x⌋.
constexpr std::uint64_t root_floor(UInt128 x) {
  std::uint64_t root = 0;
  for (unsigned bit = 64; bit-- > 0;) {
    const std::uint64_t trial = root | (std::uint64_t{1} << bit);
    if (static_cast<UInt128>(trial) * trial <= x) root = trial;
  }
  return root;
}

constexpr Interval root_of(Interval x) {
  return {root_floor(static_cast<UInt128>(x.low) << kFraction),
          root_floor(static_cast<UInt128>(x.high) << kFraction) + 1};
}

constexpr Interval product_of(Interval a, Interval b) {
  const UInt128 low = (static_cast<UInt128>(a.low) * b.low) >> kFraction;
  const UInt128 high = (static_cast<UInt128>(a.high) * b.high) >> kFraction;
  return {static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high) + 1};
}

constexpr std::uint32_t rounded(std::uint64_t x) {
  constexpr unsigned kShift = kFraction - kTableFraction;
  return static_cast<std::uint32_t>((x + (std::uint64_t{1} << (kShift - 1))) >> kShift);
}

consteval std::array<std::uint32_t, 1024> make_table() {
  constexpr std::size_t kBits = 10;
  std::array<Interval, kBits> power{};  // power[i] = 2^(2^i/1024)
  Interval root{std::uint64_t{2} << kFraction, std::uint64_t{2} << kFraction};
  for (std::size_t i = kBits; i-- > 0;) power[i] = root = root_of(root);

  std::array<Interval, 1024> exact{};
  std::array<std::uint32_t, 1024> table{};
  exact[0] = {std::uint64_t{1} << kFraction, std::uint64_t{1} << kFraction};
  for (std::size_t j = 0; j < table.size(); ++j) {
    std::size_t lowest = 0;
    while (j != 0 && ((j >> lowest) & 1U) == 0) ++lowest;
    if (j != 0) exact[j] = product_of(exact[j & (j - 1)], power[lowest]);
    if (rounded(exact[j].low) != rounded(exact[j].high)) throw "the interval is too wide to tell the nearest integer";
    table[j] = rounded(exact[j].low);
  }
  return table;
}

constexpr std::array<std::uint32_t, 1024> kTable = make_table();
static_assert(kTable[0] == 1'048'576 && kTable[1] == 1'049'286 && kTable[1023] == 2'095'733);

}  // namespace

const std::array<std::uint32_t, 1024>& decay_table() { return kTable; }

}  // namespace troth::operators
