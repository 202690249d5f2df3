// MemoryStore: a Store in memory, for tests and simulation. It outlives the instances that work on it, as a disk does, and
// fails on demand. Thread-safe; no call of it from within a scan.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/task/store.h"

namespace troth::state {

class MemoryStore final : public task::Store {
 public:
  using Contents = std::map<std::string, std::string, std::less<>>;

  [[nodiscard]] base::Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] base::Status scan(std::string_view from, std::string_view to,
                                  const std::function<bool(std::string_view key, std::string_view value)>& each)
      const override;
  [[nodiscard]] base::Status commit(const task::Batch& batch) override;

  // For tests ---------------------------------------------------------------------------------------------------------
  enum class Failure : std::uint8_t {
    kNothingWritten,  // the batch is not there
    kOutcomeUnknown,  // the batch is there, but the caller does not learn it
  };
  /// Lets the n-th commit from now fail (1: the next), once.
  void fail_commit(std::uint64_t n, Failure failure = Failure::kNothingWritten);
  /// Commits that succeeded.
  [[nodiscard]] std::uint64_t commits() const;
  [[nodiscard]] Contents contents() const;

 private:
  void apply(const task::Batch& batch);

  mutable std::shared_mutex mutex_;
  Contents contents_;
  std::uint64_t commits_ = 0;
  std::uint64_t fails_in_ = 0;  // 0: no failure is planned
  Failure failure_ = Failure::kNothingWritten;
};

}  // namespace troth::state
