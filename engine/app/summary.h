// Summary: what a run says at its end, for scripts (one JSON object) and for people. Plain data and pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "engine/app/terminal.h"
#include "engine/event/time.h"
#include "engine/task/tally.h"

namespace troth::app {

struct Summary {
  task::Tally tally;
  std::string policy_hash;
  event::TimeUs as_of = 0;
  double seconds = 0, cpu_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t events_now = 0;  // read by this run, without what earlier ones had read
};

/// CPU seconds and peak memory of this process so far.
void measure_process(Summary& summary);

[[nodiscard]] std::string summary_json(const Summary& summary);
[[nodiscard]] std::string summary_text(const Summary& summary, const Terminal& terminal);

}  // namespace troth::app
