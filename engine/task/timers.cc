#include "engine/task/timers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/planted.h"
#include "engine/task/keys.h"

namespace troth::task {
namespace {

/// All timers that fire at `tau` or before compare less than this.
std::string behind_time(event::TimeUs tau) {
  TROTH_ASSERT(tau < event::kNever - 1);
  return keys::timer_suffix(TROTH_PLANTED(due_now_is_not_due) ? tau : tau + 1, {});
}

std::string_view key_of(std::string_view timer) { return timer.substr(keys::kTimerTimeBytes); }

}  // namespace

Timers::Timers(const Store& store, std::int32_t partition, std::size_t in_memory_max)
    : store_(store),
      prefix_(keys::timers(partition)),
      behind_(keys::behind(prefix_)),
      in_memory_max_(in_memory_max) {
  TROTH_ASSERT(in_memory_max > 0);
}

void Timers::add(event::TimeUs time, std::string_view key) {
  std::string timer = keys::timer_suffix(time, key);
  if (is_covered(timer)) {
    head_.insert(timer);
    if (head_.size() > in_memory_max_) shed();
  }
  changes_.insert_or_assign(std::move(timer), true);
}

void Timers::remove(event::TimeUs time, std::string_view key) {
  std::string timer = keys::timer_suffix(time, key);
  head_.erase(timer);
  changes_.insert_or_assign(std::move(timer), false);
}

/// Keeps half of what memory may hold and drops the later ones: the store has them, or `changes_` until it does.
void Timers::shed() {
  const std::size_t kept = std::max<std::size_t>(in_memory_max_ / 2, 1);
  TROTH_ASSERT(kept < head_.size());
  const auto first_dropped = std::next(head_.begin(), static_cast<std::ptrdiff_t>(kept));
  covered_until_ = *first_dropped;
  covers_all_ = false;
  head_.erase(first_dropped, head_.end());
}

base::Status Timers::refill() {
  bool is_full = false;
  std::string last;
  const auto take = [&](std::string_view stored, std::string_view) {
    const std::string_view timer = stored.substr(prefix_.size());
    if (head_.size() == in_memory_max_) {
      is_full = true;
      last = timer;
      return false;
    }
    const auto change = changes_.find(timer);
    if (change == changes_.end() || change->second) head_.emplace(timer);
    return true;
  };
  if (auto scanned = store_.scan(prefix_ + covered_until_, behind_, take); !scanned) return scanned;

  const auto first = changes_.lower_bound(covered_until_);
  const auto end = is_full ? changes_.lower_bound(last) : changes_.end();
  for (auto change = first; change != end; ++change) {
    if (change->second) head_.insert(change->first);
  }
  covers_all_ = !is_full;
  covered_until_ = std::move(last);
  if (head_.size() > in_memory_max_) shed();
  return base::success();
}

base::Result<bool> Timers::is_any_due(event::TimeUs tau) {
  if (head_.empty() && !covers_all_) {
    if (auto refilled = refill(); !refilled) return refilled.error();
  }
  return !head_.empty() && *head_.begin() < behind_time(tau);
}

base::Status Timers::append_due(event::TimeUs tau, std::vector<std::string>& keys) const {
  const std::string end = behind_time(tau);
  for (auto timer = head_.begin(); timer != head_.end() && *timer < end; ++timer) keys.emplace_back(key_of(*timer));
  if (is_covered(end)) return base::success();

  const auto take = [&](std::string_view stored, std::string_view) {
    const std::string_view timer = stored.substr(prefix_.size());
    if (!changes_.contains(timer)) keys.emplace_back(key_of(timer));
    return true;
  };
  if (auto scanned = store_.scan(prefix_ + covered_until_, prefix_ + end, take); !scanned) return scanned;
  for (auto change = changes_.lower_bound(covered_until_); change != changes_.end() && change->first < end; ++change) {
    if (change->second) keys.emplace_back(key_of(change->first));
  }
  return base::success();
}

void Timers::write(Batch& batch) {
  for (const auto& [timer, is_added] : changes_) {
    if (is_added) {
      batch.put(prefix_ + timer, {});
    } else {
      batch.remove(prefix_ + timer);
    }
  }
  changes_.clear();
}

}  // namespace troth::task
