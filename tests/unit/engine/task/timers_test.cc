#include "engine/task/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/state/memory_store.h"
#include "tests/unit/engine/task/counter_model.h"

namespace troth::task {
namespace {

using testing::numbered;

std::vector<std::string> due(Timers& timers, event::TimeUs tau) {
  std::vector<std::string> keys;
  EXPECT_TRUE(timers.append_due(tau, keys).ok());
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool is_any_due(Timers& timers, event::TimeUs tau) {
  auto result = timers.is_any_due(tau);
  EXPECT_TRUE(result.ok());
  return *result;
}

void commit(Timers& timers, state::MemoryStore& store) {
  Batch batch;
  timers.write(batch);
  ASSERT_TRUE(store.commit(batch).ok());
}

TEST(Timers, fire_at_their_time_and_not_before) {
  state::MemoryStore store;
  Timers timers(store, 0);
  timers.add(100, "a");
  EXPECT_FALSE(is_any_due(timers, 99));
  EXPECT_TRUE(is_any_due(timers, 100));
  EXPECT_EQ(due(timers, 99), std::vector<std::string>{});
  EXPECT_EQ(due(timers, 100), std::vector<std::string>{"a"});
  EXPECT_EQ(due(timers, 100), std::vector<std::string>{"a"});  // until it is settled
  timers.remove(100, "a");
  EXPECT_EQ(due(timers, 100), std::vector<std::string>{});
}

TEST(Timers, are_found_again_in_the_store) {
  state::MemoryStore store;
  {
    Timers timers(store, 3);
    timers.add(100, "a");
    timers.add(50, "b");
    timers.add(70, "c");
    timers.remove(70, "c");
    commit(timers, store);
  }
  Timers timers(store, 3);
  EXPECT_TRUE(is_any_due(timers, 50));
  EXPECT_EQ(due(timers, 100), (std::vector<std::string>{"a", "b"}));
  Timers other(store, 4);
  EXPECT_FALSE(is_any_due(other, 1'000));
}

TEST(Timers, know_what_is_not_committed_beyond_what_memory_holds) {
  state::MemoryStore store;
  {
    Timers timers(store, 0);
    for (int i = 0; i < 100; ++i) timers.add(i, numbered("k", i));
    commit(timers, store);
  }
  Timers timers(store, 0, 8);
  EXPECT_FALSE(is_any_due(timers, -1));
  EXPECT_EQ(timers.in_memory(), 8U);
  timers.remove(90, "k90");  // far beyond the first eight
  timers.add(95, "new");
  std::vector<std::string> keys = due(timers, 99);
  EXPECT_EQ(keys.size(), 100U);
  EXPECT_FALSE(std::binary_search(keys.begin(), keys.end(), "k90"));
  EXPECT_TRUE(std::binary_search(keys.begin(), keys.end(), "new"));
}

TEST(Timers, stay_within_their_bound_of_memory) {
  state::MemoryStore store;
  Timers timers(store, 0, 8);
  for (int i = 0; i < 100; ++i) {
    timers.add(i, numbered("k", i));
    EXPECT_EQ(is_any_due(timers, i), true);
    EXPECT_LE(timers.in_memory(), 8U);
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(is_any_due(timers, i - 1)) << i;
    EXPECT_TRUE(is_any_due(timers, i)) << i;
    EXPECT_LE(timers.in_memory(), 8U);
    timers.remove(i, numbered("k", i));
    if (i == 50) commit(timers, store);
  }
  EXPECT_FALSE(is_any_due(timers, 1'000));
}

TEST(Timers, agree_with_a_plain_map_whatever_happens) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 100; ++round) {
    state::MemoryStore store;
    auto timers = std::make_unique<Timers>(store, 1, 1 + random() % 6);
    std::map<std::string, event::TimeUs> plain;
    event::TimeUs tau = 0;
    for (int step = 0; step < 200; ++step) {
      const std::string key = numbered("k", random() % 30);
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
        case 3: {  // settle the key: another timer
          if (const auto old = plain.find(key); old != plain.end()) timers->remove(old->second, key);
          const event::TimeUs time = tau + 1 + static_cast<event::TimeUs>(random() % 100);
          timers->add(time, key);
          plain[key] = time;
          break;
        }
        case 4:  // erase the key
          if (const auto old = plain.find(key); old != plain.end()) {
            timers->remove(old->second, key);
            plain.erase(old);
          }
          break;
        case 5: commit(*timers, store); break;
        case 6:  // restart
          commit(*timers, store);
          timers = std::make_unique<Timers>(store, 1, 1 + random() % 6);
          break;
        default: {  // time goes on, and what is due is settled
          tau += static_cast<event::TimeUs>(random() % 40);
          std::vector<std::string> expected;
          for (const auto& [name, time] : plain) {
            if (time <= tau) expected.push_back(name);
          }
          EXPECT_EQ(is_any_due(*timers, tau), !expected.empty());
          EXPECT_EQ(due(*timers, tau), expected);
          for (const std::string& name : expected) {
            timers->remove(plain.at(name), name);
            plain.erase(name);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace troth::task
