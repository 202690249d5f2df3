#include "engine/app/standby.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "engine/task/recovery.h"

namespace troth::app {
namespace {

/// After a round over all partitions.
constexpr auto kPause = std::chrono::milliseconds(1'000);
/// After something that went wrong.
constexpr auto kLongPause = std::chrono::seconds(10);

}  // namespace

Standby::Standby(task::Store& store, Open open, std::int32_t partitions) : store_(store), open_(std::move(open)) {
  for (std::int32_t partition = 0; partition < partitions; ++partition) followed_.insert(partition);
  thread_ = std::thread([this] { run(); });
}

Standby::~Standby() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Standby::let_go(std::int32_t partition) {
  std::unique_lock lock(mutex_);
  followed_.erase(partition);
  changed_.notify_all();
  changed_.wait(lock, [&] { return in_work_ != partition; });
}

void Standby::take_up(std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  followed_.insert(partition);
}

bool Standby::is_wanted(std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  return !is_ending_ && followed_.contains(partition);
}

std::int32_t Standby::next_after(std::int32_t last) {
  const std::lock_guard lock(mutex_);
  const auto next = followed_.upper_bound(last);
  in_work_ = next == followed_.end() ? -1 : *next;
  return in_work_;
}

void Standby::run() {
  std::unique_ptr<task::Changelog> changelog;
  std::int32_t last = -1;
  while (!is_ending_) {
    auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kPause);
    if (changelog == nullptr) {
      auto opened = open_();
      if (opened) changelog = std::move(*opened);
      if (!opened) spdlog::warn("standby copies: {}", opened.error().message);
      if (!opened) pause = kLongPause;
    }
    if (changelog != nullptr) {
      last = next_after(last);
      if (last >= 0) {
        follow(*changelog, last);
        continue;
      }
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [&] { return is_ending_.load(); });
  }
}

void Standby::follow(task::Changelog& changelog, std::int32_t partition) {
  task::RecoveryOptions options;
  options.on_progress = [&](const task::RecoveryProgress&) -> base::Status {
    if (is_wanted(partition)) return base::success();
    return base::Error{"no longer wanted"};
  };
  const auto followed = task::follow(store_, changelog, partition, options);
  if (followed) {
    rows_ += followed->rows;
  } else if (is_wanted(partition)) {
    spdlog::warn("standby copy of partition {}: {}", partition, followed.error().message);
  }
  const std::lock_guard lock(mutex_);
  in_work_ = -1;
  changed_.notify_all();
}

}  // namespace troth::app
