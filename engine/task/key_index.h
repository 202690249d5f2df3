// KeyIndex: finds the cache's entries by key. Open addressing over pairs of hash and pointer, so that a look-up reads one
// place here and then the entry itself; a table of nodes reads three or four, each of them cold where there are many keys.
//
// Owns nothing: entries must outlive their stay. Entry has `key()` and `hash()`. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "engine/base/assert.h"

namespace troth::task {

template <typename Entry>
class KeyIndex {
 public:
  [[nodiscard]] static std::uint64_t hash_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

  /// Null if there is none.
  [[nodiscard]] Entry* find(std::string_view key, std::uint64_t hash) const {
    for (std::size_t at = hash & mask_; slots_[at].entry != nullptr; at = (at + 1) & mask_) {
      if (slots_[at].hash == hash && slots_[at].entry->key() == key) return slots_[at].entry;
    }
    return nullptr;
  }
  /// An entry of that hash without reading it, likely the one of the key; null if there is none.
  [[nodiscard]] Entry* guess(std::uint64_t hash) const {
    for (std::size_t at = hash & mask_; slots_[at].entry != nullptr; at = (at + 1) & mask_) {
      if (slots_[at].hash == hash) return slots_[at].entry;
    }
    return nullptr;
  }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }

  /// Its key is not here yet.
  void insert(Entry* entry) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place({entry->hash(), entry});
    ++size_;
  }

  void erase(const Entry* entry) {
    std::size_t at = entry->hash() & mask_;
    while (slots_[at].entry != entry) {
      TROTH_ASSERT(slots_[at].entry != nullptr);
      at = (at + 1) & mask_;
    }
    // What follows moves up, unless that would take it before the place where its search begins.
    for (std::size_t next = (at + 1) & mask_; slots_[next].entry != nullptr; next = (next + 1) & mask_) {
      const std::size_t begin = slots_[next].hash & mask_;
      if (((next - begin) & mask_) < ((next - at) & mask_)) continue;
      slots_[at] = slots_[next];
      at = next;
    }
    slots_[at] = {};
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  template <typename Each>
  void for_each(const Each& each) const {
    for (const Slot& slot : slots_) {
      if (slot.entry != nullptr) each(slot.entry);
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    Entry* entry = nullptr;
  };
  static constexpr std::size_t kSlotsAtFirst = 16;  // a power of two, as ever after

  void place(Slot slot) {
    std::size_t at = slot.hash & mask_;
    while (slots_[at].entry != nullptr) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.entry != nullptr) place(slot);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSlotsAtFirst);
  std::size_t mask_ = kSlotsAtFirst - 1;
  std::size_t size_ = 0;
};

}  // namespace troth::task
