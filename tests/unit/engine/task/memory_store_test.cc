// The store by which the engine is tested: it must itself be right.
#include "engine/state/memory_store.h"

#include <gtest/gtest.h>

namespace troth::state {
namespace {

task::Batch batch(std::initializer_list<std::pair<const char*, const char*>> changes) {
  task::Batch out;
  for (const auto& [key, value] : changes) {
    if (value == nullptr) {
      out.remove(key);
    } else {
      out.put(key, value);
    }
  }
  return out;
}

TEST(MemoryStore, lets_the_later_change_of_a_key_win) {
  MemoryStore store;
  ASSERT_TRUE(store.commit(batch({{"a", "1"}, {"b", "1"}, {"a", nullptr}, {"b", "2"}})).ok());
  EXPECT_EQ(store.contents(), (MemoryStore::Contents{{"b", "2"}}));
  EXPECT_EQ(*store.get("b"), "2");
  EXPECT_EQ(*store.get("a"), std::nullopt);
}

TEST(MemoryStore, scans_a_half_open_range_in_order_until_told_to_stop) {
  MemoryStore store;
  ASSERT_TRUE(store.commit(batch({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}})).ok());
  std::string seen;
  ASSERT_TRUE(store.scan("b", "d", [&](auto key, auto) { return seen += key, true; }).ok());
  EXPECT_EQ(seen, "bc");
  seen.clear();
  ASSERT_TRUE(store.scan("", "z", [&](auto key, auto) { return seen += key, seen.size() < 2; }).ok());
  EXPECT_EQ(seen, "ab");
}

TEST(MemoryStore, fails_the_nth_commit_once_and_writes_nothing_or_does_not_say_that_it_did) {
  MemoryStore store;
  store.fail_commit(2);
  EXPECT_TRUE(store.commit(batch({{"a", "1"}})).ok());
  EXPECT_FALSE(store.commit(batch({{"b", "1"}})).ok());
  EXPECT_TRUE(store.commit(batch({{"c", "1"}})).ok());
  store.fail_commit(1, MemoryStore::Failure::kOutcomeUnknown);
  EXPECT_FALSE(store.commit(batch({{"d", "1"}})).ok());
  EXPECT_EQ(store.contents(), (MemoryStore::Contents{{"a", "1"}, {"c", "1"}, {"d", "1"}}));
  EXPECT_EQ(store.commits(), 2U);
}

}  // namespace
}  // namespace troth::state
