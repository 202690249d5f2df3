// IdIndex: which object of a case has an id. Most cases have a handful of objects, which are found by looking at each;
// a hash table takes over when there are many. Lives for one fold. The ids stay with whoever owns their text.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troth::operators {

class IdIndex {
 public:
  explicit IdIndex(std::pmr::memory_resource* memory) : ids_(memory) {}

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view id) const {
    if (!by_id_.empty()) {
      const auto found = by_id_.find(id);
      return found == by_id_.end() ? std::nullopt : std::optional(found->second);
    }
    for (std::uint32_t i = 0; i < ids_.size(); ++i) {
      if (ids_[i] == id) return i;
    }
    return std::nullopt;
  }

  /// The next position: ids are numbered in the order in which they come.
  std::uint32_t add(std::string_view id) {
    const auto position = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
    if (!by_id_.empty()) {
      by_id_.emplace(id, position);
    } else if (ids_.size() > kFew) {
      for (std::uint32_t i = 0; i < ids_.size(); ++i) by_id_.emplace(ids_[i], i);
    }
    return position;
  }

 private:
  static constexpr std::size_t kFew = 16;
  std::pmr::vector<std::string_view> ids_;
  std::unordered_map<std::string_view, std::uint32_t> by_id_;  // empty while there are few
};

}  // namespace troth::operators
