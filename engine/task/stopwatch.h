// Stopwatch: how long something took, for metrics only. One thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace troth::task {

class Stopwatch {
 public:
  [[nodiscard]] std::uint64_t ns() const {
    const auto passed = std::chrono::steady_clock::now() - begin_;
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count());
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace troth::task
