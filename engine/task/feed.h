// Feed: the way of records into one task. Files come merged already and go straight through, as does a single topic; the
// inputs of a Kafka partition are read each at its own speed and merged here by time (ARCHITECTURE: time).
//
// Owned by the instance; run by the task's worker. Only waiting() and add_waiting() may be called meanwhile by the
// driver's thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/merger.h"
#include "engine/task/outbox.h"
#include "engine/task/record.h"
#include "engine/task/task.h"

namespace troth::task {

class Feed {
 public:
  Feed(std::unique_ptr<Task> task, std::size_t inputs, bool merges);

  /// `number` ascends with the reading order of the instance.
  [[nodiscard]] base::Status offer(Decoded&& decoded, bool last_of_input, std::uint64_t number);
  /// In order with the records: an input that still has records waiting is at its end once they are taken.
  [[nodiscard]] base::Status set_at_end(std::size_t input, bool at_end);

  [[nodiscard]] Task& task() { return *task_; }
  [[nodiscard]] const Task& task() const { return *task_; }

  /// Records of an input on their way here or waiting in the merger. The driver adds, the worker takes off.
  [[nodiscard]] std::size_t waiting(std::size_t input) const { return waiting_[input].load(std::memory_order_relaxed); }
  void add_waiting(std::size_t input) { waiting_[input].fetch_add(1, std::memory_order_relaxed); }

  // The driver's and the instance's notes about this feed.
  std::optional<Outbox> outbox;     // with Transactions
  std::vector<bool> is_paused;      // by input
  std::size_t published_bytes = 0;  // of the task's uncommitted bytes: those that the instance has counted

 private:
  struct Numbered {
    Decoded decoded;
    std::uint64_t number = 0;
  };
  [[nodiscard]] base::Status drain();

  std::unique_ptr<Task> task_;
  const bool counts_;  // the driver has counted each record by add_waiting()
  std::optional<Merger<Numbered>> merger_;
  std::vector<std::atomic<std::size_t>> waiting_;
};

}  // namespace troth::task
