#include "engine/task/cache.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/planted.h"
#include "engine/task/keys.h"

namespace troth::task {
namespace {

/// What an entry costs besides its state: node, key, list.
constexpr std::size_t kEntryBytes = 256;

/// How far ahead a walk over entries begins to load them.
constexpr std::size_t kPrefetchedEntries = 8;

/// How much of the store for_each() holds at a time.
constexpr std::size_t kReadKeys = 256;
constexpr std::size_t kReadBytes = std::size_t{8} << 20U;

/// Writes the parts of one key, and among them its timer, in order if the model's come in order: what is in order is
/// cheaper to store.
class StateWriter final : public PartWriter {
 public:
  /// `timer`: nothing if it is to stay as it is.
  StateWriter(Batch& batch, std::string state_key, std::optional<TimeUs> timer)
      : batch_(batch), state_key_(std::move(state_key)), timer_(timer) {}
  void put(std::string_view name, std::string_view bytes) override {
    has_put_ = true;
    if (name > keys::kTimerPart) finish();
    batch_.put(store_key(name), std::string(bytes));
  }
  void remove(std::string_view name) override {
    if (name > keys::kTimerPart) finish();
    batch_.remove(store_key(name));
  }
  /// Once the model has written all of it.
  void finish() {
    if (!timer_) return;
    std::string part = state_key_ + std::string(keys::kTimerPart);
    if (*timer_ == event::kNever) {
      batch_.remove(std::move(part));
    } else {
      base::ByteWriter time;
      time.be64(static_cast<std::uint64_t>(*timer_));
      batch_.put(std::move(part), std::move(time).take());
    }
    timer_.reset();
  }
  [[nodiscard]] bool has_put() const { return has_put_; }

 private:
  [[nodiscard]] std::string store_key(std::string_view name) const {
    TROTH_ASSERT(name.empty() || name.front() != keys::kTimerPart.front());
    std::string key = state_key_;
    return key += name;
  }
  Batch& batch_;
  std::string state_key_;
  std::optional<TimeUs> timer_;
  bool has_put_ = false;
};

}  // namespace

/// The parts of one key as the store has them, the engine's own apart.
struct KeyCache::Stored final : Parts {
  std::vector<std::pair<std::string, std::string>> parts;
  TimeUs timer = event::kNever;
  std::size_t bytes = 0;

  void for_each(const std::function<void(std::string_view, std::string_view)>& each) const override {
    for (const auto& [name, value] : parts) each(name, value);
  }
  void take(std::string_view name, std::string_view value) {
    if (name == keys::kTimerPart) {
      timer = static_cast<TimeUs>(base::ByteReader(value).be64());
      return;
    }
    parts.emplace_back(name, value);
    bytes += name.size() + value.size();
  }
  [[nodiscard]] bool is_empty() const { return parts.empty(); }
};

KeyCache::Entry::Owned KeyCache::Entry::make(std::string_view key, std::uint64_t hash) {
  void* const block = ::operator new(sizeof(Entry) + key.size());
  Owned entry(new (block) Entry(key.size(), hash));
  std::memcpy(static_cast<char*>(block) + sizeof(Entry), key.data(), key.size());
  return entry;
}

void KeyCache::Entry::Deleter::operator()(Entry* entry) const {
  entry->~Entry();
  ::operator delete(entry);
}

KeyCache::KeyCache(const KeyedModel& model, const Store& store, std::int32_t partition, std::size_t budget_bytes,
                   std::uint64_t erased_keys)
    : model_(model), store_(store), partition_(partition), budget_bytes_(budget_bytes), erased_keys_(erased_keys) {}

KeyCache::~KeyCache() { index_.for_each(Entry::Deleter{}); }

base::Result<KeyCache::Entry*> KeyCache::load(std::string_view key) {
  const std::uint64_t hash = Index::hash_of(key);
  if (Entry* found = index_.find(key, hash); found != nullptr) {
    ++hits_;
    if (!found->is_dirty_ && found != newest_) {
      take_from_clean(*found);
      make_newest(*found);
    }
    return found;
  }
  TROTH_ASSERT(!key.empty() && key.find('\0') == std::string_view::npos);
  ++misses_;
  evict();
  Entry::Owned owned = Entry::make(key, hash);
  if (auto status = read(*owned); !status) return status.error();
  Entry& entry = *owned.release();
  index_.insert(&entry);
  entry.bytes_ = kEntryBytes + 2 * key.size() + (entry.is_erased() ? 0 : entry.state().bytes());
  clean_bytes_ += entry.bytes_;
  make_newest(entry);
  return &entry;
}

base::Result<KeyCache::Entry*> KeyCache::find(std::string_view key) {
  auto entry = load(key);
  if (!entry || !(*entry)->is_unheard_of()) return entry;
  forget(**entry);
  return static_cast<Entry*>(nullptr);
}

void KeyCache::forget(Entry& entry) {
  TROTH_ASSERT(entry.is_unheard_of());
  clean_bytes_ -= entry.bytes_;
  take_from_clean(entry);
  destroy(&entry);
}

void KeyCache::destroy(Entry* entry) {
  index_.erase(entry);
  Entry::Deleter{}(entry);
}

void KeyCache::make_newest(Entry& entry) {
  entry.older_ = newest_;
  entry.newer_ = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = &entry;
  newest_ = &entry;
}

void KeyCache::take_from_clean(Entry& entry) {
  (entry.older_ == nullptr ? oldest_ : entry.older_->newer_) = entry.newer_;
  (entry.newer_ == nullptr ? newest_ : entry.newer_->older_) = entry.older_;
  entry.older_ = entry.newer_ = nullptr;
}

/// Fills a new entry from the store: state, tombstone or a state newly made.
base::Status KeyCache::read(Entry& entry) {
  Stored stored;
  const std::string from = keys::state(partition_, entry.key());
  const auto take = [&](std::string_view key, std::string_view value) {
    stored.take(key.substr(from.size()), value);
    return true;
  };
  if (auto scanned = store_.scan(from, keys::behind_state(partition_, entry.key()), take); !scanned) return scanned;
  if (!stored.is_empty()) {
    auto state = decode(entry.key(), stored);
    if (!state) return state.error();
    entry.state_ = std::move(*state);
    if (!TROTH_PLANTED(timer_forgotten_on_read)) entry.timer_ = stored.timer;
    entry.is_stored_ = true;
    return base::success();
  }
  if (erased_keys_ > 0 && !TROTH_PLANTED(erasure_forgotten)) {
    auto tombstone = store_.get(keys::erased(partition_, model_.tombstone_of(entry.key())));
    if (!tombstone) return tombstone.error();
    if (tombstone->has_value()) {
      entry.is_stored_ = true;
      return base::success();
    }
  }
  entry.state_ = model_.create(entry.key());
  TROTH_ASSERT(entry.state_ != nullptr);
  return base::success();
}

base::Result<std::unique_ptr<KeyState>> KeyCache::decode(std::string_view key, const Stored& stored) const {
  auto state = model_.decode(key, stored);
  if (!state) {
    return base::damage("the state of a key in partition " + std::to_string(partition_) + " is damaged (" +
                       state.error().message + "): restore a backup or rebuild the state from the log");
  }
  TROTH_ASSERT(*state != nullptr);
  return state;
}

void KeyCache::measure(Entry& entry) {
  const std::size_t bytes = kEntryBytes + 2 * entry.key().size() + (entry.is_erased() ? 0 : entry.state().bytes());
  dirty_bytes_ = dirty_bytes_ - entry.bytes_ + bytes;
  entry.bytes_ = bytes;
}

void KeyCache::mark_dirty(Entry& entry) {
  if (!entry.is_dirty_) {
    entry.is_dirty_ = true;
    clean_bytes_ -= entry.bytes_;
    dirty_bytes_ += entry.bytes_;
    take_from_clean(entry);
    dirty_.push_back(&entry);
  }
  entry.is_written_ = false;
  measure(entry);
}

void KeyCache::set_timer(Entry& entry, TimeUs timer) {
  entry.timer_ = timer;
  entry.is_timer_changed_ = true;
  mark_dirty(entry);
}

void KeyCache::erase(Entry& entry) {
  TROTH_ASSERT(!entry.is_erased() && !entry.is_written_);
  entry.state_.reset();
  entry.timer_ = event::kNever;
  ++erased_keys_;
  mark_dirty(entry);
}

void KeyCache::encode(Entry& entry, Batch& batch) const {
  StateWriter writer(batch, keys::state(partition_, entry.key()),
                     entry.is_timer_changed_ ? std::optional(entry.timer_) : std::nullopt);
  model_.encode(*entry.state_, writer);
  writer.finish();
  TROTH_ASSERT(entry.is_stored_ || writer.has_put());  // a key without parts could not be found again
  entry.is_stored_ = true;
  entry.is_timer_changed_ = false;
}

void KeyCache::write_ahead(Entry& entry) {
  TROTH_ASSERT(entry.is_dirty_ && !entry.is_erased());
  encode(entry, ahead_);
  entry.is_written_ = true;
  measure(entry);
}

base::Status KeyCache::write(Batch& batch) {
  batch.append(std::exchange(ahead_, {}));
  std::vector<Entry*> rest;
  const auto is_left = [](const Entry* each) { return !each->is_written_; };
  std::copy_if(dirty_.begin(), dirty_.end(), std::back_inserter(rest), is_left);
  std::sort(rest.begin(), rest.end(), [](const Entry* a, const Entry* b) { return a->key() < b->key(); });
  for (Entry* entry : rest) {
    if (!entry->is_erased()) {
      encode(*entry, batch);
      measure(*entry);
      continue;
    }
    if (auto status = write_erased(*entry, batch); !status) return status;
    entry->is_stored_ = true;
    entry->is_timer_changed_ = false;
  }
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    if (i + kPrefetchedEntries < dirty_.size()) __builtin_prefetch(dirty_[i + kPrefetchedEntries], 1);
    dirty_[i]->is_dirty_ = dirty_[i]->is_written_ = false;
    make_newest(*dirty_[i]);
  }
  clean_bytes_ += dirty_bytes_;
  dirty_bytes_ = 0;
  dirty_.clear();
  return base::success();
}

base::Status KeyCache::write_erased(const Entry& entry, Batch& batch) const {
  if (entry.is_stored_) {
    const auto remove = [&](std::string_view key, std::string_view) {
      batch.remove(std::string(key));
      return true;
    };
    const std::string from = keys::state(partition_, entry.key());
    if (auto scanned = store_.scan(from, keys::behind_state(partition_, entry.key()), remove); !scanned) return scanned;
  }
  batch.put(keys::erased(partition_, model_.tombstone_of(entry.key())), {});
  return base::success();
}

void KeyCache::set_budget(std::size_t bytes) {
  budget_bytes_ = bytes;
  evict();
}

void KeyCache::evict() {
  if (TROTH_PLANTED(dirty_entry_evicted) && dirty_bytes_ > budget_bytes_ && dirty_.size() > 1) {
    std::rotate(dirty_.begin(), dirty_.begin() + 1, dirty_.end());
    (void)read(*dirty_.back());  // the task holds on to the entry itself
  }
  while (clean_bytes_ > budget_bytes_ && oldest_ != nullptr) {
    Entry* entry = oldest_;
    clean_bytes_ -= entry->bytes_;
    take_from_clean(*entry);
    destroy(entry);
  }
}

base::Status KeyCache::append_stored(std::string_view behind, std::size_t max, std::vector<std::string>& keys) const {
  const std::string prefix = keys::states(partition_);
  const std::string from = behind.empty() ? prefix : keys::behind_state(partition_, behind);
  std::size_t found = 0;
  const auto take = [&](std::string_view stored, std::string_view) {
    const std::string_view rest = stored.substr(prefix.size());
    const std::string_view key = rest.substr(0, rest.find('\0'));
    if (found > 0 && keys.back() == key) return true;
    if (found == max) return false;
    keys.emplace_back(key);
    ++found;
    return true;
  };
  return store_.scan(from, keys::behind(prefix), take);
}

base::Status KeyCache::for_each(const std::function<base::Status(std::string_view key, KeyState& state)>& each) {
  // Keys that only memory knows so far, to be merged into the order of the store.
  std::vector<Entry*> unstored;
  for (Entry* entry : dirty_) {
    if (!entry->is_stored_ && !entry->is_erased()) unstored.push_back(entry);
  }
  std::sort(unstored.begin(), unstored.end(), [](const Entry* a, const Entry* b) { return a->key() < b->key(); });
  auto next_unstored = unstored.begin();
  const auto each_unstored_before = [&](const std::string* key) -> base::Status {
    for (; next_unstored != unstored.end() && (key == nullptr || (*next_unstored)->key() < *key); ++next_unstored) {
      if (auto status = each((*next_unstored)->key(), (*next_unstored)->state()); !status) return status;
    }
    return base::success();
  };

  // The store is read in pieces, so that `each` runs outside a scan.
  const std::string prefix = keys::states(partition_);
  const std::string end = keys::behind(prefix);
  std::string from = prefix;
  for (bool is_more = true; is_more;) {
    std::vector<std::pair<std::string, Stored>> piece;
    std::size_t bytes = 0;
    is_more = false;
    const auto take = [&](std::string_view stored, std::string_view value) {
      const std::string_view rest = stored.substr(prefix.size());
      const std::size_t zero = rest.find('\0');
      const std::string_view key = rest.substr(0, zero);
      if (piece.empty() || piece.back().first != key) {
        if (piece.size() == kReadKeys || bytes > kReadBytes) {
          is_more = true;
          return false;
        }
        piece.emplace_back(key, Stored{});
      }
      piece.back().second.take(rest.substr(zero + 1), value);
      bytes += value.size();
      return true;
    };
    if (auto scanned = store_.scan(from, end, take); !scanned) return scanned;

    for (const auto& [key, stored] : piece) {
      if (auto status = each_unstored_before(&key); !status) return status;
      if (const Entry* cached = peek(key); cached != nullptr) {
        if (cached->is_erased()) continue;
        if (auto status = each(key, cached->state()); !status) return status;
        continue;
      }
      auto state = decode(key, stored);
      if (!state) return state.error();
      if (auto status = each(key, **state); !status) return status;
    }
    if (is_more) from = keys::behind_state(partition_, piece.back().first);
  }
  return each_unstored_before(nullptr);
}

}  // namespace troth::task
