// KeyCache: the decoded states of one partition's keys, write-back. A key is read from the store at its first event,
// changed in memory, and written once per commit in order of keys. Dirty keys are never evicted (the instance bounds them
// by committing); clean ones are, least recently used first, beyond a budget of bytes.
//
// An erased key stays as a tombstone: the parts go, a digest remains in the store, and whoever loads the key learns that
// it is erased. Owned by its task, same thread. Reads the store; everything it writes goes into the task's batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/model.h"
#include "engine/task/store.h"

namespace troth::task {

/// Lets a hash table of strings be searched by a view. Not noexcept, on purpose: libstdc++ then keeps each key's hash in
/// its node instead of computing it again for the neighbours of the key that is looked for.
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

class KeyCache {
 public:
  /// A key in memory. `state` is null if and only if the key is erased.
  class Entry {
   public:
    [[nodiscard]] std::string_view key() const { return key_; }
    [[nodiscard]] bool is_erased() const { return state_ == nullptr; }
    [[nodiscard]] KeyState& state() const { return *state_; }
    /// Neither the store nor an event in memory knows the key.
    [[nodiscard]] bool is_unheard_of() const { return !is_stored_ && !is_dirty_; }
    /// When the key's stored timer fires; kNever: it has none.
    [[nodiscard]] TimeUs timer() const { return timer_; }

    bool is_unsettled = false;  // a hint for the task: it noted the key as unsettled while it was in memory

   private:
    friend class KeyCache;
    std::string_view key_;  // of the map's node
    std::unique_ptr<KeyState> state_;
    TimeUs timer_ = event::kNever;
    std::size_t bytes_ = 0;
    bool is_stored_ = false;  // the store has parts of it
    bool is_dirty_ = false;
    bool is_timer_changed_ = false;
    std::list<Entry*>::iterator place_;  // in dirty_ or clean_
  };

  KeyCache(const KeyedModel& model, const Store& store, std::int32_t partition, std::size_t budget_bytes,
           std::uint64_t erased_keys);

  /// The key's entry, created if need be. Valid until the next load or evict.
  [[nodiscard]] base::Result<Entry*> load(std::string_view key);
  /// As load(), but null if nobody has heard of the key.
  [[nodiscard]] base::Result<Entry*> find(std::string_view key);
  /// Forgets an entry that is_unheard_of: its one event was refused.
  void forget(Entry& entry);

  /// The state has changed, or may have: it will be written.
  void mark_dirty(Entry& entry);
  void set_timer(Entry& entry, TimeUs timer);
  void erase(Entry& entry);

  /// Every key that is neither erased nor unheard of, in order, with changes not committed yet. Read-only.
  [[nodiscard]] base::Status for_each(const std::function<base::Status(std::string_view key, KeyState& state)>& each);
  /// Appends at most `max` stored keys greater than `behind` in order (empty: from the first); erased ones have none.
  [[nodiscard]] base::Status append_stored(std::string_view behind, std::size_t max,
                                           std::vector<std::string>& keys) const;

  /// Writes what is dirty; from then on it is clean, for the caller is about to commit the batch.
  [[nodiscard]] base::Status write(Batch& batch);

  void set_budget(std::size_t bytes);
  [[nodiscard]] std::size_t dirty_bytes() const { return dirty_bytes_; }
  [[nodiscard]] std::size_t clean_bytes() const { return clean_bytes_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t erased_keys() const { return erased_keys_; }
  [[nodiscard]] std::uint64_t hits() const { return hits_; }
  [[nodiscard]] std::uint64_t misses() const { return misses_; }

 private:
  struct Stored;

  [[nodiscard]] base::Result<std::unique_ptr<KeyState>> decode(std::string_view key, const Stored& stored) const;
  [[nodiscard]] base::Status read(Entry& entry);
  [[nodiscard]] base::Status write_erased(const Entry& entry, Batch& batch) const;
  void measure(Entry& entry);
  void evict();

  const KeyedModel& model_;
  const Store& store_;
  std::int32_t partition_;
  std::size_t budget_bytes_;
  std::uint64_t erased_keys_;

  std::unordered_map<std::string, Entry, KeyHash, std::equal_to<>> entries_;
  std::list<Entry*> dirty_;
  std::list<Entry*> clean_;  // least recently used first
  std::size_t dirty_bytes_ = 0;
  std::size_t clean_bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace troth::task
