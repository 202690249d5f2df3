// Store: durable ordered bytes with atomic batches. RocksDB is one, memory (tests, simulation) another. Reads may come
// from several task threads at once; commits come from one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace troth::task {

/// Changes that become durable together. A later change of a key wins.
class Batch {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: delete
  };
  void put(std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    changes_.push_back({std::move(key), std::move(value)});
  }
  void remove(std::string key) {
    bytes_ += key.size();
    changes_.push_back({std::move(key), std::nullopt});
  }
  /// Removes every key in [from, to), before all other changes of the batch take effect. `from` is where a range of keys.h
  /// begins.
  void remove_range(std::string from, std::string to) { ranges_.emplace_back(std::move(from), std::move(to)); }
  void append(Batch&& other) {
    bytes_ += other.bytes_;
    ranges_.insert(ranges_.end(), std::make_move_iterator(other.ranges_.begin()),
                   std::make_move_iterator(other.ranges_.end()));
    changes_.insert(changes_.end(), std::make_move_iterator(other.changes_.begin()),
                    std::make_move_iterator(other.changes_.end()));
    other = Batch{};
  }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& ranges() const { return ranges_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return changes_.empty() && ranges_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> ranges_;
  std::vector<Change> changes_;
  std::size_t bytes_ = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual base::Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Calls `each` for keys in [from, to) in order until it answers false. Views are valid during the call.
  [[nodiscard]] virtual base::Status scan(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view key, std::string_view value)>& each) const = 0;
  /// All or nothing, and durable once it returns (one sync). After an error the store must be closed and reopened.
  [[nodiscard]] virtual base::Status commit(const Batch& batch) = 0;
  /// The same for a large batch without ranges, by the way that is cheapest for bulk.
  [[nodiscard]] virtual base::Status load(const Batch& batch) { return commit(batch); }
};

}  // namespace troth::task
