// Shop: a simulated shop for the demo, for load and for trying things out: what its customers live through, as events.
// Pure and seeded: the same options give the same bytes on every machine and with every compiler. No clock, no I/O; any
// thread.
//
// The story: most customers are served well. Some live where one carrier is always late, or have the bad luck of a
// helpdesk that ignores them; they complain, buy less and leave. A storm delays parcels for some days, and later the
// helpdesk is overrun for a week. All events are valid and come in order of time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/event/time.h"

namespace troth::app {

inline constexpr int kShopCustomersMax = 10'000;
inline constexpr int kShopDaysMax = 365;

struct ShopOptions {
  int customers = 300;
  int days = 60;
  std::uint64_t seed = 1;
  event::TimeUs start = 20'458 * event::kDay;  // Monday, 2026-01-05: fixed, so that a demo can be told about
};

struct ShopEvent {
  event::TimeUs time = 0;
  std::string customer;
  std::string json;  // a CloudEvent, one line without its end
};

/// Everything that happens in [start, start + days), in order of time.
[[nodiscard]] std::vector<ShopEvent> simulate_shop(const ShopOptions& options);

}  // namespace troth::app
