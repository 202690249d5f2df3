// Dice: the chance in the simulated shop. SplitMix64 and integers only, because the standard library's distributions
// differ between implementations. One Dice, one story.
#pragma once

#include <cstdint>

#include "engine/event/time.h"

namespace troth::app {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  [[nodiscard]] std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// 0 … n − 1, for n from 1 to 2³¹.
  [[nodiscard]] std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(((next() >> 32U) * static_cast<std::uint64_t>(n)) >> 32U);
  }
  /// a … b, both included.
  [[nodiscard]] std::int64_t between(std::int64_t a, std::int64_t b) { return a + below(b - a + 1); }
  [[nodiscard]] bool permille(std::int64_t chance) { return below(1000) < chance; }
  [[nodiscard]] bool percent(std::int64_t chance) { return below(100) < chance; }
  /// A time of a to b minutes or hours, down to the second.
  [[nodiscard]] event::TimeUs minutes(std::int64_t a, std::int64_t b) {
    return between(a * 60, b * 60) * event::kSecond;
  }
  [[nodiscard]] event::TimeUs hours(std::int64_t a, std::int64_t b) { return minutes(a * 60, b * 60); }

 private:
  std::uint64_t state_;
};

}  // namespace troth::app
