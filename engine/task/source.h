// Source: where records come from. Two families implement it: files (one reader merges all files into one sequence that
// is spread over partitions by key) and Kafka (each partition reads its own part of every topic). Driven by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/record.h"

namespace troth::task {

/// What a poll may bring besides records.
struct InputNews {
  enum class Kind : std::uint8_t {
    kAtEnd,     // input has nothing more, for good (file) or for now (caught up); holds back τ no longer
    kNotAtEnd,  // input has more again: it was caught up and fell behind
    kAssigned,  // this partition is ours from now on (Kafka); positions must be given by seek()
    kRevoked,   // this partition is handed over: close the epoch, commit, forget
    kLost,      // this partition is gone already: discard, never flush
  };
  Kind kind{};
  std::uint16_t input = 0;
  std::int32_t partition = -1;  // −1: all partitions (files)
};

/// Either a record or news, in the order in which they happened.
struct Arrival {
  std::optional<Record> record;
  InputNews news;  // if there is no record
};

class Source {
 public:
  virtual ~Source() = default;
  /// Names of the inputs (topics or files as given), by index.
  [[nodiscard]] virtual const std::vector<std::string>& inputs() const = 0;
  /// Appends at most `max` arrivals; waits at most `timeout_ms` if there are none. An error is final for this source.
  [[nodiscard]] virtual base::Result<std::size_t> poll(std::vector<Arrival>& out, std::size_t max, int timeout_ms) = 0;
};

}  // namespace troth::task
