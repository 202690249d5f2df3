// RocksStore on a real disk: order, atomic and durable commits, damage that is noticed, errors that say what to do.
#include "engine/state/rocks_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <map>
#include <random>
#include <thread>

#include "tests/unit/engine/state/disk.h"

namespace troth::state {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using task::Batch;

constexpr RocksOptions kSmall{.cache_bytes = 8 << 20, .write_buffer_bytes = 2 << 20};
const std::string kLast(8, '\xff');

/// A state directory and the store in it.
struct Opened {
  std::unique_ptr<StateDirectory> directory;
  std::unique_ptr<RocksStore> store;
  std::string error;  // if there is no store
};

Opened open(const std::string& path, const RocksOptions& options = kSmall) {
  Opened opened;
  auto directory = StateDirectory::open(path, StateDirectory::Mode::kCreate);
  if (!directory.ok()) {
    opened.error = directory.error().message;
    return opened;
  }
  opened.directory = std::move(directory).value();
  auto store = RocksStore::open(*opened.directory, options);
  if (store.ok()) {
    opened.store = std::move(store).value();
  } else {
    opened.error = store.error().message;
  }
  return opened;
}

std::string value_of(const task::Store& store, std::string_view key) {
  auto value = store.get(key);
  if (!value.ok()) return "(error) " + value.error().message;
  return value.value().value_or("(none)");
}

using Content = std::map<std::string, std::string>;

base::Result<Content> content_of(const task::Store& store) {
  Content content;
  auto status = store.scan("", kLast, [&](std::string_view key, std::string_view value) {
    content.emplace(key, value);
    return true;
  });
  if (!status.ok()) return status.error();
  return content;
}

/// Commit n of the tests that cut a store short: 20 keys move together, so that a half commit would show.
Batch numbered_commit(int n) {
  Batch batch;
  for (int i = 0; i < 20; ++i) batch.put("key" + std::to_string(i), std::to_string(n) + std::string(300, 'v'));
  return batch;
}

/// The number of the commit that the content is exactly of; −1: empty; −2: of none.
int number_of(const Content& content) {
  if (content.empty()) return -1;
  const int n = std::atoi(content.begin()->second.c_str());
  Content expected;
  const Batch batch = numbered_commit(n);
  for (const auto& change : batch.changes()) expected[change.key] = *change.value;
  return content == expected ? n : -2;
}

std::vector<std::string> store_files(const std::string& state, std::string_view part) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(state + "/store")) {
    if (contains(entry.path().filename().string(), part)) files.push_back(entry.path().string());
  }
  return files;
}

TEST(RocksStore, answers_what_was_committed_and_nothing_else) {
  const TemporaryDirectory root;
  const Opened opened = open(root / "state");
  ASSERT_TRUE(opened.store) << opened.error;
  Batch batch;
  batch.put("a", "1");
  batch.put(std::string("b\0c", 3), std::string("\0\xff", 2));
  batch.put("empty", "");
  ASSERT_TRUE(opened.store->commit(batch).ok());
  EXPECT_EQ(value_of(*opened.store, "a"), "1");
  EXPECT_EQ(value_of(*opened.store, std::string_view("b\0c", 3)), std::string("\0\xff", 2));
  EXPECT_EQ(value_of(*opened.store, "empty"), "");
  EXPECT_EQ(value_of(*opened.store, "b"), "(none)");
}

TEST(RocksStore, of_several_changes_of_a_key_in_a_batch_the_last_wins) {
  const TemporaryDirectory root;
  const Opened opened = open(root / "state");
  ASSERT_TRUE(opened.store) << opened.error;
  Batch batch;
  batch.put("put", "first");
  batch.remove("put");
  batch.put("put", "last");
  batch.put("removed", "x");
  batch.remove("removed");
  batch.remove("never there");
  ASSERT_TRUE(opened.store->commit(batch).ok());
  EXPECT_EQ(content_of(*opened.store).value(), (Content{{"put", "last"}}));
}

TEST(RocksStore, scans_a_half_open_range_in_order_of_unsigned_bytes) {
  const TemporaryDirectory root;
  const Opened opened = open(root / "state");
  ASSERT_TRUE(opened.store) << opened.error;
  Batch batch;
  for (const char* key : {"d", "a", "\xff", "b", "\x01", "c", "bb"}) batch.put(key, key);
  ASSERT_TRUE(opened.store->commit(batch).ok());
  const auto keys = [&](std::string_view from, std::string_view to, std::size_t most) {
    std::string joined;
    std::size_t seen = 0;
    EXPECT_TRUE(opened.store
                    ->scan(from, to,
                           [&](std::string_view key, std::string_view value) {
                             EXPECT_EQ(key, value);
                             joined.append(key).append(" ");
                             return ++seen < most;
                           })
                    .ok());
    return joined;
  };
  EXPECT_EQ(keys("a", "c", 99), "a b bb ");
  EXPECT_EQ(keys("aa", "bb", 99), "b ");
  EXPECT_EQ(keys("c", "\xff\xff", 99), "c d \xff ");
  EXPECT_EQ(keys("a", "d", 2), "a b ");
  EXPECT_EQ(keys("", "b", 99), "\x01 a ");
  EXPECT_EQ(keys("c", "c", 99), "");
  EXPECT_EQ(keys("d", "a", 99), "");
  EXPECT_EQ(keys("a", "", 99), "");
}

TEST(RocksStore, agrees_with_a_map_over_random_batches_and_reopenings) {
  const TemporaryDirectory root;
  std::mt19937 random(20240601);
  Content expected;
  for (int life = 0; life < 4; ++life) {
    const Opened opened = open(root / "state", {.cache_bytes = 1 << 20, .write_buffer_bytes = 128 << 10});
    ASSERT_TRUE(opened.store) << opened.error;
    ASSERT_EQ(content_of(*opened.store).value(), expected);
    for (int commit = 0; commit < 30; ++commit) {
      Batch batch;
      for (int i = 0; i < 50; ++i) {
        const std::string key = std::to_string(random() % 4) + "-a-key-" + std::to_string(random() % 100);
        if (random() % 4 == 0) {
          batch.remove(key);
          expected.erase(key);
        } else {
          const std::string value(random() % 500, static_cast<char>(random()));
          batch.put(key, value);
          expected[key] = value;
        }
      }
      ASSERT_TRUE(opened.store->commit(batch).ok());
    }
    ASSERT_EQ(content_of(*opened.store).value(), expected);
  }
}

TEST(RocksStore, what_is_loaded_in_bulk_and_by_ranges_is_as_if_it_had_been_committed) {
  const TemporaryDirectory root;
  std::mt19937_64 random(7);
  Opened opened = open(root / "state");
  Content expected;
  for (int round = 0; round < 40; ++round) {
    const auto range = [&] { return std::string("S\0", 2) + static_cast<char>('a' + random() % 4); };
    const auto key = [&] { return range() + std::to_string(random() % 100); };
    Batch batch;
    if (round % 5 == 4) {
      std::string from = range();
      std::string to = range();
      if (to < from) std::swap(from, to);
      expected.erase(expected.lower_bound(from), expected.lower_bound(to));
      batch.remove_range(from, to);
    }
    for (int i = 0; i < 100; ++i) {
      const std::string changed = key();
      if (random() % 4 == 0) {
        batch.remove(changed);
        expected.erase(changed);
      } else {
        const std::string value = std::to_string(random());
        batch.put(changed, value);
        expected[changed] = value;
      }
    }
    const auto done = round % 5 == 4 || round % 2 == 0 ? opened.store->commit(batch) : opened.store->load(batch);
    ASSERT_TRUE(done.ok()) << done.error().message;
    if (round % 7 == 6) opened = Opened{}, opened = open(root / "state");
    const auto found = content_of(*opened.store);
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(*found, expected) << "round " << round;
  }
}

TEST(RocksStore, nothing_loaded_is_nothing) {
  const TemporaryDirectory root;
  Opened opened = open(root / "state");
  EXPECT_TRUE(opened.store->load({}).ok());
}

TEST(RocksStore, is_read_by_several_threads_while_one_commits) {
  const TemporaryDirectory root;
  const Opened opened = open(root / "state");
  ASSERT_TRUE(opened.store) << opened.error;
  ASSERT_TRUE(opened.store->commit(numbered_commit(0)).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto content = content_of(*opened.store);
        if (!content.ok() || number_of(content.value()) < 0) ++torn;
      }
    });
  }
  for (int n = 1; n <= 50; ++n) EXPECT_TRUE(opened.store->commit(numbered_commit(n)).ok());
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

// Promise P3.
TEST(RocksStore, what_was_committed_is_in_the_files_when_commit_returns) {
  const TemporaryDirectory root;
  const Opened opened = open(root / "state");
  ASSERT_TRUE(opened.store) << opened.error;
  for (int n = 1; n <= 3; ++n) {
    ASSERT_TRUE(opened.store->commit(numbered_commit(n)).ok());
    const std::string image = root / ("image" + std::to_string(n));  // what kill -9 would leave now
    fs::copy(root / "state", image, fs::copy_options::recursive);
    const Opened after = open(image);
    ASSERT_TRUE(after.store) << after.error;
    EXPECT_EQ(number_of(content_of(*after.store).value()), n);
  }
}

// Promise P3: a commit that reached the disk in part was never acknowledged and must not show.
TEST(RocksStore, a_log_cut_anywhere_leaves_the_state_right_after_some_commit) {
  const TemporaryDirectory root;
  {
    const Opened opened = open(root / "state");
    ASSERT_TRUE(opened.store) << opened.error;
    for (int n = 1; n <= 4; ++n) ASSERT_TRUE(opened.store->commit(numbered_commit(n)).ok());
    fs::copy(root / "state", root / "image", fs::copy_options::recursive);
  }
  const auto logs = store_files(root / "image", ".log");
  ASSERT_EQ(logs.size(), 1U);
  const std::string whole = read_file(logs[0]);
  std::map<int, int> seen;
  for (std::size_t i = 0; i <= 16; ++i) {
    const std::string copy = root / "copy";
    fs::remove_all(copy);
    fs::copy(root / "image", copy, fs::copy_options::recursive);
    write_file(store_files(copy, ".log").at(0), whole.substr(0, whole.size() * i / 16));
    const Opened after = open(copy);
    ASSERT_TRUE(after.store) << i << ": " << after.error;
    const int n = number_of(content_of(*after.store).value());
    EXPECT_NE(n, -2) << "a commit was taken apart at " << i;
    ++seen[n];
  }
  EXPECT_EQ(seen.size(), 5U) << "none and each of the four commits";
}

// Promise P9. Every kind of file is flipped at many places: either it is noticed, or what is read is right.
TEST(RocksStore, a_flipped_byte_never_shows_as_a_value) {
  const TemporaryDirectory root;
  for (int life = 0; life < 2; ++life) {  // the second opening moves the log of the first life into a table
    const Opened opened = open(root / "state");
    ASSERT_TRUE(opened.store) << opened.error;
    for (int n = 1; n <= 3; ++n) ASSERT_TRUE(opened.store->commit(numbered_commit(10 * life + n)).ok());
  }
  int noticed = 0;
  int cases = 0;
  for (const char* kind : {".sst", ".log", "MANIFEST", "CURRENT"}) {
    const auto files = store_files(root / "state", kind);
    ASSERT_FALSE(files.empty()) << kind;
    const std::string whole = read_file(files[0]);
    for (std::size_t i = 0; i < 24; ++i) {
      const std::string copy = root / "copy";
      fs::remove_all(copy);
      fs::copy(root / "state", copy, fs::copy_options::recursive);
      std::string bytes = whole;
      const std::size_t at = bytes.size() * i / 24;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      write_file(store_files(copy, kind).at(0), bytes);
      ++cases;
      const Opened after = open(copy);
      if (!after.store) {
        ++noticed;
        EXPECT_TRUE(contains(after.error, "store ")) << after.error;
        continue;
      }
      const auto content = content_of(*after.store);
      if (!content.ok()) {
        ++noticed;
        EXPECT_TRUE(contains(content.error().message, "The store is damaged")) << content.error().message;
        continue;
      }
      EXPECT_NE(number_of(content.value()), -2) << kind << " flipped at byte " << at;
    }
  }
  EXPECT_GT(noticed, cases / 4);
}

TEST(RocksStore, a_store_that_was_lost_is_damage_and_not_a_fresh_start) {
  for (const char* missing : {"store", "store/CURRENT"}) {
    const TemporaryDirectory root;
    {
      const Opened opened = open(root / "state");
      ASSERT_TRUE(opened.store) << opened.error;
      ASSERT_TRUE(opened.store->commit(numbered_commit(1)).ok());
    }
    fs::remove_all(root / (std::string("state/") + missing));
    const Opened after = open(root / "state");
    EXPECT_FALSE(after.store);
    EXPECT_TRUE(contains(after.error, "The store is damaged"));
    EXPECT_TRUE(contains(after.error, root / "state/store"));
  }
}

TEST(RocksStore, a_missing_table_is_damage) {
  const TemporaryDirectory root;
  for (int life = 0; life < 2; ++life) {
    const Opened opened = open(root / "state");
    ASSERT_TRUE(opened.store) << opened.error;
    ASSERT_TRUE(opened.store->commit(numbered_commit(life)).ok());
  }
  for (const std::string& table : store_files(root / "state", ".sst")) fs::remove(table);
  const Opened after = open(root / "state");
  EXPECT_FALSE(after.store);
  EXPECT_TRUE(contains(after.error, "The store is damaged"));
}

TEST(RocksStore, a_second_opening_in_this_process_is_told_that_it_is_in_use) {
  const TemporaryDirectory root;
  const Opened first = open(root / "state");
  ASSERT_TRUE(first.store) << first.error;
  const Opened second = open(root / "state");
  EXPECT_FALSE(second.store);
  EXPECT_TRUE(contains(second.error, "in use by another process"));
}

TEST(RocksStore, a_lock_held_by_another_process_is_told) {
  const TemporaryDirectory root;
  { ASSERT_TRUE(open(root / "state").store); }
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const std::string lock_path = root / "state/store/LOCK";
  const pid_t other = fork();
  if (other == 0) {
    const int fd = ::open(lock_path.c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    char byte = fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
    bool is_good = write(ready[1], &byte, 1) == 1;
    close(done[1]);
    is_good = read(done[0], &byte, 1) == 0 && is_good;  // until the parent closes its end
    _exit(is_good ? 0 : 1);
  }
  close(done[0]);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const Opened second = open(root / "state");
  EXPECT_FALSE(second.store);
  EXPECT_TRUE(contains(second.error, "in use by another process"));
  close(done[1]);
  close(ready[0]);
  close(ready[1]);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_TRUE(open(root / "state").store);
}

TEST(RocksStore, missing_permission_is_told) {
  const TemporaryDirectory root;
  { ASSERT_TRUE(open(root / "state").store); }
  auto directory = StateDirectory::open(root / "state", StateDirectory::Mode::kCreate);
  ASSERT_TRUE(directory.ok());
  fs::permissions(root / "state", fs::perms::owner_read | fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(root / "state/store", fs::perms::owner_read | fs::perms::others_read | fs::perms::others_exec);
  const AsNobody nobody;
  auto store = RocksStore::open(*directory.value(), kSmall);
  ASSERT_FALSE(store.ok());
  EXPECT_TRUE(contains(store.error().message, "Permission denied"));
  EXPECT_TRUE(contains(store.error().message, "Give this user permission"));
}

TEST(RocksStore, a_full_disk_is_told_is_final_for_this_opening_and_heals_by_another) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 16);
  TROTH_NEEDS_MOUNT(disk);
  const auto commit = [](int n) {
    Batch batch;
    batch.put("number", std::to_string(n));
    std::string noise(1 << 20, '\0');
    std::mt19937 random(static_cast<unsigned>(n));
    for (char& byte : noise) byte = static_cast<char>(random());
    batch.put("noise" + std::to_string(n), noise);
    return batch;
  };
  int last = 0;
  {
    const Opened opened = open(root / "disk/state");
    ASSERT_TRUE(opened.store) << opened.error;
    std::string error;
    while (error.empty()) {
      ASSERT_LT(last, 40);
      auto status = opened.store->commit(commit(last + 1));
      if (status.ok())
        ++last;
      else
        error = status.error().message;
    }
    EXPECT_GT(last, 3);
    EXPECT_TRUE(contains(error, "The disk is full. Make room"));
    disk.resize(200);
    auto again = opened.store->commit(commit(last + 1));
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().message, error);
  }
  const Opened after = open(root / "disk/state");
  ASSERT_TRUE(after.store) << after.error;
  EXPECT_EQ(value_of(*after.store, "number"), std::to_string(last));
  EXPECT_TRUE(after.store->commit(commit(last + 1)).ok());
}

TEST(RocksStore, a_read_only_file_system_is_told) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 64);
  TROTH_NEEDS_MOUNT(disk);
  { ASSERT_TRUE(open(root / "disk/state").store); }
  auto directory = StateDirectory::open(root / "disk/state", StateDirectory::Mode::kCreate);
  ASSERT_TRUE(directory.ok());
  disk.make_read_only();
  auto store = RocksStore::open(*directory.value(), kSmall);
  ASSERT_FALSE(store.ok());
  EXPECT_TRUE(contains(store.error().message, "The file system is read-only"));
}

TEST(RocksStore, goes_with_a_temporary_directory) {
  std::string path;
  {
    auto directory = StateDirectory::temporary();
    ASSERT_TRUE(directory.ok());
    path = directory.value()->path();
    auto store = RocksStore::open(*directory.value(), kSmall);
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE(store.value()->commit(numbered_commit(1)).ok());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(RocksStore, says_which_library_it_is) { EXPECT_TRUE(contains(rocksdb_description(), "RocksDB ")); }

}  // namespace
}  // namespace troth::state
