// FileSink: lines as they should be, cutting back to the commit, errors that say what to do. And NullSink.
#include "engine/sink/file_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <random>

#include "tests/unit/engine/state/disk.h"

namespace troth::sink {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using task::Outgoing;

constexpr std::array<std::string_view, 2> kStreams{"scores", "alerts"};
constexpr std::uint8_t kScores = 0, kAlerts = 1, kDeadLetters = 2;

std::unique_ptr<FileSink> open(const std::string& directory, std::span<const std::string_view> streams = kStreams) {
  auto sink = FileSink::open(directory, streams);
  EXPECT_TRUE(sink.ok()) << (sink.ok() ? "" : sink.error().message);
  return sink.ok() ? std::move(sink).value() : nullptr;
}

std::string error_of_open(const std::string& directory) {
  auto sink = FileSink::open(directory, kStreams);
  return sink.ok() ? "(opened)" : sink.error().message;
}

std::string error_of(const base::Status& status) { return status.ok() ? "(ok)" : status.error().message; }

std::string durable(task::Sink& sink) {
  auto mark = sink.make_durable();
  EXPECT_TRUE(mark.ok()) << (mark.ok() ? "" : mark.error().message);
  return mark.ok() ? mark.value() : "";
}

Outgoing score(const std::string& value) { return {kScores, "c", value}; }

TEST(FileSink, writes_a_line_of_canonical_json_per_record_into_the_file_of_its_stream) {
  const TemporaryDirectory root;
  const auto sink = open(root / "out");
  ASSERT_TRUE(sink->restore("").ok());
  ASSERT_TRUE(sink->write({{kScores, "c1", R"({"score":1})"},
                           {kAlerts, "a", std::nullopt},
                           {kDeadLetters, std::nullopt, R"({"reason":"late"})"},
                           {kScores, "t\x1f\"c\\2\n\xc3\xa9", "{}"}})
                  .ok());
  ASSERT_TRUE(sink->write({{kScores, "c1", std::nullopt}}).ok());
  durable(*sink);
  EXPECT_EQ(read_file(root / "out/scores.ndjson"),
            "{\"key\":\"c1\",\"value\":{\"score\":1}}\n"
            "{\"key\":\"t\\u001f\\\"c\\\\2\\n\xc3\xa9\",\"value\":{}}\n"
            "{\"key\":\"c1\",\"value\":null}\n");
  EXPECT_EQ(read_file(root / "out/alerts.ndjson"), "{\"key\":\"a\",\"value\":null}\n");
  EXPECT_EQ(read_file(root / "out/deadletters.ndjson"), "{\"key\":null,\"value\":{\"reason\":\"late\"}}\n");
}

TEST(FileSink, makes_the_directory_and_those_above_it_and_every_file) {
  const TemporaryDirectory root;
  const auto sink = open(root / "a/b/out/");
  for (const char* name : {"scores", "alerts", "deadletters"}) {
    EXPECT_TRUE(fs::exists(root / ("a/b/out/" + std::string(name) + ".ndjson"))) << name;
  }
}

TEST(FileSink, large_outputs_arrive_whole_and_in_order) {
  const TemporaryDirectory root;
  const auto sink = open(root / "out");
  ASSERT_TRUE(sink->restore("").ok());
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    std::string value("\"");
    value.append(std::to_string(i)).append(10'000, 'v').append("\"");
    ASSERT_TRUE(sink->write({score(value), {kDeadLetters, std::nullopt, std::to_string(i)}}).ok());
    expected.append("{\"key\":\"c\",\"value\":").append(value).append("}\n");
  }
  durable(*sink);
  EXPECT_EQ(read_file(root / "out/scores.ndjson"), expected);
}

// Promise P3.
TEST(FileSink, what_came_after_the_commit_is_cut_away) {
  const TemporaryDirectory root;
  std::string mark;
  {
    const auto sink = open(root / "out");
    ASSERT_TRUE(sink->restore("").ok());
    ASSERT_TRUE(sink->write({score("1"), {kAlerts, "a", "1"}}).ok());
    mark = durable(*sink);
    ASSERT_TRUE(sink->write({score("2")}).ok());
    durable(*sink);  // written and synced, but the commit did not happen
    ASSERT_TRUE(sink->write({score("3")}).ok());
  }
  append_file(root / "out/alerts.ndjson", "{\"torn");
  const auto sink = open(root / "out");
  ASSERT_TRUE(sink->restore(mark).ok());
  EXPECT_EQ(read_file(root / "out/scores.ndjson"), "{\"key\":\"c\",\"value\":1}\n");
  EXPECT_EQ(read_file(root / "out/alerts.ndjson"), "{\"key\":\"a\",\"value\":1}\n");
  ASSERT_TRUE(sink->write({score("2")}).ok());
  durable(*sink);
  EXPECT_EQ(read_file(root / "out/scores.ndjson"), "{\"key\":\"c\",\"value\":1}\n{\"key\":\"c\",\"value\":2}\n");
}

TEST(FileSink, a_run_cut_anywhere_and_any_number_of_times_gives_the_same_files) {
  std::mt19937 random(11);
  for (int round = 0; round < 8; ++round) {
    const TemporaryDirectory root;
    std::vector<Outgoing> records;
    std::array<std::string, 3> expected;
    for (int i = 0; i < 60; ++i) {
      const auto stream = static_cast<std::uint8_t>(random() % 3);
      records.push_back({stream, "k", std::to_string(i)});
      expected[stream].append("{\"key\":\"k\",\"value\":").append(std::to_string(i)).append("}\n");
    }
    std::string mark;
    std::size_t committed = 0;
    while (committed < records.size()) {
      const auto sink = open(root / "out");
      ASSERT_TRUE(sink->restore(mark).ok());
      std::size_t at = committed;
      for (std::size_t steps = random() % 30; steps > 0 && at < records.size(); --steps) {
        ASSERT_TRUE(sink->write({records[at++]}).ok());
        if (random() % 4 != 0) continue;
        const std::string now = durable(*sink);
        if (random() % 4 == 0) break;  // killed between the sync and the commit
        mark = now;
        committed = at;
      }
    }
    EXPECT_EQ(read_file(root / "out/scores.ndjson"), expected[0]);
    EXPECT_EQ(read_file(root / "out/alerts.ndjson"), expected[1]);
    EXPECT_EQ(read_file(root / "out/deadletters.ndjson"), expected[2]);
  }
}

TEST(FileSink, an_empty_mark_begins_the_files_anew_and_leaves_others_alone) {
  const TemporaryDirectory root;
  for (const char* name : {"scores", "alerts", "deadletters", "notes"}) {
    write_file(root / (std::string(name) + ".ndjson"), "earlier\n");
  }
  const auto sink = open(root.path());
  EXPECT_EQ(read_file(root / "scores.ndjson"), "earlier\n") << "opening alone must not change a file";
  ASSERT_TRUE(sink->restore("").ok());
  for (const char* name : {"scores", "alerts", "deadletters"}) {
    EXPECT_EQ(read_file(root / (std::string(name) + ".ndjson")), "") << name;
  }
  EXPECT_EQ(read_file(root / "notes.ndjson"), "earlier\n");
}

TEST(FileSink, a_file_shorter_than_its_mark_is_refused_before_any_file_is_cut) {
  const TemporaryDirectory root;
  std::string mark;
  {
    const auto sink = open(root / "out");
    ASSERT_TRUE(sink->restore("").ok());
    ASSERT_TRUE(sink->write({score("1"), {kAlerts, "a", "1"}}).ok());
    mark = durable(*sink);
  }
  append_file(root / "out/scores.ndjson", "tail");
  fs::remove(root / "out/alerts.ndjson");
  const auto sink = open(root / "out");
  const std::string error = error_of(sink->restore(mark));
  EXPECT_TRUE(contains(error, (root / "out/alerts.ndjson") + ": has 0 bytes, but the state says that 22 were written"));
  EXPECT_TRUE(contains(error, "Put the file back, or begin anew"));
  EXPECT_EQ(read_file(root / "out/scores.ndjson"), "{\"key\":\"c\",\"value\":1}\ntail");
}

TEST(FileSink, a_mark_that_is_damaged_or_of_other_streams_is_refused) {
  const TemporaryDirectory root;
  const auto sink = open(root / "out");
  ASSERT_TRUE(sink->restore("").ok());
  const std::string mark = durable(*sink);
  EXPECT_TRUE(contains(error_of(sink->restore(mark.substr(0, mark.size() - 1))), "damaged"));
  EXPECT_TRUE(contains(error_of(sink->restore(mark + "x")), "damaged"));
  EXPECT_TRUE(contains(error_of(sink->restore(std::string("\x09") + mark.substr(1))), "damaged"));
  const std::array<std::string_view, 2> others{"scores", "promises"};
  EXPECT_TRUE(contains(error_of(open(root / "other", others)->restore(mark)), "other output streams"));
  const std::array<std::string_view, 1> fewer{"scores"};
  EXPECT_TRUE(contains(error_of(open(root / "fewer", fewer)->restore(mark)), "other output streams"));
  EXPECT_EQ(error_of(sink->restore(mark)), "(ok)");
}

TEST(FileSink, two_at_a_time_in_one_directory_are_refused) {
  const TemporaryDirectory root;
  {
    const auto first = open(root / "out");
    EXPECT_TRUE(contains(error_of_open(root / "out"), "in use by another process"));
  }
  EXPECT_EQ(error_of_open(root / "out"), "(opened)");
}

TEST(FileSink, what_is_no_file_or_no_directory_is_refused) {
  const TemporaryDirectory root;
  write_file(root / "file", "");
  EXPECT_TRUE(contains(error_of_open(root / "file"), "cannot be created"));
  fs::create_directories(root / "out/scores.ndjson");
  EXPECT_TRUE(contains(error_of_open(root / "out"), "scores.ndjson: cannot be opened for writing: Is a directory"));
  fs::create_directory(root / "device");
  fs::create_symlink("/dev/full", root / "device/scores.ndjson");
  EXPECT_TRUE(contains(error_of_open(root / "device"), "is no regular file"));
}

TEST(FileSink, missing_permission_is_told) {
  const TemporaryDirectory root;
  fs::create_directory(root / "out");
  fs::permissions(root / "out", fs::perms::owner_read | fs::perms::owner_exec);
  const AsNobody nobody;
  EXPECT_TRUE(contains(error_of_open(root / "out"), "Permission denied. Give this user permission"));
  EXPECT_TRUE(contains(error_of_open(root / "out/deeper"), "Permission denied. Give this user permission"));
}

TEST(FileSink, a_full_disk_is_told_and_final_until_it_is_opened_again) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 4);
  TROTH_NEEDS_MOUNT(disk);
  std::string mark;
  {
    const auto sink = open(root / "disk/out");
    ASSERT_TRUE(sink->restore("").ok());
    ASSERT_TRUE(sink->write({score("1")}).ok());
    mark = durable(*sink);
    ASSERT_TRUE(sink->write({score(std::string(1000, '2'))}).ok());
    std::string error = "(ok)";
    for (int i = 0; i < 10 && error == "(ok)"; ++i) error = error_of(sink->write({score(std::string(1 << 20, '3'))}));
    EXPECT_TRUE(contains(error, (root / "disk/out/scores.ndjson") + ": cannot be written: No space left on device"));
    EXPECT_TRUE(contains(error, "make room, then start again"));
    disk.resize(100);
    EXPECT_EQ(error_of(sink->write({score("4")})), error);
    auto mark_after = sink->make_durable();
    ASSERT_FALSE(mark_after.ok());
    EXPECT_EQ(mark_after.error().message, error);
    EXPECT_EQ(error_of(sink->restore(mark)), error);
  }
  const auto sink = open(root / "disk/out");
  ASSERT_TRUE(sink->restore(mark).ok());
  durable(*sink);
  EXPECT_EQ(read_file(root / "disk/out/scores.ndjson"), "{\"key\":\"c\",\"value\":1}\n");
}

TEST(FileSink, a_read_only_file_system_is_told) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 4);
  TROTH_NEEDS_MOUNT(disk);
  { open(root / "disk/out"); }
  disk.make_read_only();
  EXPECT_TRUE(contains(error_of_open(root / "disk/out"), "Read-only file system. The file system is read-only"));
  EXPECT_TRUE(contains(error_of_open(root / "disk/new"), "Read-only file system"));
}

TEST(FileSink, a_limit_on_file_sizes_is_told_when_it_is_met_in_make_durable) {
  const TemporaryDirectory root;
  const auto sink = open(root / "out");
  ASSERT_TRUE(sink->restore("").ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_TRUE(sink->write({score(std::string(3000, '1'))}).ok()) << "it is buffered";
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto mark = sink->make_durable();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(mark.ok());
  EXPECT_TRUE(contains(mark.error().message, "Files may not be that large here"));
  EXPECT_FALSE(sink->make_durable().ok());
}

TEST(FileSinkDeathTest, writing_before_restoring_is_a_bug) {
  const TemporaryDirectory root;
  const auto sink = open(root / "out");
  EXPECT_DEATH(static_cast<void>(sink->write({score("1")})), "is_restored_");
  EXPECT_DEATH(static_cast<void>(sink->make_durable()), "is_restored_");
  ASSERT_TRUE(sink->restore("").ok());
  EXPECT_DEATH(static_cast<void>(sink->write({{3, "k", "1"}})), "record.stream");
}

// ---------------------------------------------------------------------------------------------------------- NullSink

TEST(NullSink, counts_and_its_counts_survive_by_the_mark) {
  std::string mark;
  {
    NullSink sink(kStreams);
    ASSERT_TRUE(sink.restore("").ok());
    ASSERT_TRUE(sink.write({score("1"), score("2"), {kDeadLetters, std::nullopt, "{}"}}).ok());
    EXPECT_EQ(sink.counts(), (std::vector<std::uint64_t>{2, 0, 1}));
    mark = durable(sink);
  }
  NullSink sink(kStreams);
  ASSERT_TRUE(sink.restore(mark).ok());
  ASSERT_TRUE(sink.write({{kAlerts, "a", "1"}}).ok());
  EXPECT_EQ(sink.counts(), (std::vector<std::uint64_t>{2, 1, 1}));
  EXPECT_FALSE(sink.restore("\x07").ok());
}

TEST(NullSink, files_cannot_be_added_to_a_state_whose_outputs_were_swallowed) {
  const TemporaryDirectory root;
  NullSink null(kStreams);
  ASSERT_TRUE(null.restore("").ok());
  EXPECT_EQ(durable(null), "") << "nothing was swallowed yet";
  ASSERT_TRUE(null.write({score("1")}).ok());
  EXPECT_TRUE(contains(error_of(open(root / "out")->restore(durable(null))), "made without --out"));
}

TEST(NullSink, a_run_without_out_that_makes_no_output_leaves_the_files_valid) {
  const TemporaryDirectory root;
  std::string mark;
  {
    const auto sink = open(root / "out");
    ASSERT_TRUE(sink->restore("").ok());
    ASSERT_TRUE(sink->write({score("1")}).ok());
    mark = durable(*sink);
  }
  NullSink null(kStreams);
  ASSERT_TRUE(null.restore(mark).ok());
  EXPECT_EQ(durable(null), mark);
  ASSERT_TRUE(null.write({score("2")}).ok());
  const auto sink = open(root / "out");
  EXPECT_TRUE(contains(error_of(sink->restore(durable(null))), "made without --out"));
  EXPECT_EQ(read_file(root / "out/scores.ndjson"), "{\"key\":\"c\",\"value\":1}\n");
}

}  // namespace
}  // namespace troth::sink
