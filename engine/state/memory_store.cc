#include "engine/state/memory_store.h"

#include <mutex>

namespace troth::state {

base::Result<std::optional<std::string>> MemoryStore::get(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = contents_.find(key);
  if (found == contents_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

base::Status MemoryStore::scan(std::string_view from, std::string_view to,
                               const std::function<bool(std::string_view, std::string_view)>& each) const {
  const std::shared_lock lock(mutex_);
  for (auto at = contents_.lower_bound(from); at != contents_.end() && at->first < to; ++at) {
    if (!each(at->first, at->second)) break;
  }
  return base::success();
}

base::Status MemoryStore::commit(const task::Batch& batch) {
  const std::unique_lock lock(mutex_);
  if (fails_in_ > 0 && --fails_in_ == 0) {
    if (failure_ == Failure::kOutcomeUnknown) apply(batch);
    return base::Error{"the store in memory fails here because a test asked for it"};
  }
  apply(batch);
  ++commits_;
  return base::success();
}

void MemoryStore::apply(const task::Batch& batch) {
  for (const auto& [from, to] : batch.ranges()) {
    if (from < to) contents_.erase(contents_.lower_bound(from), contents_.lower_bound(to));
  }
  for (const task::Batch::Change& change : batch.changes()) {
    if (change.value) {
      contents_.insert_or_assign(change.key, *change.value);
    } else {
      contents_.erase(change.key);
    }
  }
}

void MemoryStore::fail_commit(std::uint64_t n, Failure failure) {
  const std::unique_lock lock(mutex_);
  fails_in_ = n;
  failure_ = failure;
}

std::uint64_t MemoryStore::commits() const {
  const std::shared_lock lock(mutex_);
  return commits_;
}

MemoryStore::Contents MemoryStore::contents() const {
  const std::shared_lock lock(mutex_);
  return contents_;
}

}  // namespace troth::state
