// Standby: keeps copies of the partitions that other instances own, from the changelog, so that taking one over needs little
// more than a look. All partitions that are not ours, since nobody knows which will come: the disk holds them all.
//
// A thread of its own, beside the driver's; the store takes commits of both. Before the driver touches a partition it calls
// let_go(), which returns once nothing is in work for it. What it cannot do it tells and tries again: nothing depends on it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "engine/base/result.h"
#include "engine/task/store.h"
#include "engine/task/transactions.h"

namespace troth::app {

class Standby {
 public:
  /// `open` makes the reader of the changelog; it is called on the thread of this object.
  using Open = std::function<base::Result<std::unique_ptr<task::Changelog>>()>;
  Standby(task::Store& store, Open open, std::int32_t partitions);
  /// Ends its thread, within a slice of work.
  ~Standby();
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  /// The partition is the driver's from now on.
  void let_go(std::int32_t partition);
  /// It is no more: others may own it.
  void take_up(std::int32_t partition);

  /// Rows taken over so far.
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  void run();
  /// The next partition to look at, after `last`; −1: none.
  [[nodiscard]] std::int32_t next_after(std::int32_t last);
  void follow(task::Changelog& changelog, std::int32_t partition);
  [[nodiscard]] bool is_wanted(std::int32_t partition);

  task::Store& store_;
  Open open_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::set<std::int32_t> followed_;
  std::int32_t in_work_ = -1;
  std::atomic<bool> is_ending_{false};
  std::atomic<std::uint64_t> rows_{0};
  std::thread thread_;
};

}  // namespace troth::app
