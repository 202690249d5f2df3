// Offline: the engine with the small model and its store, but without Kafka: what of an event's cost is its own.
// Records are made beforehand; outputs and changelog rows are taken and thrown away. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"
#include "engine/task/statistics.h"

namespace troth::bench {

struct Offline {
  std::uint64_t events = 0;
  double decode_us = 0;     // CPU time of the process
  double cpu_us = 0;        // in all
  task::PhaseTimes phases;  // by a stopwatch, of the whole
};

/// `events` records of traffic in four partitions, committed after every `per_commit` of them; the second half is
/// measured.
[[nodiscard]] base::Result<Offline> run_offline(const std::string& state, std::uint64_t events, std::uint64_t customers,
                                                std::uint64_t per_commit);

}  // namespace troth::bench
