// Timers: when the keys of one partition want to be settled, at most one time per key. The store holds them all, in order
// of time; the first of them are held in memory too, up to a bound, and refilled from where the last refill ended, so
// that a refill never walks over what has fired (deleted keys make a scan slow).
//
// A timer that fired stays until its key is settled: remove() is the settler's. Changes reach the store by write(); until
// that is committed they are known here. Owned by its task, same thread. Reads the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/task/store.h"

namespace troth::task {

class Timers {
 public:
  Timers(const Store& store, std::int32_t partition, std::size_t in_memory_max = base::limits::kTimersInMemory);

  void add(event::TimeUs time, std::string_view key);
  void remove(event::TimeUs time, std::string_view key);

  /// Whether a timer fires at `tau` or before.
  [[nodiscard]] base::Result<bool> is_any_due(event::TimeUs tau);
  /// Appends the keys of all timers that fire at `tau` or before.
  [[nodiscard]] base::Status append_due(event::TimeUs tau, std::vector<std::string>& keys) const;

  /// Puts the changes since the last write into the batch. No read before that is committed.
  void write(Batch& batch);

  [[nodiscard]] std::size_t in_memory() const { return head_.size(); }

 private:
  // A timer is its store key less the prefix: time, then key; compares as bytes.
  [[nodiscard]] base::Status refill();
  void shed();
  [[nodiscard]] bool is_covered(std::string_view timer) const { return covers_all_ || timer < covered_until_; }

  const Store& store_;
  std::string prefix_;
  std::string behind_;  // the end of the range of all timers
  std::size_t in_memory_max_;

  std::set<std::string, std::less<>> head_;  // every timer before covered_until_
  std::string covered_until_;
  bool covers_all_ = false;
  std::map<std::string, bool, std::less<>> changes_;  // not committed: true: added, false: removed
};

}  // namespace troth::task
