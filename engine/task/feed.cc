#include "engine/task/feed.h"

#include <utility>

#include "engine/base/planted.h"
namespace troth::task {

Feed::Feed(std::unique_ptr<Task> task, std::size_t inputs, bool merges)
    : is_paused(inputs, false), task_(std::move(task)), counts_(merges), waiting_(inputs) {
  if (merges && inputs > 1) merger_.emplace(inputs);
}

base::Status Feed::offer(Decoded&& decoded, bool last_of_input, std::uint64_t number) {
  if (!merger_) {
    if (counts_) waiting_[decoded.record.origin.input].fetch_sub(1, std::memory_order_relaxed);
    return task_->offer(std::move(decoded), last_of_input, number);
  }
  const std::size_t input = decoded.record.origin.input;
  const std::optional<TimeUs> time = decoded.merge_time;
  merger_->push(input, time, {std::move(decoded), number});
  if (last_of_input) merger_->close(input);
  return drain();
}

base::Status Feed::set_at_end(std::size_t input, bool at_end) {
  if (!merger_) {
    task_->set_at_end(input, at_end);
    return base::success();
  }
  if (!at_end) {
    merger_->reopen(input);
    task_->set_at_end(input, false);
    return base::success();
  }
  if (merger_->close(input)) task_->set_at_end(input, true);
  return drain();
}

base::Status Feed::drain() {
  while (auto taken = merger_->take()) {
    waiting_[taken->input].fetch_sub(1, std::memory_order_relaxed);
    Numbered& item = taken->item;
    auto status = task_->offer(std::move(item.decoded), taken->ends_input && !TROTH_PLANTED(end_behind_records_lost),
                               item.number);
    if (!status) return status;
  }
  return base::success();
}

}  // namespace troth::task
