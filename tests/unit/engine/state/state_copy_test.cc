// copy_state: the same state elsewhere, also of a store that is in use; what breaks off passes for no state.
#include "engine/state/state_copy.h"
#include "engine/state/store_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "engine/state/rocks_store.h"
#include "engine/task/keys.h"
#include "engine/task/meta.h"
#include "tests/unit/engine/state/disk.h"

namespace troth::state {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using task::Batch;
using Mode = StateDirectory::Mode;
using Content = std::map<std::string, std::string>;

constexpr RocksOptions kSmall{.cache_bytes = 8 << 20, .write_buffer_bytes = 2 << 20};
constexpr RocksOptions kNeverFlushes{.cache_bytes = 256 << 20, .write_buffer_bytes = 256 << 20};
constexpr int kKeys = 20;
constexpr std::int32_t kPartition = 7;

/// Bytes that no compression makes smaller, and that tell which commit they are of.
std::string value_of(std::uint64_t number, int key, std::size_t bytes) {
  std::mt19937_64 random(number * 1'000 + static_cast<std::uint64_t>(key));
  std::string value = std::to_string(number) + ":";
  while (value.size() < bytes) value += static_cast<char>(random());
  return value;
}

/// A commit as an instance makes it: the keys move together, and the task's record tells its number.
Batch commit_of(std::uint64_t number, std::size_t value_bytes) {
  Batch batch;
  task::InstanceMeta instance;
  instance.partitions = 16;
  instance.inputs = {"orders"};
  batch.put(task::keys::instance(), encode_meta(instance));
  task::TaskMeta task;
  task.inputs.resize(1);
  task.commit = {number, "writer"};
  task.tau = static_cast<event::TimeUs>(number);
  batch.put(task::keys::task(kPartition), encode_meta(task));
  for (int key = 0; key < kKeys; ++key) {
    batch.put(task::keys::state(kPartition, "key" + std::to_string(key)), value_of(number, key, value_bytes));
  }
  return batch;
}

/// A state directory with the store open in it, as a run has it.
struct Running {
  std::unique_ptr<StateDirectory> directory;
  std::unique_ptr<RocksStore> store;
  std::uint64_t number = 0;

  void commit(std::size_t value_bytes) {
    ASSERT_TRUE(store->commit(commit_of(++number, value_bytes)).ok());
  }
};

Running run_on(const std::string& path, const RocksOptions& options = kSmall) {
  Running running;
  running.directory = StateDirectory::open(path, Mode::kCreate).value();
  running.store = RocksStore::open(*running.directory, options).value();
  return running;
}

base::Result<StateCopied> copy(const std::string& from, const std::string& to, const StateCopyOptions& options = {}) {
  auto source = StateDirectory::open(from, Mode::kToRead);
  if (!source) return source.error();
  auto target = StateDirectory::open(to, Mode::kToFill);
  if (!target) return target.error();
  return copy_state(**source, **target, options);
}

std::string error_of(const base::Result<StateCopied>& copied) { return copied ? "(copied)" : copied.error().message; }

Content content_of(const task::Store& store) {
  Content content;
  EXPECT_TRUE(store
                  .scan("", std::string(8, '\xff'),
                        [&](std::string_view key, std::string_view value) {
                          content.emplace(key, value);
                          return true;
                        })
                  .ok());
  return content;
}

Content content_of(const std::string& path) {
  const Running running = run_on(path);
  return content_of(*running.store);
}

Content content_of(std::uint64_t number, std::size_t value_bytes) {
  Content content;
  const Batch batch = commit_of(number, value_bytes);
  for (const auto& change : batch.changes()) content[change.key] = *change.value;
  return content;
}

std::vector<std::string> tables_of(const std::string& state) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(state + "/store")) {
    if (entry.path().extension() == ".sst") names.push_back(entry.path().string());
  }
  return names;
}

/// Commits until the store has written its buffer to a table.
void commit_until_flushed(Running& running, const std::string& state) {
  const auto before = fs::file_size(state + "/store/" + [&] {
    std::string name = read_file(state + "/store/CURRENT");
    name.pop_back();
    return name;
  }());
  const auto has_flushed = [&] {
    std::string name = read_file(state + "/store/CURRENT");
    name.pop_back();
    return fs::file_size(state + "/store/" + name) != before;
  };
  for (int i = 0; i < 1'000 && !has_flushed(); ++i) running.commit(20'000);
  ASSERT_TRUE(has_flushed());
}

TEST(StateCopy, holds_every_key_and_value_and_tells_where_each_partition_stood) {
  const TemporaryDirectory root;
  std::uint64_t bytes = 0;
  Content expected;
  {
    Running running = run_on(root / "state");
    Batch batch = commit_of(3, 30'000);
    batch.put(std::string("b\0c", 3), std::string("\0\xff", 2));
    batch.put("empty", "");
    ASSERT_TRUE(running.store->commit(batch).ok());
    expected = content_of(*running.store);
    for (const auto& [key, value] : expected) bytes += key.size() + value.size();
  }
  write_file(root / "state/policy.json", "{}");
  StateCopyOptions options;
  options.beside = {"policy.json", "never there"};
  options.file_bytes = 100'000;  // several tables
  const auto copied = copy(root / "state", root / "copy", options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->keys, expected.size());
  EXPECT_EQ(copied->bytes, bytes);
  EXPECT_EQ(copied->openings, 1);
  ASSERT_EQ(copied->partitions.size(), 1U);
  EXPECT_EQ(copied->partitions[0].partition, kPartition);
  EXPECT_EQ(copied->partitions[0].commit, 3U);
  EXPECT_EQ(copied->partitions[0].tau, 3);
  EXPECT_GT(tables_of(root / "copy").size(), 3U);
  EXPECT_EQ(read_file(root / "copy/policy.json"), "{}");
  EXPECT_EQ(read_file(root / "copy/TROTH"), read_file(root / "state/TROTH"));
  EXPECT_FALSE(fs::exists(root / "copy/new-tables"));
  EXPECT_EQ(content_of(root / "copy"), expected);
}

TEST(StateCopy, is_a_state_like_any_other_that_takes_commits_and_can_be_copied_again) {
  const TemporaryDirectory root;
  run_on(root / "state").commit(100);
  ASSERT_EQ(error_of(copy(root / "state", root / "copy")), "(copied)");
  {
    Running running = run_on(root / "copy");
    running.number = 8;
    running.commit(200);
  }
  ASSERT_EQ(error_of(copy(root / "copy", root / "again")), "(copied)");
  EXPECT_EQ(content_of(root / "again"), content_of(9, 200));
}

TEST(StateCopy, of_a_store_that_is_in_use_is_the_state_right_after_some_commit) {
  const TemporaryDirectory root;
  Running running = run_on(root / "state", kNeverFlushes);
  running.commit(300);
  std::atomic<bool> is_done = false;
  std::thread writer([&] {
    for (int i = 0; i < 100'000 && !is_done; ++i) running.commit(300);
  });
  std::uint64_t before = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string to = root / ("copy" + std::to_string(i));
    const auto copied = copy(root / "state", to);
    EXPECT_TRUE(copied) << copied.error().message;
    if (!copied || copied->partitions.size() != 1) break;
    EXPECT_GE(copied->partitions[0].commit, before);
    before = copied->partitions[0].commit;
    EXPECT_EQ(content_of(to), content_of(before, 300));
  }
  is_done = true;
  writer.join();
  EXPECT_GT(before, 1U);
}

TEST(StateCopy, opens_a_store_again_that_was_reorganised_while_it_was_opened) {
  const TemporaryDirectory root;
  Running running = run_on(root / "state");
  running.commit(20'000);
  StateCopyOptions options;
  int opened = 0;
  options.on_opened = [&] {
    if (++opened <= 2) commit_until_flushed(running, root / "state");
  };
  const auto copied = copy(root / "state", root / "copy", options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->openings, 3);
  EXPECT_EQ(copied->partitions.at(0).commit, running.number);
  EXPECT_EQ(content_of(root / "copy"), content_of(running.number, 20'000));
}

TEST(StateCopy, of_a_store_that_never_rests_is_given_up_after_five_openings) {
  const TemporaryDirectory root;
  Running running = run_on(root / "state");
  running.commit(20'000);
  StateCopyOptions options;
  int opened = 0;
  options.on_opened = [&] {
    ++opened;
    commit_until_flushed(running, root / "state");
  };
  const auto copied = copy(root / "state", root / "copy", options);
  ASSERT_FALSE(copied);
  EXPECT_EQ(opened, kOpeningsMax);
  EXPECT_TRUE(contains(copied.error().message, "reorganised"));
  EXPECT_FALSE(copied.error().is_damage);
  EXPECT_TRUE(fs::is_empty(root / "copy"));
}

TEST(StateCopy, reads_on_in_files_that_are_deleted_while_it_reads_them) {
  const TemporaryDirectory root;
  constexpr std::size_t kBytes = 400'000;  // 8 MB a commit: more than progress is told after
  Running running = run_on(root / "state");
  running.commit(kBytes);
  running.commit(kBytes);
  const std::vector<std::string> before = tables_of(root / "state");
  ASSERT_FALSE(before.empty());
  bool has_vanished = false;
  StateCopyOptions options;
  options.on_progress = [&](std::uint64_t, std::uint64_t) {
    for (int i = 0; i < 50 && !has_vanished; ++i) {
      running.commit(kBytes);
      has_vanished =
          std::none_of(before.begin(), before.end(), [](const std::string& path) { return fs::exists(path); });
    }
  };
  const auto copied = copy(root / "state", root / "copy", options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(has_vanished);
  EXPECT_EQ(copied->partitions.at(0).commit, 2U);
  EXPECT_EQ(content_of(root / "copy"), content_of(2, kBytes));
}

TEST(StateCopy, goes_only_into_a_directory_that_is_new_or_empty) {
  const TemporaryDirectory root;
  run_on(root / "state").commit(100);
  fs::create_directory(root / "empty");
  EXPECT_EQ(error_of(copy(root / "state", root / "empty")), "(copied)");
  EXPECT_TRUE(contains(error_of(copy(root / "state", root / "empty")), "there is a state in it already"));
  fs::create_directory(root / "other");
  write_file(root / "other/letter.txt", "dear");
  EXPECT_TRUE(contains(error_of(copy(root / "state", root / "other")), "it is not empty"));
  EXPECT_EQ(read_file(root / "other/letter.txt"), "dear");
  EXPECT_EQ(content_of(root / "empty"), content_of(1, 100));
}

TEST(StateCopy, writes_nothing_to_its_source_which_may_be_read_only) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 16);
  TROTH_NEEDS_MOUNT(disk);
  run_on(root / "disk/state").commit(100);
  disk.make_read_only();
  EXPECT_EQ(error_of(copy(root / "disk/state", root / "copy")), "(copied)");
  EXPECT_EQ(content_of(root / "copy"), content_of(1, 100));
}

TEST(StateCopy, that_broke_off_passes_for_no_state) {
  const TemporaryDirectory root;
  run_on(root / "state").commit(400'000);
  struct Killed {};
  StateCopyOptions options;
  options.on_progress = [](std::uint64_t, std::uint64_t) { throw Killed(); };
  EXPECT_THROW((void)copy(root / "state", root / "copy", options), Killed);
  EXPECT_FALSE(fs::is_empty(root / "copy"));
  const auto as_source = StateDirectory::open(root / "copy", Mode::kToRead);
  ASSERT_FALSE(as_source);
  EXPECT_TRUE(contains(as_source.error().message, "broke off"));
  EXPECT_FALSE(StateDirectory::open(root / "copy", Mode::kCreate));
  EXPECT_FALSE(StateDirectory::open(root / "copy", Mode::kMustExist));
}

TEST(StateCopy, onto_a_full_disk_says_so_and_leaves_nothing) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 4);
  TROTH_NEEDS_MOUNT(disk);
  run_on(root / "state").commit(400'000);
  const auto copied = copy(root / "state", root / "disk/copy");
  ASSERT_FALSE(copied);
  EXPECT_TRUE(contains(copied.error().message, "The disk is full"));
  EXPECT_TRUE(fs::is_empty(root / "disk/copy"));
  disk.resize(64);
  EXPECT_EQ(error_of(copy(root / "state", root / "disk/copy")), "(copied)");
}

TEST(StateCopy, notices_a_damaged_source_and_leaves_nothing) {
  const TemporaryDirectory root;
  {
    Running running = run_on(root / "state");
    commit_until_flushed(running, root / "state");
  }
  for (const std::string& table : tables_of(root / "state")) {
    std::string bytes = read_file(table);
    bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
    write_file(table, bytes);
  }
  const auto copied = copy(root / "state", root / "copy");
  ASSERT_FALSE(copied);
  EXPECT_TRUE(copied.error().is_damage) << copied.error().message;
  EXPECT_TRUE(fs::is_empty(root / "copy"));
}

TEST(StateCopy, of_a_source_that_lacks_a_file_is_refused_at_once_if_nobody_uses_it) {
  const TemporaryDirectory root;
  {
    Running running = run_on(root / "state");
    commit_until_flushed(running, root / "state");
  }
  fs::remove(tables_of(root / "state").at(0));
  int opened = 0;
  StateCopyOptions options;
  options.on_opened = [&] { ++opened; };
  const auto copied = copy(root / "state", root / "copy", options);
  ASSERT_FALSE(copied);
  EXPECT_EQ(opened, 1);
  EXPECT_TRUE(copied.error().is_damage) << copied.error().message;
}

TEST(StateCopy, of_a_store_without_a_commit_is_refused) {
  const TemporaryDirectory root;
  run_on(root / "state");
  EXPECT_TRUE(contains(error_of(copy(root / "state", root / "copy")), "nothing was ever committed"));
}

}  // namespace
}  // namespace troth::state
