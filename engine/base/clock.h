// Clock: the wall clock as an interface, so that a test can move it by hand. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace troth::base {

/// Microseconds since 1970-01-01T00:00:00Z.
using TimeUs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimeUs now() const = 0;
};

class SystemClock final : public Clock {
 public:
  /// `offset_us` shifts the clock: a rehearsal plays history "as if it was then".
  explicit SystemClock(TimeUs offset_us = 0) : offset_us_(offset_us) {}
  [[nodiscard]] TimeUs now() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count() + offset_us_;
  }

 private:
  TimeUs offset_us_;
};

/// Stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimeUs start = 0) : now_(start) {}
  [[nodiscard]] TimeUs now() const override { return now_.load(); }
  void set(TimeUs now) { now_.store(now); }
  void advance(TimeUs by) { now_.fetch_add(by); }

 private:
  std::atomic<TimeUs> now_;
};

}  // namespace troth::base
