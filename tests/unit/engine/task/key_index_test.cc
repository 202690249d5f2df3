// KeyIndex: finds what was inserted, whatever was erased around it.
#include "engine/task/key_index.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace troth::task {
namespace {

/// With a hash that the test chooses, so that many share a place.
class Item {
 public:
  Item(std::string key, std::uint64_t hash) : key_(std::move(key)), hash_(hash) {}
  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  std::string key_;
  std::uint64_t hash_;
};

using Items = std::map<std::string, std::unique_ptr<Item>>;

void expect_exactly(const KeyIndex<Item>& index, const Items& items, const Items& erased) {
  ASSERT_EQ(index.size(), items.size());
  for (const auto& [key, item] : items) ASSERT_EQ(index.find(key, item->hash()), item.get()) << key;
  for (const auto& [key, item] : erased) ASSERT_EQ(index.find(key, item->hash()), nullptr) << key;
  std::size_t walked = 0;
  index.for_each([&](const Item* item) { walked += items.at(std::string(item->key())).get() == item ? 1 : 0; });
  ASSERT_EQ(walked, items.size());
}

TEST(KeyIndex, finds_what_is_there_and_nothing_else_however_hashes_collide) {
  for (const std::uint64_t hashes : {1, 3, 16, 1'000'000}) {
    std::mt19937_64 random(hashes);
    KeyIndex<Item> index;
    Items items;
    Items erased;
    for (int step = 0; step < 2'000; ++step) {
      const std::string key = "k" + std::to_string(random() % 60);
      // Places at the end of the table, so that chains go on at its beginning.
      const std::uint64_t hash = ~std::uint64_t{0} - std::hash<std::string>{}(key) % hashes;
      if (const auto found = items.find(key); found != items.end()) {
        index.erase(found->second.get());
        erased[key] = std::move(found->second);
        items.erase(found);
      } else {
        erased.erase(key);
        items[key] = std::make_unique<Item>(key, hash);
        index.insert(items[key].get());
      }
      if (step % 10 == 0) expect_exactly(index, items, erased);
    }
  }
}

TEST(KeyIndex, two_keys_of_one_hash_are_two) {
  KeyIndex<Item> index;
  Item a("a", 7);
  Item b("b", 7);
  index.insert(&a);
  EXPECT_EQ(index.find("b", 7), nullptr);
  index.insert(&b);
  EXPECT_EQ(index.find("a", 7), &a);
  EXPECT_EQ(index.find("b", 7), &b);
  EXPECT_NE(index.guess(7), nullptr);
  EXPECT_EQ(index.guess(8), nullptr);
}

}  // namespace
}  // namespace troth::task
