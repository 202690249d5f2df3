// Crew: the worker threads of an instance, and the first error that any of them met. A crew of one has no thread: it runs
// jobs on the caller's. Jobs of one worker run in the order in which they were posted.
//
// post() and wait() are called by one thread, the driver's. After an error no further job runs (crash-only).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/base/result.h"

namespace troth::task {

class Crew {
 public:
  using Job = std::function<base::Status()>;

  explicit Crew(std::size_t workers);
  /// Ends the threads after the jobs at hand; those that wait are dropped.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Waits while the worker's queue is full.
  void post(std::size_t worker, Job job);
  /// Until every job is done. What the jobs did is visible to the caller then.
  void wait();

  /// The first error; it stays.
  [[nodiscard]] base::Status status() const;
  /// Notes an error met by the driver itself; answers the first one.
  base::Error fail(base::Error error);

 private:
  struct Worker {
    std::mutex mutex;
    std::condition_variable has_job;
    std::condition_variable has_room;
    std::deque<Job> jobs;
    bool is_running = false;
    bool is_ending = false;
    std::thread thread;
  };
  void run(Worker& worker);
  void run_job(const Job& job);

  const std::size_t size_;
  std::vector<std::unique_ptr<Worker>> workers_;  // none in a crew of one
  std::atomic<bool> has_failed_{false};
  mutable std::mutex error_mutex_;
  std::optional<base::Error> error_;
};

}  // namespace troth::task
