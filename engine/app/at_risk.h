// At risk: which customers to look at first: worst alert, then least trust. `troth top` and the demo ask. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/app/terminal.h"
#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/task/instance.h"

namespace troth::app {

struct AtRisk {
  std::int64_t severity = -1;  // of the worst active alert; −1: none
  std::int64_t score = 0;
  std::int64_t firing = 0;
  std::string tenant, customer, worst, tier;
  /// More at risk first; ties by name, so that the list is the same every time.
  friend bool operator<(const AtRisk& a, const AtRisk& b);
};

/// The `count` customers most at risk at t (not before the state's own time), the first of them first.
[[nodiscard]] base::Result<std::vector<AtRisk>> most_at_risk(task::Instance& instance, event::TimeUs t,
                                                             std::size_t count);

[[nodiscard]] std::string at_risk_text(const std::vector<AtRisk>& top, const Terminal& terminal);

}  // namespace troth::app
