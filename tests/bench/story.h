// Stories: seeded synthetic events as the JSON lines that a shop would send, of realistic size (300 to 450 bytes). The
// same seed gives the same bytes. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/event/time.h"

namespace troth::bench {

using event::TimeUs;

inline constexpr TimeUs kBegin = 1'767'225'600 * event::kSecond;  // 2026-01-01T00:00:00Z

/// SplitMix64: small, seeded, good enough to spread customers.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// 0 ≤ result < sides.
  std::uint64_t roll(std::uint64_t sides) { return next() % sides; }

 private:
  std::uint64_t state_;
};

/// Writes events, each with a name of its own.
class Pen {
 public:
  /// `data`: the members of the data object, without its braces.
  [[nodiscard]] std::string write(std::string_view type, TimeUs time, std::uint64_t customer, std::string_view data);
  /// The same with a given id.
  [[nodiscard]] static std::string write(std::string_view id, std::string_view type, TimeUs time,
                                         std::uint64_t customer, std::string_view data);

 private:
  std::uint64_t written_ = 0;
};

/// The life of one order: placed, promised, delivered, complained about, reviewed; then further promises and complaints
/// for as long as it is asked.
class OrderStory {
 public:
  OrderStory(std::uint64_t customer, std::uint64_t order) : customer_(customer), order_(order) {}

  /// The next event, at `time`.
  [[nodiscard]] std::string tell(Pen& pen, TimeUs time);
  [[nodiscard]] std::uint64_t told() const { return told_; }

  static constexpr std::uint64_t kDelivered = 7;    // events of an order that went well
  static constexpr std::uint64_t kComplained = 15;  // of one with a complaint and a review

 private:
  std::uint64_t customer_;
  std::uint64_t order_;
  std::uint64_t told_ = 0;
};

}  // namespace troth::bench
