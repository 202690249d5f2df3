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
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/key_index.h"
#include "engine/task/model.h"
#include "engine/task/store.h"

namespace troth::task {

class KeyCache {
 public:
  /// A key in memory. `state` is null if and only if the key is erased.
  class Entry {
   public:
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    [[nodiscard]] std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size_}; }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] bool is_erased() const { return state_ == nullptr; }
    [[nodiscard]] KeyState& state() const { return *state_; }
    /// Neither the store nor an event in memory knows the key.
    [[nodiscard]] bool is_unheard_of() const { return !is_stored_ && !is_dirty_; }
    /// When the key's stored timer fires; kNever: it has none.
    [[nodiscard]] TimeUs timer() const { return timer_; }
    /// With changes not committed yet, and so not evicted before they are.
    [[nodiscard]] bool is_dirty() const { return is_dirty_; }
    /// Begins to load the state into the processor's cache: it is wanted soon.
    void prefetch_state() const {
      const auto* const state = reinterpret_cast<const char*>(state_.get());
      for (std::size_t line = 0; line < kPrefetchedLines; ++line) __builtin_prefetch(state + 64 * line);
    }
    /// After that: what stands behind it.
    void prefetch_state(unsigned step) const {
      if (state_ != nullptr) state_->prefetch(step);
    }

    bool is_unsettled = false;  // the task's note of the key as unsettled refers to this entry

   private:
    friend class KeyCache;
    static constexpr std::size_t kPrefetchedLines = 10;  // of a state's own memory
    struct Deleter {
      void operator()(Entry* entry) const;
    };
    using Owned = std::unique_ptr<Entry, Deleter>;
    /// The key stands behind the entry, in the same block of memory.
    [[nodiscard]] static Owned make(std::string_view key, std::uint64_t hash);
    Entry(std::size_t key_size, std::uint64_t hash) : hash_(hash), key_size_(static_cast<std::uint32_t>(key_size)) {}
    ~Entry() = default;

    std::uint64_t hash_;
    std::uint32_t key_size_;
    bool is_stored_ = false;  // the store has parts of it
    bool is_dirty_ = false;
    bool is_written_ = false;  // what is dirty stands in `ahead_`
    bool is_timer_changed_ = false;
    std::unique_ptr<KeyState> state_;
    TimeUs timer_ = event::kNever;
    std::size_t bytes_ = 0;
    Entry* older_ = nullptr;  // neighbours among the clean ones
    Entry* newer_ = nullptr;
  };

  KeyCache(const KeyedModel& model, const Store& store, std::int32_t partition, std::size_t budget_bytes,
           std::uint64_t erased_keys);
  ~KeyCache();
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;

  // A key that is wanted soon is brought near in steps, with other work in between. Each answers what the next needs.
  [[nodiscard]] std::uint64_t prefetch(std::string_view key) const {
    const std::uint64_t hash = Index::hash_of(key);
    index_.prefetch(hash);
    return hash;
  }
  /// Null if the key is not in memory.
  [[nodiscard]] const Entry* prefetch_entry(std::uint64_t hash) const {
    const Entry* entry = index_.guess(hash);
    if (entry != nullptr) __builtin_prefetch(entry);
    return entry;
  }

  /// The key's entry, created if need be. Valid until the next load or evict.
  [[nodiscard]] base::Result<Entry*> load(std::string_view key);
  /// As load(), but null if nobody has heard of the key.
  [[nodiscard]] base::Result<Entry*> find(std::string_view key);
  /// Null unless the key is in memory. Not a use of it.
  [[nodiscard]] Entry* peek(std::string_view key) const { return index_.find(key, Index::hash_of(key)); }
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

  /// Encodes a dirty entry for the coming write() while it is still near; for who knows that it will not change before.
  void write_ahead(Entry& entry);
  /// Writes what is dirty; from then on it is clean, for the caller is about to commit the batch.
  [[nodiscard]] base::Status write(Batch& batch);

  void set_budget(std::size_t bytes);
  [[nodiscard]] std::size_t dirty_bytes() const { return dirty_bytes_; }
  [[nodiscard]] std::size_t clean_bytes() const { return clean_bytes_; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::uint64_t erased_keys() const { return erased_keys_; }
  [[nodiscard]] std::uint64_t hits() const { return hits_; }
  [[nodiscard]] std::uint64_t misses() const { return misses_; }

 private:
  struct Stored;
  using Index = KeyIndex<Entry>;

  [[nodiscard]] base::Result<std::unique_ptr<KeyState>> decode(std::string_view key, const Stored& stored) const;
  [[nodiscard]] base::Status read(Entry& entry);
  [[nodiscard]] base::Status write_erased(const Entry& entry, Batch& batch) const;
  void encode(Entry& entry, Batch& batch) const;
  void measure(Entry& entry);
  void make_newest(Entry& entry);
  void take_from_clean(Entry& entry);
  void destroy(Entry* entry);
  void evict();

  const KeyedModel& model_;
  const Store& store_;
  std::int32_t partition_;
  std::size_t budget_bytes_;
  std::uint64_t erased_keys_;

  Index index_;  // owns them
  std::vector<Entry*> dirty_;
  Batch ahead_;  // of dirty entries that are written already
  Entry* oldest_ = nullptr;  // clean, in order of use
  Entry* newest_ = nullptr;
  std::size_t dirty_bytes_ = 0;
  std::size_t clean_bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace troth::task
