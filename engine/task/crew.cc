#include "engine/task/crew.h"

#include <utility>

namespace troth::task {
namespace {

/// Jobs that may wait for a worker; then post() waits.
constexpr std::size_t kJobsMax = 8;

}  // namespace

Crew::Crew(std::size_t workers) : size_(workers) {
  TROTH_ASSERT(workers > 0);
  if (workers == 1) return;
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    Worker& worker = *workers_.back();
    worker.thread = std::thread([this, &worker] { run(worker); });
  }
}

Crew::~Crew() {
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    worker->is_ending = true;
    worker->has_job.notify_one();
  }
  for (const auto& worker : workers_) worker->thread.join();
}

void Crew::post(std::size_t worker, Job job) {
  TROTH_ASSERT(worker < size_);
  if (workers_.empty()) {
    run_job(job);
    return;
  }
  Worker& to = *workers_[worker];
  std::unique_lock lock(to.mutex);
  to.has_room.wait(lock, [&] { return to.jobs.size() < kJobsMax; });
  to.jobs.push_back(std::move(job));
  to.has_job.notify_one();
}

void Crew::wait() {
  for (const auto& worker : workers_) {
    std::unique_lock lock(worker->mutex);
    worker->has_room.wait(lock, [&] { return worker->jobs.empty() && !worker->is_running; });
  }
}

void Crew::run(Worker& worker) {
  std::unique_lock lock(worker.mutex);
  for (;;) {
    worker.has_job.wait(lock, [&] { return worker.is_ending || !worker.jobs.empty(); });
    if (worker.is_ending) return;
    const Job job = std::move(worker.jobs.front());
    worker.jobs.pop_front();
    worker.is_running = true;
    lock.unlock();
    run_job(job);
    lock.lock();
    worker.is_running = false;
    worker.has_room.notify_all();
  }
}

void Crew::run_job(const Job& job) {
  if (has_failed_.load()) return;
  if (auto status = job(); !status) fail(status.error());
}

base::Status Crew::status() const {
  if (!has_failed_.load()) return base::success();
  const std::lock_guard lock(error_mutex_);
  return *error_;
}

base::Error Crew::fail(base::Error error) {
  const std::lock_guard lock(error_mutex_);
  if (!error_) error_ = std::move(error);
  has_failed_.store(true);
  return *error_;
}

}  // namespace troth::task
