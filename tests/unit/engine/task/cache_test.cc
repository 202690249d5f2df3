#include "engine/task/cache.h"

#include "engine/task/keys.h"
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

struct Shelf {
  explicit Shelf(std::size_t budget = 1'000'000) : cache(model, store, 0, budget, 0) {}
  KeyCache::Entry& load(std::string_view key) { return *value(cache.load(key)); }
  void add(std::string_view key, const std::string& name) {
    KeyCache::Entry& entry = load(key);
    auto& state = static_cast<CounterState&>(entry.state());
    state.events[name] = kStart;
    state.changed.insert(name);
    cache.mark_dirty(entry);
  }
  void commit() {
    Batch batch;
    ok(cache.write(batch));
    ok(store.commit(batch));
  }
  std::size_t events(std::string_view key) { return static_cast<CounterState&>(load(key).state()).events.size(); }

  CounterModel model;
  MemoryStore store;
  KeyCache cache;
};

TEST(KeyCache, evicts_clean_keys_beyond_its_budget_least_recently_used_first) {
  Shelf shelf(1'500);  // about four keys
  for (const char* key : {"a", "b", "c", "d"}) shelf.add(key, "1");
  shelf.commit();
  (void)shelf.load("a");
  const std::uint64_t misses = shelf.cache.misses();
  for (const char* key : {"e", "f"}) shelf.add(key, "1"), shelf.commit();
  (void)shelf.load("a");
  EXPECT_EQ(shelf.cache.misses(), misses + 2);  // those of e and f: a is still there
  (void)shelf.load("b");
  EXPECT_EQ(shelf.cache.misses(), misses + 3);
  EXPECT_LE(shelf.cache.clean_bytes(), 1'500U + 500U);
}

TEST(KeyCache, never_evicts_what_is_not_committed) {
  Shelf shelf(0);
  for (int i = 0; i < 100; ++i) shelf.add(numbered("k", i), "1");
  EXPECT_EQ(shelf.cache.size(), 100U);
  EXPECT_GT(shelf.cache.dirty_bytes(), 100U * 64U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(shelf.events(numbered("k", i)), 1U);
  shelf.commit();
  EXPECT_EQ(shelf.cache.dirty_bytes(), 0U);
  (void)shelf.load("new");
  EXPECT_LE(shelf.cache.size(), 2U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(shelf.events(numbered("k", i)), 1U);
}

TEST(KeyCache, writes_keys_in_order_and_only_what_changed) {
  Shelf shelf;
  for (const char* key : {"c", "a", "b"}) {
    shelf.add(key, "1"), shelf.add(key, "2");
    shelf.cache.set_timer(shelf.load(key), 5);
  }
  shelf.commit();
  shelf.add("b", "3");
  Batch batch;
  ok(shelf.cache.write(batch));
  std::vector<std::string> keys;
  for (const auto& change : batch.changes()) keys.push_back(change.key);
  EXPECT_EQ(keys, (std::vector<std::string>{keys::state(0, "b"), keys::state(0, "b") + "3"}));
}

TEST(KeyCache, remembers_the_timer_over_eviction) {
  Shelf shelf(0);
  shelf.add("a", "1");
  shelf.cache.set_timer(shelf.load("a"), 77);
  shelf.commit();
  (void)shelf.load("b");
  EXPECT_EQ(shelf.load("a").timer(), 77);
  shelf.cache.set_timer(shelf.load("a"), event::kNever);
  shelf.commit();
  (void)shelf.load("b");
  EXPECT_EQ(shelf.load("a").timer(), event::kNever);
  EXPECT_EQ(shelf.events("a"), 1U);
}

TEST(KeyCache, does_not_mix_up_keys_that_begin_alike) {
  Shelf shelf(0);
  for (const char* key : {"a", "a\x01", "a\x01t", "ab", "a b", "\xFF", "\xFF\xFF"}) {
    shelf.add(key, "1");
    shelf.cache.set_timer(shelf.load(key), 5);
  }
  shelf.add("a", "2");
  shelf.commit();
  EXPECT_EQ(shelf.events("a"), 2U);
  EXPECT_EQ(shelf.events("a\x01"), 1U);
  EXPECT_EQ(shelf.events("a\x01t"), 1U);
  shelf.cache.erase(shelf.load("a"));
  shelf.commit();
  EXPECT_TRUE(shelf.load("a").is_erased());
  for (const char* key : {"a\x01", "a\x01t", "ab", "a b", "\xFF", "\xFF\xFF"}) EXPECT_EQ(shelf.events(key), 1U);

  std::vector<std::string> live;
  ok(shelf.cache.for_each([&](std::string_view key, KeyState&) {
    live.emplace_back(key);
    return base::success();
  }));
  EXPECT_EQ(live, (std::vector<std::string>{"a\x01", "a\x01t", "a b", "ab", "\xFF", "\xFF\xFF"}));
}

TEST(KeyCache, lists_stored_keys_in_pieces) {
  Shelf shelf;
  for (int i = 10; i < 35; ++i) shelf.add(numbered("k", i), "1"), shelf.add(numbered("k", i), "2");
  shelf.commit();
  std::vector<std::string> all;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> piece;
    ok(shelf.cache.append_stored(all.empty() ? "" : all.back(), 10, piece));
    EXPECT_LE(piece.size(), 10U);
    all.insert(all.end(), piece.begin(), piece.end());
    if (piece.size() < 10) break;
  }
  ASSERT_EQ(all.size(), 25U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(all.front(), "k10");
  EXPECT_EQ(all.back(), "k34");
}

TEST(KeyCache, does_not_keep_what_nobody_has_heard_of) {
  Shelf shelf;
  EXPECT_EQ(value(shelf.cache.find("a")), nullptr);
  EXPECT_EQ(shelf.cache.size(), 0U);
  EXPECT_EQ(shelf.cache.clean_bytes(), 0U);
}

}  // namespace
}  // namespace troth::task
