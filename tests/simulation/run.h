// Run: plays one schedule through the real instance, tasks, timers, outbox and trust model, over a world that fails, and
// then says whether what came out is what the facts say:
//
//   * the state of every customer (the full record of Φ at `as_of`) equals that of a plain run: the events that were not
//     refused for their arrival, sorted, in one go, without trouble;
//   * the last record of every key on the topics is the same, too, less what may differ (TRUST_MODEL 10.4);
//   * with fixed epochs, the output is byte for byte that of the same arrivals without trouble;
//   * every record of the log is accounted for once, and dead letters say the same as the tally;
//   * of topics: every commit is taken once and in order, no position goes back, no revision of an alert and no dead letter is
//     there twice or missing, and a fresh machine rebuilds the same from the changelog;
//   * nothing within the lateness is late; no error but those made up by the world; the end is reached in bounded steps.
//
// One thread; all chance from the schedule's seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/schedule.h"

namespace troth::simulation {

struct Outcome {
  std::optional<std::string> violation;
  std::uint64_t records = 0;
  std::uint64_t lives = 0;
};

/// `trace`: if given, takes a line for every step.
[[nodiscard]] Outcome run(const Schedule& schedule, std::vector<std::string>* trace = nullptr);

/// What another implementation of the model can be asked, too: the facts of a schedule, and what the plain run that all else
/// is held against says of them.
struct Plain {
  std::vector<std::string> events;    // CloudEvents JSON, by time
  std::vector<std::string> snapshot;  // full records at `as_of`, by tenant and customer
};
[[nodiscard]] Plain plain(const Schedule& schedule);

}  // namespace troth::simulation
