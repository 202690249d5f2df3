// Pipeline: parts of a replay, tied together as the program ties them, with some left out. Each function measures what
// its part costs in CPU time of the whole process: threads that read ahead or compact count, waiting for a disk does
// not. One thread drives.
#pragma once

#include <cstdint>
#include <string>

#include "engine/app/policy_source.h"
#include "engine/base/result.h"
#include "engine/task/statistics.h"
#include "tests/bench/shapes.h"

namespace troth::bench {

struct Measured {
  std::uint64_t events = 0;
  double cpu_us = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t store_bytes = 0;    // in the state directory at the end
  std::uint64_t output_bytes = 0;   // in output files
  std::uint64_t written_bytes = 0;  // that the process wrote, whatever it was, as the kernel counts write calls
  std::uint64_t refused = 0;        // no scenario wants any, conflicts apart
  task::PhaseTimes phases;          // wall clock, by a stopwatch
  std::uint64_t commits = 0;
  std::uint64_t keys_settled = 0;
  std::uint64_t keys_decoded = 0;  // read back from the store
};

/// Lines of a file, split.
[[nodiscard]] base::Result<Measured> read_lines(const std::string& file);
/// The same, each parsed by simdjson into its document: what any reader of JSON pays, and the unit of the figures.
[[nodiscard]] base::Result<Measured> parse_lines(const std::string& file);
/// The file source with the strict decoder.
[[nodiscard]] base::Result<Measured> decode_lines(const std::string& file);
/// A replay by one worker that keeps its state in memory and writes no output.
[[nodiscard]] base::Result<Measured> replay_in_memory(const std::string& file, const app::LoadedPolicy& policy);
/// A whole replay by one worker: RocksDB and output files in `directory`.
[[nodiscard]] base::Result<Measured> replay_to_disk(const std::string& file, const app::LoadedPolicy& policy,
                                                    const std::string& directory);
/// A shape, decoded beforehand, through an instance in memory with one partition and a commit every `epoch` events:
/// many at a time as in a replay, one at a time as in a quiet hour of live operation.
[[nodiscard]] base::Result<Measured> run_shape(const Shape& shape, const app::LoadedPolicy& policy,
                                               std::uint64_t epoch);

}  // namespace troth::bench
