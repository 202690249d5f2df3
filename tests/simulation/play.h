// Play: one schedule lived through, from the first record to the last, over a world that may fail. Of files: one process and
// its restarts (run.cc). Of topics: a group of machines that share the partitions (group.h). Both answer the same Result.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/task/instance.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/world.h"

namespace troth::simulation {

/// Processes are started at most so often; after kTroubledLives nothing goes wrong any more, so that the end is reached.
inline constexpr int kTroubledLives = 25;
inline constexpr int kLivesMax = 40;
inline constexpr int kTurnsMax = 20'000;

/// What a play left when it was through.
struct Result {
  std::optional<std::string> violation;
  task::Tally tally;
  std::vector<std::string> snapshot;  // full records at as_of, by customer
  std::vector<task::Outgoing> sent;
  std::uint64_t lives = 0;
  bool is_under_later_policy = false;
};

/// Appends the full records of an instance's customers at a time, with their keys.
[[nodiscard]] base::Status append_records(task::Instance& instance, TimeUs t, std::vector<std::pair<std::string, std::string>>& records);
/// In order of keys.
[[nodiscard]] std::vector<std::string> sorted_records(std::vector<std::pair<std::string, std::string>> records);

/// Words for where two snapshots begin to differ; empty if they do not.
[[nodiscard]] std::string first_difference(const std::vector<std::string>& found, const std::vector<std::string>& expected);

/// What every instance of a schedule is opened with.
[[nodiscard]] task::InstanceOptions options_of(const Schedule& schedule);

}  // namespace troth::simulation
