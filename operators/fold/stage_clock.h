// Stage clock: when a run of a clock reaches the stages of its target, over a history of states and priorities, in the
// hours of its calendar (TRUST_MODEL: stages of a clock). Pure functions; any thread.
#pragma once

#include <span>
#include <vector>

#include "operators/catalogue/kinds.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// From `time` on. A history is strictly ascending: at equal times the last counts.
struct HistoryEntry {
  TimeUs time;
  Status status;
  Priority priority;
};

/// What the clock of one run shows.
struct ClockReading {
  std::vector<TimeUs> stages;        // when stage i was or will be reached if nothing else happens; ascending
  TimeUs warned_at = event::kNever;  // likewise for the multiple `warn`
  TimeUs elapsed_us = 0;             // at `since`, the begin of the last segment
  TimeUs since = 0;
  bool is_paused = false;  // in the last segment

  [[nodiscard]] TimeUs first_stage() const { return stages.empty() ? event::kNever : stages.front(); }
};

/// The run [start, stop); stop = kNever if it has none. The first entry of `history` is not after the start.
[[nodiscard]] ClockReading read_clock(const ClockPolicy& clock, std::span<const HistoryEntry> history, TimeUs start,
                                      TimeUs stop);

/// Whether the clock stands still while a complaint has this status.
[[nodiscard]] bool stands_still(const ClockPolicy& clock, Status status);

}  // namespace troth::operators
