// FileSource: the order of the merge, where inputs end, and going on exactly where a run was cut.
#include "engine/source/file_source.h"

#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "engine/base/limits.h"
#include "tests/unit/engine/source/packing.h"
#include "tests/unit/engine/state/disk.h"

namespace troth::source {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using Items = std::vector<FileSource::Item>;
using Paths = std::vector<std::string>;

/// Lines that begin with a number have it as their time; others have none.
task::Decoded decode(task::Record record) {
  task::Decoded decoded;
  const std::string& text = *record.value;
  if (text[0] >= '0' && text[0] <= '9') decoded.merge_time = std::stoll(text);
  decoded.record = std::move(record);
  return decoded;
}

std::unique_ptr<FileSource> open(const Paths& paths, const FileSourceOptions& options = {}) {
  auto source = FileSource::open(paths, decode, options);
  EXPECT_TRUE(source.ok()) << (source.ok() ? "" : source.error().message);
  return source.ok() ? std::move(source).value() : nullptr;
}

std::string error_of_open(const Paths& paths) {
  auto source = FileSource::open(paths, decode);
  return source.ok() ? "(opened)" : source.error().message;
}

/// "input:offset=text", with a '.' after the last of its input.
std::string shown(const FileSource::Item& item) {
  const task::Record& record = item.decoded.record;
  return std::to_string(record.origin.input) + ":" + std::to_string(record.origin.offset) + "=" + *record.value +
         (item.last_of_input ? "." : "");
}

using Shown = std::vector<std::string>;

Shown drain(FileSource& source, std::size_t max = 1000, std::string* error = nullptr) {
  Shown all;
  for (;;) {
    Items items;
    auto count = source.poll(items, max);
    if (!count.ok()) {
      if (error == nullptr)
        ADD_FAILURE() << count.error().message;
      else
        *error = count.error().message;
      return all;
    }
    EXPECT_EQ(count.value(), items.size());
    EXPECT_LE(items.size(), max);
    if (count.value() == 0) {
      EXPECT_TRUE(source.at_end());
      return all;
    }
    for (const auto& item : items) all.push_back(shown(item));
  }
}

class FileSourceTest : public ::testing::Test {
 protected:
  /// Writes inputs 0, 1, … and names them.
  Paths files(const std::vector<std::string>& contents) {
    Paths paths;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      paths.push_back(root_ / std::to_string(i));
      write_file(paths.back(), contents[i]);
    }
    return paths;
  }
  TemporaryDirectory root_;
};

TEST_F(FileSourceTest, takes_the_least_time_among_the_heads) {
  const auto source = open(files({"1\n4\n5\n", "2\n3\n6\n"}));
  EXPECT_EQ(drain(*source), (Shown{"0:0=1", "1:0=2", "1:1=3", "0:1=4", "0:2=5.", "1:2=6."}));
}

TEST_F(FileSourceTest, ties_go_to_the_file_named_first) {
  const auto source = open(files({"5\n7\n", "5\n", "5\n6\n"}));
  EXPECT_EQ(drain(*source), (Shown{"0:0=5", "1:0=5.", "2:0=5", "2:1=6.", "0:1=7."}));
}

TEST_F(FileSourceTest, each_file_keeps_its_own_order) {
  const auto source = open(files({"9\n1\n2\n", "3\n"}));
  EXPECT_EQ(drain(*source), (Shown{"1:0=3.", "0:0=9", "0:1=1", "0:2=2."}));
}

TEST_F(FileSourceTest, a_line_without_a_time_goes_as_soon_as_it_is_a_head) {
  const auto source = open(files({"1\nx\n8\n", "0\ny\nz\n5\n", "w\n2\n"}));
  EXPECT_EQ(drain(*source),
            (Shown{"2:0=w", "1:0=0", "1:1=y", "1:2=z", "0:0=1", "0:1=x", "2:1=2.", "1:3=5.", "0:2=8."}));
}

TEST_F(FileSourceTest, blank_lines_count_in_offsets_and_hide_no_end) {
  const auto source = open(files({"\n1\n\n2\n \n\t\r\n", "3\n\n"}));
  EXPECT_EQ(drain(*source), (Shown{"0:1=1", "0:3=2.", "1:0=3."}));
  EXPECT_TRUE(source->take_ended().empty());
}

TEST_F(FileSourceTest, a_single_file_goes_through_in_its_order) {
  const auto source = open(files({"3\n1\nx\n2"}));
  EXPECT_EQ(drain(*source, 2), (Shown{"0:0=3", "0:1=1", "0:2=x", "0:3=2."}));
}

TEST_F(FileSourceTest, inputs_without_a_record_are_named_once_before_any_item) {
  const auto source = open(files({"", "1\n", "\n \n", gzip("")}));
  Items items;
  ASSERT_EQ(source->poll(items, 1).value(), 1U);
  EXPECT_EQ(source->take_ended(), (std::vector<std::uint16_t>{0, 2, 3}));
  EXPECT_TRUE(source->take_ended().empty());
  EXPECT_TRUE(items[0].last_of_input);
  for (std::uint16_t i = 0; i < 4; ++i) EXPECT_TRUE(source->is_ended(i));
  EXPECT_TRUE(source->at_end());
  EXPECT_EQ(source->poll(items, 1).value(), 0U);
}

TEST_F(FileSourceTest, only_empty_inputs_are_an_end_at_once) {
  const auto source = open(files({"", ""}));
  EXPECT_EQ(drain(*source), Shown{});
  EXPECT_EQ(source->take_ended(), (std::vector<std::uint16_t>{0, 1}));
}

TEST_F(FileSourceTest, an_oversize_line_is_too_large_without_its_bytes_and_goes_at_once) {
  const std::string huge(base::limits::kMessageBytes + 1, '9');
  const auto source = open(files({"4\n" + huge + "\n6\n", "5\n"}));
  Items items;
  while (source->poll(items, 100).value() > 0) {
  }
  ASSERT_EQ(items.size(), 4U);
  const task::Decoded& refused = items[1].decoded;
  ASSERT_TRUE(refused.rejection.has_value());
  EXPECT_EQ(refused.rejection->reason, event::Reason::kTooLarge);
  EXPECT_FALSE(refused.event.has_value());
  EXPECT_FALSE(refused.merge_time.has_value());
  EXPECT_EQ(refused.record.value, "");
  EXPECT_EQ(refused.record.origin.offset, 1);
  EXPECT_EQ(shown(items[2]), "1:0=5.");
}

TEST_F(FileSourceTest, the_same_file_may_be_given_twice) {
  Paths paths = files({"1\n2\n"});
  paths.push_back(paths[0]);
  const auto source = open(paths);
  EXPECT_EQ(source->inputs(), paths);
  EXPECT_EQ(drain(*source), (Shown{"0:0=1", "1:0=1", "0:1=2.", "1:1=2."}));
}

TEST_F(FileSourceTest, standard_input_is_the_default_and_is_refused_twice) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  ASSERT_EQ(write(fds[1], "1\n2\n", 4), 4);
  close(fds[1]);
  const auto source = open({}, {.stdin_fd = fds[0]});
  EXPECT_EQ(source->inputs(), (Paths{"-"}));
  EXPECT_EQ(drain(*source), (Shown{"0:0=1", "0:1=2."}));
  close(fds[0]);
  EXPECT_TRUE(contains(error_of_open({"-", root_ / "x", "-"}), "given more than once"));
}

TEST_F(FileSourceTest, too_many_files_are_refused) {
  EXPECT_TRUE(contains(error_of_open(Paths(base::limits::kInputs + 1, "x")), "at most 1024"));
}

TEST_F(FileSourceTest, one_bad_path_refuses_all) {
  Paths paths = files({"1\n"});
  paths.push_back(root_ / "nowhere");
  EXPECT_TRUE(contains(error_of_open(paths), (root_ / "nowhere") + ": cannot be read"));
}

TEST_F(FileSourceTest, damage_comes_after_all_that_could_be_read_and_stays) {
  const std::string packed = zstd("1\n3\n");
  std::string cut = packed + zstd("9\n");
  cut.pop_back();
  const auto source = open(files({cut, "2\n4\n"}));
  std::string error;
  const Shown all = drain(*source, 1000, &error);
  ASSERT_GE(all.size(), 3U);
  EXPECT_EQ(Shown(all.begin(), all.begin() + 3), (Shown{"0:0=1", "1:0=2", "0:1=3"}));
  EXPECT_TRUE(contains(error, "ends in the middle of a zstd frame"));
  Items items;
  auto again = source->poll(items, 10);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().message, error);
  EXPECT_TRUE(items.empty());
}

TEST_F(FileSourceTest, shows_its_progress) {
  const Paths paths = files({std::string(1000, 'x') + "\n", "1\n", ""});
  const auto source = open(paths);
  EXPECT_EQ(source->progress().bytes_used, 0U);
  drain(*source);
  EXPECT_EQ(source->progress().bytes_used, 1003U);
  EXPECT_EQ(source->progress().bytes_total, 1003U);
}

// ------------------------------------------------------------------------------------------------- position and seek

/// The merge as it is defined, slowly: what the source must give.
Shown merged(const std::vector<std::string>& contents) {
  struct Entry {
    std::int64_t time;
    std::string text;
    std::size_t offset;
  };
  std::vector<std::vector<Entry>> inputs(contents.size());
  for (std::size_t i = 0; i < contents.size(); ++i) {
    std::size_t offset = 0;
    std::size_t from = 0;
    while (from < contents[i].size()) {
      const std::size_t feed = std::min(contents[i].find('\n', from), contents[i].size());
      const std::string text = contents[i].substr(from, feed - from);
      const bool has_time = !text.empty() && text[0] >= '0' && text[0] <= '9';
      if (text.find_first_not_of(" \t\r") != std::string::npos) {
        inputs[i].push_back({has_time ? std::stoll(text) : -1, text, offset});
      }
      from = feed + 1;
      ++offset;
    }
  }
  std::vector<std::size_t> next(inputs.size(), 0);
  Shown all;
  for (;;) {
    std::size_t least = inputs.size();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (next[i] == inputs[i].size()) continue;
      if (least == inputs.size() || inputs[i][next[i]].time < inputs[least][next[least]].time) least = i;
    }
    if (least == inputs.size()) return all;
    const Entry& entry = inputs[least][next[least]++];
    all.push_back(std::to_string(least) + ":" + std::to_string(entry.offset) + "=" + entry.text +
                  (next[least] == inputs[least].size() ? "." : ""));
  }
}

std::string random_lines(std::mt19937& random) {
  std::string text;
  std::uint64_t time = random() % 20;
  const std::size_t lines = random() % 40;
  for (std::size_t i = 0; i < lines; ++i) {
    switch (random() % 12) {
      case 0:
        text += random() % 2 == 0 ? "\n" : " \t\r\n";
        break;
      case 1:
        text += "no time\n";
        break;
      case 2:
        text += std::to_string(time - time % 7) + " back\n";
        break;
      default:
        text += std::to_string(time += random() % 3) + "\n";
        break;
    }
  }
  if (!text.empty() && random() % 3 == 0) text.pop_back();
  return text;
}

std::string packed_somehow(const std::string& text, std::mt19937& random) {
  const std::size_t cut = text.empty() ? 0 : random() % text.size();
  switch (random() % 3) {
    case 0:
      return gzip(text.substr(0, cut)) + gzip(text.substr(cut));
    case 1:
      return zstd(text.substr(0, cut)) + zstd(text.substr(cut));
    default:
      return text;
  }
}

TEST_F(FileSourceTest, a_run_cut_anywhere_and_any_number_of_times_gives_the_same_sequence) {
  std::mt19937 random(7);
  for (int round = 0; round < 150; ++round) {
    std::vector<std::string> contents(1 + random() % 4);
    std::vector<std::string> packed;
    for (std::string& text : contents) {
      text = random_lines(random);
      packed.push_back(packed_somehow(text, random));
    }
    const Paths paths = files(packed);
    const Shown expected = merged(contents);
    Shown all;
    std::string position;
    std::size_t committed = 0;
    std::vector<std::uint16_t> ended_without_record;
    for (int life = 0;; ++life) {
      ASSERT_LT(life, 1000);
      FileSourceOptions options;
      options.read_ahead_bytes = random() % 2 == 0 ? 1 : 1 << 20;
      const auto source = open(paths, options);
      auto sought = source->seek(position);
      ASSERT_TRUE(sought.ok()) << sought.error().message;
      if (!position.empty()) {
        EXPECT_EQ(source->position(), position);
      }
      bool is_done = false;
      const std::size_t polls = random() % 4;
      for (std::size_t i = 0; i < polls && !is_done; ++i) {
        Items items;
        auto count = source->poll(items, 1 + random() % 9);
        ASSERT_TRUE(count.ok()) << count.error().message;
        for (const auto& item : items) all.push_back(shown(item));
        is_done = count.value() == 0;
      }
      for (const std::uint16_t input : source->take_ended()) ended_without_record.push_back(input);
      // A kill may lose what came after the last commit: then it comes again.
      if (random() % 3 != 0 || is_done) {
        position = source->position();
        committed = all.size();
      } else {
        all.resize(committed);
      }
      if (is_done) break;
    }
    ASSERT_EQ(all, expected) << "round " << round;
    // News of empty inputs comes once unless it was lost with a life, and never for inputs that had records.
    for (const std::uint16_t input : ended_without_record) {
      EXPECT_EQ(contents[input].find_first_not_of(" \t\r\n"), std::string::npos);
    }
  }
}

TEST_F(FileSourceTest, a_position_says_the_same_however_it_was_reached) {
  const Paths paths = files({"1\n3\n", "2\n4\n"});
  const auto one = open(paths);
  const auto two = open(paths);
  Items items;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(one->poll(items, 1).value(), 1U);
  std::size_t have = 0;
  while (have < 3) have += two->poll(items, 3 - have).value();
  EXPECT_EQ(one->position(), two->position());
  EXPECT_EQ(one->poll(items, 1).value(), 1U);
  EXPECT_NE(one->position(), two->position());
}

TEST_F(FileSourceTest, inputs_that_had_ended_are_neither_read_nor_announced_again) {
  const Paths paths = files({"1\n", "", "5\n6\n"});
  std::string position;
  {
    const auto source = open(paths);
    Items items;
    while (items.size() < 2) ASSERT_GT(source->poll(items, 2 - items.size()).value(), 0U);
    position = source->position();
  }
  const auto source = open(paths);
  ASSERT_TRUE(source->seek(position).ok());
  EXPECT_TRUE(source->is_ended(0));
  EXPECT_FALSE(source->is_ended(2));
  EXPECT_EQ(drain(*source), (Shown{"2:1=6."}));
  EXPECT_TRUE(source->take_ended().empty());
}

TEST_F(FileSourceTest, an_input_that_has_grown_since_its_end_is_read_on) {
  const Paths paths = files({"1\n2\n\n", "9"});
  std::string position;
  {
    const auto source = open(paths);
    drain(*source);
    position = source->position();
  }
  append_file(paths[0], "3\n");
  append_file(paths[1], "\n10\n");
  const auto source = open(paths);
  ASSERT_TRUE(source->seek(position).ok());
  EXPECT_FALSE(source->is_ended(0));
  EXPECT_EQ(source->position(), position) << "a stop before the first poll must not make the new lines look read";
  EXPECT_EQ(drain(*source), (Shown{"0:3=3.", "1:1=10."}));
}

TEST_F(FileSourceTest, standard_input_given_again_is_skipped_to_where_it_stopped) {
  const auto stdin_with = [](std::string_view text) {
    int fds[2];
    if (pipe(fds) != 0 || write(fds[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    close(fds[1]);
    return fds[0];
  };
  std::string position;
  {
    const int fd = stdin_with("1\n2\n3\n");
    const auto source = open({"-"}, {.stdin_fd = fd});
    close(fd);
    Items items;
    ASSERT_EQ(source->poll(items, 1).value(), 1U);
    position = source->position();
  }
  const int fd = stdin_with("1\n2\n3\n");
  const auto source = open({"-"}, {.stdin_fd = fd});
  close(fd);
  ASSERT_TRUE(source->seek(position).ok());
  EXPECT_EQ(drain(*source), (Shown{"0:1=2", "0:2=3."}));
  EXPECT_TRUE(source->take_ended().empty());
  const int whole = stdin_with("1\n2\n3\n");
  const auto ended = open({"-"}, {.stdin_fd = whole});
  close(whole);
  ASSERT_TRUE(ended->seek(source->position()).ok());
  EXPECT_EQ(ended->position(), source->position());
  EXPECT_EQ(drain(*ended), Shown{});
  EXPECT_EQ(ended->take_ended(), (std::vector<std::uint16_t>{0}));
  EXPECT_EQ(ended->position(), source->position());
  const int empty = stdin_with("");
  const auto other = open({"-"}, {.stdin_fd = empty});
  close(empty);
  auto sought = other->seek(position);
  ASSERT_FALSE(sought.ok());
  EXPECT_TRUE(contains(sought.error().message, "standard input: it ends after 0 plain bytes"));
}

TEST_F(FileSourceTest, a_file_that_is_shorter_than_what_was_read_of_it_is_refused) {
  const Paths paths = files({"1\n2\n3\n"});
  const auto source = open(paths);
  drain(*source);
  write_file(paths[0], "1\n");
  auto sought = open(paths)->seek(source->position());
  ASSERT_FALSE(sought.ok());
  EXPECT_TRUE(contains(sought.error().message, paths[0] + ": it has 2 bytes, but 6 were read of it before"));
}

TEST_F(FileSourceTest, a_position_of_other_inputs_or_damaged_is_refused) {
  const Paths paths = files({"1\n2\n", "3\n"});
  const std::string position = open(paths)->position();
  const auto error_of = [](FileSource& source, std::string_view at) {
    auto sought = source.seek(at);
    return sought.ok() ? "(sought)" : sought.error().message;
  };
  EXPECT_TRUE(contains(error_of(*open({paths[0]}), position), "another number of input files"));
  EXPECT_TRUE(contains(error_of(*open(paths), position.substr(0, position.size() - 1)), "damaged"));
  EXPECT_TRUE(contains(error_of(*open(paths), position + "x"), "damaged"));
  EXPECT_TRUE(contains(error_of(*open(paths), std::string("\x02") + position.substr(1)), "a newer troth"));
  EXPECT_EQ(error_of(*open(paths), position), "(sought)");
}

// ------------------------------------------------------------------------------------------------- pipes and following

TEST_F(FileSourceTest, a_pipe_that_is_silent_holds_back_the_others_until_the_time_is_up) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  Paths paths = files({"5\n"});
  paths.push_back("-");
  const auto source = open(paths, {.stdin_fd = fds[0]});
  Items items;
  EXPECT_EQ(source->poll(items, 10, 30).value(), 0U);
  EXPECT_FALSE(source->at_end());
  ASSERT_EQ(write(fds[1], "1\n9\n", 4), 4);
  while (items.size() < 2) ASSERT_TRUE(source->poll(items, 10, 10'000).ok());
  EXPECT_EQ(shown(items[0]), "1:0=1");
  EXPECT_EQ(shown(items[1]), "0:0=5.");
  // Whether 9 is the last line cannot be known before the pipe says more or is closed.
  EXPECT_EQ(source->poll(items, 10, 20).value(), 0U);
  close(fds[1]);
  EXPECT_EQ(drain(*source), (Shown{"1:1=9."}));
  close(fds[0]);
}

TEST_F(FileSourceTest, followed_files_do_not_end_and_do_not_wait_for_one_another) {
  const Paths paths = files({"3\n", "1\n2\n"});
  const auto source = open(paths, {.follow = true});
  const auto take = [&](std::size_t count) {
    Items items;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (items.size() < count && std::chrono::steady_clock::now() < until) {
      EXPECT_TRUE(source->poll(items, count - items.size(), 100).ok());
    }
    Shown all;
    for (const auto& item : items) all.push_back(shown(item));
    return all;
  };
  EXPECT_EQ(take(3), (Shown{"1:0=1", "1:1=2", "0:0=3"}));
  Items none;
  EXPECT_EQ(source->poll(none, 1, 0).value(), 0U);
  EXPECT_FALSE(source->at_end());
  append_file(paths[0], "7\n8");
  EXPECT_EQ(take(1), (Shown{"0:1=7"}));
  append_file(paths[1], "5\n");
  EXPECT_EQ(take(1), (Shown{"1:2=5"}));
  EXPECT_EQ(source->poll(none, 1, 0).value(), 0U);
  EXPECT_TRUE(source->is_caught_up(0));
  EXPECT_TRUE(source->is_caught_up(1));
  append_file(paths[0], "0\n");
  EXPECT_EQ(take(1), (Shown{"0:2=80"}));
}

TEST_F(FileSourceTest, a_hundred_files_are_merged) {
  std::vector<std::string> contents;
  for (int i = 0; i < 100; ++i) {
    std::string text;
    for (int n = i; n < 3000; n += 100) text.append(std::to_string(n)).append("\n");
    contents.push_back(text);
  }
  const auto source = open(files(contents));
  EXPECT_EQ(drain(*source), merged(contents));
}

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// A figure to look at, not to judge: what the source costs per line without decoding.
TEST_F(FileSourceTest, reads_plain_lines_quickly) {
  std::string text;
  const int lines = 300'000;
  for (int i = 0; i < lines; ++i) text.append(std::to_string(i)).append(280, 'x').append("\n");
  for (const auto& [name, bytes] :
       {std::pair{"plain", text}, std::pair{"zstd", zstd(text)}, std::pair{"gzip", gzip(text)}}) {
    const auto source = open(files({bytes}));
    const double begin = thread_cpu_seconds();
    Items items;
    std::size_t count = 0;
    for (;;) {
      items.clear();
      const std::size_t got = source->poll(items, 4096).value();
      if (got == 0) break;
      count += got;
    }
    const double rate = lines / (thread_cpu_seconds() - begin);
    EXPECT_EQ(count, static_cast<std::size_t>(lines));
    RecordProperty(std::string(name) + "_lines_per_second", std::to_string(static_cast<long>(rate)));
    std::printf("%s: %.2f M lines per CPU second of the merging thread\n", name, rate / 1e6);
  }
}

}  // namespace
}  // namespace troth::source
