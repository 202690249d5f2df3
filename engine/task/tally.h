// Tally: what became of the records that a task has read. Plain data; belongs to its task and is stored with it, so the
// figures cover the whole input however often the run was interrupted.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/event/event.h"

namespace troth::task {

struct Tally {
  std::uint64_t read = 0;
  std::uint64_t applied = 0;
  std::uint64_t duplicates = 0;
  std::array<std::uint64_t, event::kReasonCount> refused{};
  std::vector<std::int64_t> counters;  // those of the model, by index

  [[nodiscard]] std::uint64_t refused_in_all() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : refused) sum += each;
    return sum;
  }
  /// Promise P2: every record read is accounted for exactly once.
  [[nodiscard]] bool is_balanced() const { return read == applied + duplicates + refused_in_all(); }

  void add(const Tally& other) {
    read += other.read;
    applied += other.applied;
    duplicates += other.duplicates;
    for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
    if (counters.size() < other.counters.size()) counters.resize(other.counters.size());
    for (std::size_t i = 0; i < other.counters.size(); ++i) counters[i] += other.counters[i];
  }
  friend bool operator==(const Tally&, const Tally&) = default;
};

}  // namespace troth::task
