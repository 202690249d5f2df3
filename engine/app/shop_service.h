// Service: how the simulated shop treats a customer, and what befalls the shop as a whole. Plain data.
#pragma once

#include <cstdint>

#include "engine/event/time.h"

namespace troth::app {

/// Chances, in thousandths.
struct Service {
  const char* carrier;
  const char* region;
  std::int64_t late;    // of a delivery
  std::int64_t silent;  // … about which nobody tells the customer beforehand
  std::int64_t lost, damaged, wrong_item, incomplete;
  std::int64_t sold_out;  // cancelled by the shop
  std::int64_t fee;       // a charge above the quoted price
  std::int64_t slow;      // an answer of the helpdesk
  std::int64_t ignored;   // a complaint
  std::int64_t botched;   // a solution that the customer rejects
  std::int64_t owed;      // a refund or compensation that comes late or never
  std::int64_t hours_late_max;
};

inline constexpr Service kGoodService{"north-express", "north", 35, 250, 3, 6, 5, 6, 5, 4, 80, 15, 60, 60, 40};
inline constexpr Service kMixedService{"crosstown", "centre", 140, 500, 12, 25, 20, 25, 20, 30, 300, 120, 200, 250, 90};
inline constexpr Service kBadService{"slowpost", "south", 430, 750, 40, 60, 45, 60, 40, 110, 550, 380, 400, 500, 170};

struct Span {
  event::TimeUs begin = 0, end = 0;
  [[nodiscard]] bool contains(event::TimeUs time) const { return begin <= time && time < end; }
};

/// What the whole shop goes through.
struct Season {
  event::TimeUs start = 0, end = 0;
  Span storm;  // parcels are delayed, and the carriers say so
  Span rush;   // the helpdesk is overrun
};

}  // namespace troth::app
