// Histogram: counts of durations by fixed bounds. Plain data of its owner.
#pragma once

#include <array>
#include <cstdint>

namespace troth::observe {

class Histogram {
 public:
  /// Upper bounds in seconds, ascending; beyond the last is the bucket without a bound.
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                      0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};

  void observe(double seconds, std::uint64_t times) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    counts_[bucket] += times;
    sum_ += seconds * static_cast<double>(times);
  }
  [[nodiscard]] const std::array<std::uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

}  // namespace troth::observe
