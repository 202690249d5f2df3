// Monotone: makes a counter that never falls out of a total that may. Stored totals fall a little when a record that
// counted is displaced, fall back to the last commit when the engine is opened again, and jump when partitions come and
// go. Plain data of its owner.
#pragma once

#include <algorithm>
#include <cstdint>

namespace troth::observe {

class Monotone {
 public:
  /// Takes `total` as given, counting nothing: the first look, or another set of partitions.
  void rebase(std::int64_t total) { greatest_ = total; }
  /// Counts what the total rose beyond the greatest seen: work done twice is counted once.
  void follow(std::int64_t total) {
    counted_ += std::max<std::int64_t>(total - greatest_, 0);
    greatest_ = std::max(greatest_, total);
  }
  /// Of totals that start at 0 with each opening of the engine: counts all of it again from there.
  void follow_run(std::uint64_t total) {
    const auto now = static_cast<std::int64_t>(total);
    counted_ += now >= greatest_ ? now - greatest_ : now;
    greatest_ = now;
  }
  [[nodiscard]] std::int64_t counted() const { return counted_; }

 private:
  std::int64_t greatest_ = 0;
  std::int64_t counted_ = 0;
};

}  // namespace troth::observe
