// LineReader: what is a line; packed, damaged, huge and growing inputs; going on where it stopped.
#include "engine/source/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "engine/base/limits.h"
#include "tests/unit/engine/source/packing.h"
#include "tests/unit/engine/state/disk.h"

namespace troth::source {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using Outcome = LineReader::Outcome;

struct Got {
  std::string text;
  std::uint64_t number = 0, end = 0, bytes = 0;
  bool is_oversize = false;
  friend bool operator==(const Got&, const Got&) = default;
};

struct Reading {
  std::vector<Got> lines;
  std::string error;
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Got& line : lines) texts.push_back(line.text);
    return texts;
  }
};

Got got(const Line& line) { return {std::string(line.text), line.number, line.end, line.bytes, line.is_oversize}; }

Reading read_rest(LineReader& reader) {
  Reading reading;
  for (;;) {
    Line line;
    auto outcome = reader.next(line);
    if (!outcome.ok()) {
      reading.error = outcome.error().message;
      return reading;
    }
    if (outcome.value() != Outcome::kLine) return reading;
    reading.lines.push_back(got(line));
  }
}

Reading read_all(const std::string& path, const LineReaderOptions& options = {}) {
  auto reader = LineReader::open(path, options);
  if (!reader.ok()) return {{}, reader.error().message};
  return read_rest(*reader.value());
}

/// Reads `bytes` as a file.
Reading read_bytes(std::string_view bytes, const LineReaderOptions& options = {}) {
  const TemporaryDirectory root;
  write_file(root / "input", bytes);
  return read_all(root / "input", options);
}

using Texts = std::vector<std::string>;

std::string many_lines(int count, int from = 0) {
  std::string text;
  for (int i = from; i < from + count; ++i) {
    text.append("{\"line\":")
        .append(std::to_string(i))
        .append(",\"x\":\"")
        .append(static_cast<std::size_t>(i % 97), 'x');
    text.append("\"}\n");
  }
  return text;
}

TEST(LineReader, splits_at_line_feeds_and_counts_from_zero) {
  const Reading reading = read_bytes("a\nbc\nd\n");
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.lines, (std::vector<Got>{{"a", 0, 2, 1}, {"bc", 1, 5, 2}, {"d", 2, 7, 1}}));
}

TEST(LineReader, the_last_line_may_lack_its_line_feed) {
  EXPECT_EQ(read_bytes("a\nb").lines, (std::vector<Got>{{"a", 0, 2, 1}, {"b", 1, 3, 1}}));
}

TEST(LineReader, a_carriage_return_belongs_to_the_message) {
  EXPECT_EQ(read_bytes("a\r\nb\r").texts(), (Texts{"a\r", "b\r"}));
}

TEST(LineReader, lines_of_white_space_yield_nothing_but_count) {
  EXPECT_EQ(read_bytes("\n \t\r\na\n\r\n\n b \n  ").lines, (std::vector<Got>{{"a", 2, 7, 1}, {" b ", 5, 14, 3}}));
}

TEST(LineReader, other_control_characters_are_no_white_space) {
  EXPECT_EQ(read_bytes("\v\n\f\n\0\n").texts(), (Texts{"\v", "\f"}));
  EXPECT_EQ(read_bytes(std::string_view("\0\n", 2)).texts(), (Texts{std::string(1, '\0')}));
}

TEST(LineReader, an_empty_file_has_no_lines) {
  EXPECT_EQ(read_bytes("").texts(), Texts{});
  EXPECT_EQ(read_bytes("\n\n").texts(), Texts{});
}

TEST(LineReader, gives_the_same_lines_whatever_the_chunks) {
  const std::string text = std::string("\n") + many_lines(50) + " \n\t" + many_lines(3) + "   \n\n" + "{}";
  const Reading whole = read_bytes(text);
  ASSERT_EQ(whole.lines.size(), 54U);
  for (const std::size_t bytes : {1U, 2U, 3U, 7U, 64U, 1000U}) {
    for (const std::string& packed : {text, gzip(text), zstd(text)}) {
      EXPECT_EQ(read_bytes(packed, {.chunk_bytes = bytes, .chunks_ahead = 1}).lines, whole.lines) << bytes;
    }
  }
}

// ------------------------------------------------------------------------------------------------------------ oversize

TEST(LineReader, a_line_of_exactly_the_limit_is_kept_and_one_byte_more_is_not) {
  const std::string most(base::limits::kLineBytesKept, 'm');
  const std::string text = most + "\n" + most + "m\nafter\n" + most + "m";
  for (const std::size_t chunk : {1000U, 65'536U, 1'000'000U}) {
    const auto lines = read_bytes(text, {.chunk_bytes = chunk}).lines;
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0].text, most);
    EXPECT_FALSE(lines[0].is_oversize);
    EXPECT_EQ(lines[1], (Got{"", 1, 131'074 + 1, 65'537, true}));
    EXPECT_EQ(lines[2].text, "after");
    EXPECT_EQ(lines[2].number, 2U);
    EXPECT_EQ(lines[3].bytes, 65'537U);
    EXPECT_TRUE(lines[3].is_oversize);
  }
}

TEST(LineReader, the_carriage_return_counts_for_the_limit) {
  const std::string most(base::limits::kLineBytesKept, 'm');
  EXPECT_TRUE(read_bytes(most + "\r\n").lines.at(0).is_oversize);
}

TEST(LineReader, blanks_beyond_the_limit_are_still_blank) {
  const std::string blanks(200'000, ' ');
  EXPECT_EQ(read_bytes(blanks + "\na\n" + blanks, {.chunk_bytes = 999}).lines,
            (std::vector<Got>{{"a", 1, 200'003, 1}}));
  EXPECT_TRUE(read_bytes(blanks + "x\n").lines.at(0).is_oversize);
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Promise P13.
TEST(LineReader, a_decompression_bomb_costs_time_but_no_memory) {
  std::string bomb;
  std::string bomb_zstd;
  {
    const std::string zeros(32 << 20, 'z');
    const std::string member = gzip(zeros);
    const std::string frame = zstd(zeros);
    for (int i = 0; i < 8; ++i) {
      bomb += member;
      bomb_zstd += frame;
    }
  }
  ASSERT_LT(bomb.size(), 1U << 20U);
  const long before = peak_kilobytes();
  for (const std::string& packed : {bomb, bomb_zstd}) {
    const auto lines = read_bytes(packed).lines;
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].bytes, 256U << 20U);
    EXPECT_TRUE(lines[0].is_oversize);
  }
  EXPECT_LT(peak_kilobytes() - before, 40 * 1024);
}

// ------------------------------------------------------------------------------------------------------- packed inputs

TEST(LineReader, knows_packing_by_content_and_not_by_name) {
  const TemporaryDirectory root;
  const std::string text = many_lines(2000);
  write_file(root / "plain.zst", text);
  write_file(root / "zstd.gz", zstd(text));
  write_file(root / "gzip.json", gzip(text));
  const auto expected = read_bytes(text).lines;
  EXPECT_EQ(read_all(root / "plain.zst").lines, expected);
  EXPECT_EQ(read_all(root / "zstd.gz").lines, expected);
  EXPECT_EQ(read_all(root / "gzip.json").lines, expected);
}

TEST(LineReader, reads_several_gzip_members_and_the_zeros_behind_them) {
  const std::string members = gzip(many_lines(500)) + gzip("") + gzip(many_lines(500, 500) + "half a ") + gzip("line");
  const auto expected = read_bytes(many_lines(1000) + "half a line").lines;
  EXPECT_EQ(read_bytes(members).lines, expected);
  EXPECT_EQ(read_bytes(members + std::string(1000, '\0')).lines, expected);
}

TEST(LineReader, reads_several_zstd_frames_and_skips_those_without_content) {
  const std::string frames =
      zstd_skippable("index") + zstd(many_lines(500)) + zstd_skippable("") + zstd("") + zstd(many_lines(500, 500));
  EXPECT_EQ(read_bytes(frames).lines, read_bytes(many_lines(1000)).lines);
}

TEST(LineReader, short_inputs_that_begin_like_a_packed_one_are_plain) {
  EXPECT_EQ(read_bytes("\x1f").texts(), (Texts{"\x1f"}));
  EXPECT_EQ(read_bytes("\x28\xb5").texts(), (Texts{"\x28\xb5"}));
  EXPECT_EQ(read_bytes("P{}\n").texts(), (Texts{"P{}"}));
}

TEST(LineReader, a_cut_zstd_input_gives_every_whole_line_and_then_says_where_it_ends) {
  const std::string text = many_lines(100'000);
  const std::string packed = zstd(text);
  const TemporaryDirectory root;
  write_file(root / "cut.zst", packed.substr(0, packed.size() - 5));
  const Reading reading = read_all(root / "cut.zst");
  EXPECT_GT(reading.lines.size(), 1000U);
  const auto whole = read_bytes(text).lines;
  EXPECT_TRUE(std::equal(reading.lines.begin(), reading.lines.end(), whole.begin()));
  EXPECT_TRUE(contains(reading.error, (root / "cut.zst") + ": byte " + std::to_string(packed.size() - 5) + ": "));
  EXPECT_TRUE(contains(reading.error, "ends in the middle of a zstd frame; "));
  EXPECT_TRUE(contains(reading.error, std::to_string(reading.lines.size()).append(" lines were read")));
}

TEST(LineReader, an_input_cut_at_any_byte_is_an_error_unless_nothing_is_missing) {
  const std::string first = many_lines(20);
  const std::string second = many_lines(20, 20);
  const auto whole = read_bytes(first + second).lines;
  for (const auto& [packed_first, packed_second] :
       {std::pair{gzip(first), gzip(second)}, std::pair{zstd(first), zstd(second)}}) {
    const std::string packed = packed_first + packed_second;
    for (std::size_t size = 4; size <= packed.size(); ++size) {
      const Reading reading = read_bytes(packed.substr(0, size));
      const bool is_complete = size == packed.size() || size == packed_first.size();
      EXPECT_EQ(reading.error.empty(), is_complete) << size << reading.error;
      if (!is_complete) {
        EXPECT_TRUE(contains(reading.error, "ends in the middle of a ")) << size;
      }
      ASSERT_LE(reading.lines.size(), whole.size());
      EXPECT_TRUE(std::equal(reading.lines.begin(), reading.lines.end(), whole.begin())) << size;
    }
  }
}

TEST(LineReader, damage_is_an_error_that_names_file_and_byte_and_stays) {
  const std::string text = many_lines(5000);
  for (const auto& [packed, words] :
       {std::pair{gzip(text), "damaged gzip data"}, std::pair{zstd(text), "damaged zstd data"}}) {
    const TemporaryDirectory root;
    std::string bytes = packed;
    bytes[bytes.size() - 6] = static_cast<char>(~bytes[bytes.size() - 6]);  // gzip: in the checksum
    bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
    write_file(root / "damaged", bytes);
    auto reader = LineReader::open(root / "damaged");
    ASSERT_TRUE(reader.ok());
    const Reading reading = read_rest(*reader.value());
    EXPECT_TRUE(contains(reading.error, words));
    EXPECT_TRUE(contains(reading.error, (root / "damaged") + ": byte "));
    Line line;
    auto again = reader.value()->next(line);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().message, reading.error);
    auto peeked = reader.value()->peek();
    ASSERT_FALSE(peeked.ok());
    EXPECT_EQ(peeked.error().message, reading.error);
  }
}

TEST(LineReader, a_wrong_gzip_checksum_is_noticed) {
  std::string packed = gzip(many_lines(10));
  packed[packed.size() - 6] = static_cast<char>(~packed[packed.size() - 6]);
  const Reading reading = read_bytes(packed);
  EXPECT_EQ(reading.lines.size(), 10U);
  EXPECT_TRUE(contains(reading.error, "damaged gzip data (incorrect data check)"));
}

TEST(LineReader, what_follows_the_last_gzip_member_must_be_one_or_zeros) {
  for (const std::string& tail :
       {std::string("garbage"), std::string("\0\0x", 3), std::string("\0", 1) + gzip("a\n")}) {
    const Reading reading = read_bytes(gzip(many_lines(10)) + tail);
    EXPECT_EQ(reading.lines.size(), 10U);
    EXPECT_TRUE(contains(reading.error, "something follows the last gzip member"));
  }
  EXPECT_TRUE(contains(read_bytes(zstd("a\n") + "garbage").error, "damaged zstd data"));
}

TEST(LineReader, a_zstd_window_of_128_MiB_is_read_and_a_larger_one_is_refused) {
  EXPECT_EQ(read_bytes(zstd_with_window(27, "{}\n")).texts(), (Texts{"{}"}));
  const Reading reading = read_bytes(zstd("{}\n") + zstd_with_window(28, "{}\n"));
  EXPECT_EQ(reading.texts(), (Texts{"{}"}));
  EXPECT_TRUE(contains(reading.error, "needs a window of more than 128 MiB; 1 lines were read"));
  EXPECT_TRUE(contains(reading.error, "--long=27"));
}

// ------------------------------------------------------------------------------------------------------ what is no
// file

TEST(LineReader, a_missing_file_is_an_error_before_anything_is_read) {
  const TemporaryDirectory root;
  auto reader = LineReader::open(root / "nowhere");
  ASSERT_FALSE(reader.ok());
  EXPECT_TRUE(contains(reader.error().message, (root / "nowhere") + ": cannot be read: No such file or directory"));
}

TEST(LineReader, a_directory_is_an_error) {
  const TemporaryDirectory root;
  auto reader = LineReader::open(root.path());
  ASSERT_FALSE(reader.ok());
  EXPECT_TRUE(contains(reader.error().message, "it is a directory"));
}

TEST(LineReader, missing_permission_is_an_error) {
  const TemporaryDirectory root;
  write_file(root / "secret", "a\n");
  fs::permissions(root / "secret", fs::perms::none);
  const AsNobody nobody;
  auto reader = LineReader::open(root / "secret");
  ASSERT_FALSE(reader.ok());
  EXPECT_TRUE(contains(reader.error().message, "Permission denied. Give this user permission"));
}

TEST(LineReader, too_many_open_files_are_an_error_that_says_so) {
  const TemporaryDirectory root;
  write_file(root / "input", "a\n");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next_fd = dup(0);
  close(next_fd);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(next_fd) + 1;  // room for the file, none for what wakes its reader
  for (rlim_t room = 0; room < 2; ++room) {
    few.rlim_cur = static_cast<rlim_t>(next_fd) + room;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    auto reader = LineReader::open(root / "input");
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(reader.ok());
    EXPECT_TRUE(contains(reader.error().message, "ulimit -n"));
  }
}

/// A pipe whose reading end the reader takes for standard input.
struct Pipe {
  Pipe() {
    if (pipe(fds) != 0) std::abort();
  }
  ~Pipe() {
    close_writing();
    close(fds[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(fds[1], bytes.data(), bytes.size());
      ASSERT_GT(written, 0);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void close_writing() {
    if (fds[1] >= 0) close(fds[1]);
    fds[1] = -1;
  }
  int fds[2];
};

TEST(LineReader, reads_standard_input_packed_or_not) {
  const std::string text = many_lines(3000);
  for (const std::string& bytes : {text, gzip(text), zstd(text)}) {
    Pipe input;
    std::thread writer([&] {
      input.write_all(bytes);
      input.close_writing();
    });
    EXPECT_EQ(read_all("-", {.stdin_fd = input.fds[0]}).lines, read_bytes(text).lines);
    writer.join();
  }
}

TEST(LineReader, a_line_of_a_pipe_arrives_before_the_pipe_is_closed) {
  Pipe input;
  auto reader = LineReader::open("-", {.stdin_fd = input.fds[0]});
  ASSERT_TRUE(reader.ok());
  Line line;
  EXPECT_EQ(reader.value()->next(line, 0).value(), Outcome::kTimedOut);
  input.write_all("first\nsec");
  ASSERT_EQ(reader.value()->next(line, 10'000).value(), Outcome::kLine);
  EXPECT_EQ(line.text, "first");
  EXPECT_EQ(reader.value()->peek(10'000).value(), Outcome::kLine);
  EXPECT_EQ(reader.value()->next(line, 20).value(), Outcome::kTimedOut);
  input.write_all("ond\n");
  ASSERT_EQ(reader.value()->next(line, 10'000).value(), Outcome::kLine);
  EXPECT_EQ(line.text, "second");
  EXPECT_FALSE(reader.value()->size().has_value());
}

TEST(LineReader, all_that_a_packed_pipe_holds_arrives_before_it_says_more) {
  const std::string text = many_lines(300);
  for (const std::string& bytes : {gzip_so_far(text), zstd_so_far(text)}) {
    Pipe input;
    input.write_all(bytes);
    auto reader = LineReader::open("-", {.stdin_fd = input.fds[0], .chunk_bytes = 64});
    ASSERT_TRUE(reader.ok());
    Line line;
    for (int i = 0; i < 300; ++i) ASSERT_EQ(reader.value()->next(line, 10'000).value(), Outcome::kLine) << i;
    EXPECT_EQ(line.end, text.size());
    EXPECT_EQ(reader.value()->next(line, 0).value(), Outcome::kTimedOut);
  }
}

TEST(LineReader, a_reader_that_waits_for_a_pipe_can_be_destroyed) {
  Pipe input;
  auto reader = LineReader::open("-", {.stdin_fd = input.fds[0]});
  ASSERT_TRUE(reader.ok());
  Line line;
  EXPECT_EQ(reader.value()->next(line, 5).value(), Outcome::kTimedOut);
}

TEST(LineReader, a_closed_standard_input_is_an_error) {
  const int closed = dup(0);
  close(closed);
  auto reader = LineReader::open("-", {.stdin_fd = closed});
  ASSERT_FALSE(reader.ok());
  EXPECT_TRUE(contains(reader.error().message, "standard input: cannot be read"));
}

TEST(LineReader, a_read_error_names_the_byte) {
  // Memory of this process that is not mapped answers EIO.
  auto reader = LineReader::open("-", {.stdin_fd = ::open("/proc/self/mem", O_RDONLY)});
  ASSERT_TRUE(reader.ok());
  const Reading reading = read_rest(*reader.value());
  EXPECT_TRUE(contains(reading.error, "standard input: byte 0: cannot be read on: Input/output error; 0 lines"));
}

TEST(LineReader, destroying_a_reader_in_the_middle_is_harmless) {
  const TemporaryDirectory root;
  write_file(root / "input", zstd(many_lines(200'000)));
  for (int lines = 0; lines < 20; ++lines) {
    auto reader = LineReader::open(root / "input", {.chunk_bytes = 1000});
    ASSERT_TRUE(reader.ok());
    Line line;
    for (int i = 0; i < lines; ++i) ASSERT_TRUE(reader.value()->next(line).ok());
  }
}

// ---------------------------------------------------------------------------------------------------- peek and
// progress

TEST(LineReader, peek_tells_whether_a_line_comes_and_takes_none) {
  for (const std::size_t chunk : {1U, 2U, 5U, 100U}) {
    const TemporaryDirectory root;
    write_file(root / "input", "\n \na\n\n  b\n \t\n\n  ");
    auto reader = LineReader::open(root / "input", {.chunk_bytes = chunk});
    ASSERT_TRUE(reader.ok());
    Line line;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.value()->peek().value(), Outcome::kLine);
    ASSERT_EQ(reader.value()->next(line).value(), Outcome::kLine);
    EXPECT_EQ(got(line), (Got{"a", 2, 5, 1}));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.value()->peek().value(), Outcome::kLine);
    ASSERT_EQ(reader.value()->next(line).value(), Outcome::kLine);
    EXPECT_EQ(got(line), (Got{"  b", 4, 10, 3}));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.value()->peek().value(), Outcome::kEnd);
    EXPECT_EQ(reader.value()->next(line).value(), Outcome::kEnd);
  }
}

TEST(LineReader, tells_how_much_of_the_stored_file_is_used) {
  const TemporaryDirectory root;
  const std::string packed = zstd(many_lines(10'000));
  write_file(root / "input", packed);
  auto reader = LineReader::open(root / "input");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value()->size(), packed.size());
  EXPECT_EQ(reader.value()->bytes_used(), 0U);
  EXPECT_EQ(read_rest(*reader.value()).lines.size(), 10'000U);
  EXPECT_EQ(reader.value()->bytes_used(), packed.size());
}

// ---------------------------------------------------------------------------------------------------------------- skip

TEST(LineReader, goes_on_after_any_line_of_any_packing) {
  const std::string text = std::string("\n") + many_lines(30) + "\n \n{\"last\":1}";
  const auto whole = read_bytes(text).lines;
  const TemporaryDirectory root;
  write_file(root / "plain", text);
  write_file(root / "gzip", gzip(text.substr(0, 300)) + gzip(text.substr(300)));
  write_file(root / "zstd", zstd(text.substr(0, 300)) + zstd(text.substr(300)));
  for (const char* name : {"plain", "gzip", "zstd"}) {
    for (std::size_t done = 1; done <= whole.size(); ++done) {
      auto reader = LineReader::open(root / name, {.chunk_bytes = 64});
      ASSERT_TRUE(reader.ok());
      auto skipped = reader.value()->skip(whole[done - 1].number + 1, whole[done - 1].end);
      ASSERT_TRUE(skipped.ok()) << skipped.error().message;
      const auto rest = read_rest(*reader.value()).lines;
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + static_cast<std::ptrdiff_t>(done), whole.end()))
          << name << " after " << done;
    }
  }
}

std::string error_of_skip(const std::string& path, std::uint64_t lines, std::uint64_t bytes) {
  auto reader = LineReader::open(path);
  if (!reader.ok()) return reader.error().message;
  auto skipped = reader.value()->skip(lines, bytes);
  return skipped.ok() ? "" : skipped.error().message;
}

TEST(LineReader, a_file_that_is_shorter_now_is_an_error) {
  const TemporaryDirectory root;
  write_file(root / "plain", "aa\nbb\n");
  write_file(root / "gzip", gzip("aa\nbb\n"));
  write_file(root / "zstd", zstd("aa\nbb\n"));
  EXPECT_TRUE(contains(error_of_skip(root / "plain", 3, 9), "has 6 bytes, but 9 were read of it before"));
  EXPECT_TRUE(contains(error_of_skip(root / "gzip", 3, 9), "ends after 6 plain bytes, but 9 were read"));
  EXPECT_TRUE(contains(error_of_skip(root / "zstd", 3, 9), "ends after 6 plain bytes, but 9 were read"));
  EXPECT_TRUE(contains(error_of_skip(root / "zstd", 3, 9), "this is not the input that was read before"));
}

TEST(LineReader, a_file_in_which_no_line_begins_there_is_an_error) {
  const TemporaryDirectory root;
  write_file(root / "plain", "aaaaa\nbb\n");
  write_file(root / "gzip", gzip("aaaaa\nbb\n"));
  EXPECT_TRUE(contains(error_of_skip(root / "plain", 1, 3), "no line begins at byte 3"));
  EXPECT_TRUE(contains(error_of_skip(root / "gzip", 1, 3), "no line begins at plain byte 3"));
  EXPECT_TRUE(contains(error_of_skip(root / "gzip", 2, 6), "hold 1 lines, not 2"));
}

TEST(LineReader, goes_on_after_a_last_line_that_has_got_its_line_feed_since) {
  const TemporaryDirectory root;
  for (const auto& [now, rest] :
       {std::pair{"aa\nbb", ""}, std::pair{"aa\nbb\n", ""}, std::pair{"aa\nbb\ncc\n", "cc"}}) {
    for (const std::string& bytes : {std::string(now), gzip(now), zstd(now)}) {
      write_file(root / "input", bytes);
      auto reader = LineReader::open(root / "input");
      ASSERT_TRUE(reader.ok());
      auto skipped = reader.value()->skip(2, 5);
      ASSERT_TRUE(skipped.ok()) << skipped.error().message;
      const auto lines = read_rest(*reader.value()).lines;
      EXPECT_EQ(lines, *rest == '\0' ? std::vector<Got>{} : (std::vector<Got>{{rest, 2, 9, 2}}));
    }
  }
  EXPECT_TRUE(contains(error_of_skip(root / "input", 2, 4), "no line begins"));
}

// -------------------------------------------------------------------------------------------------------------- follow

class Follow : public ::testing::Test {
 protected:
  void open(const LineReaderOptions& options = {.follow = true}) {
    auto opened = LineReader::open(root_ / "log", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    reader_ = std::move(opened).value();
  }
  /// The next line within 10 s, or why there is none.
  std::string next() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      Line line;
      auto outcome = reader_->next(line, 50);
      if (!outcome.ok()) return "(error) " + outcome.error().message;
      if (outcome.value() == Outcome::kLine) return std::string(line.text);
      if (outcome.value() == Outcome::kEnd) return "(end)";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return "(nothing)";
  }
  /// Until everything that is there has been taken.
  void catch_up() {
    Line line;
    auto outcome = reader_->next(line, 10'000);
    ASSERT_TRUE(outcome.ok());
    ASSERT_EQ(outcome.value(), Outcome::kCaughtUp);
  }

  TemporaryDirectory root_;
  std::unique_ptr<LineReader> reader_;
};

TEST_F(Follow, lines_arrive_as_the_file_grows_and_a_partial_one_waits_for_its_line_feed) {
  write_file(root_ / "log", "a\n");
  open();
  EXPECT_EQ(next(), "a");
  catch_up();
  append_file(root_ / "log", "b\nc");
  EXPECT_EQ(next(), "b");
  append_file(root_ / "log", "d");
  append_file(root_ / "log", "e\n");
  EXPECT_EQ(next(), "cde");
  catch_up();
}

TEST_F(Follow, a_reader_is_caught_up_only_when_everything_was_taken) {
  write_file(root_ / "log", "");
  open({.follow = true, .chunk_bytes = 100, .chunks_ahead = 1});
  // It may look at the end of the file while a part is just being appended, and then it is right to say so; but not
  // each time.
  int rounds_without_a_false_word = 0;
  for (int round = 0; round < 10; ++round) {
    catch_up();
    append_file(root_ / "log", many_lines(500));
    ASSERT_TRUE(contains(next(), "\"line\":0"));
    int lines = 1;
    int false_words = 0;
    while (lines < 500) {
      Line line;
      auto outcome = reader_->next(line, 10'000);
      ASSERT_TRUE(outcome.ok());
      ASSERT_NE(outcome.value(), Outcome::kTimedOut);
      if (outcome.value() == Outcome::kLine) ++lines;
      if (outcome.value() == Outcome::kCaughtUp) ++false_words;
    }
    if (false_words == 0) ++rounds_without_a_false_word;
  }
  EXPECT_GT(rounds_without_a_false_word, 0);
}

TEST_F(Follow, an_empty_file_is_followed_from_its_first_byte) {
  write_file(root_ / "log", "");
  open();
  catch_up();
  append_file(root_ / "log", "1\n");
  EXPECT_EQ(next(), "1");
}

TEST_F(Follow, goes_on_after_what_was_read_before) {
  write_file(root_ / "log", "a\nb\n");
  open();
  ASSERT_TRUE(reader_->skip(2, 4).ok());
  catch_up();
  append_file(root_ / "log", "c\n");
  EXPECT_EQ(next(), "c");
}

TEST_F(Follow, a_file_that_becomes_shorter_is_an_error) {
  write_file(root_ / "log", "a\nb\n");
  open();
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(next(), "b");
  catch_up();
  fs::resize_file(root_ / "log", 0);
  EXPECT_TRUE(contains(next(), "became shorter (now 0 bytes) while it was being followed; 2 lines were read"));
}

TEST_F(Follow, a_file_that_is_replaced_is_read_to_its_end_and_then_an_error) {
  write_file(root_ / "log", "a\n");
  open();
  EXPECT_EQ(next(), "a");
  catch_up();
  std::ofstream writer(root_ / "log", std::ios::app);
  fs::rename(root_ / "log", root_ / "log.1");
  catch_up();  // a path that leads nowhere is waited for
  writer << "b\n" << std::flush;
  write_file(root_ / "log", "new\n");
  EXPECT_EQ(next(), "b");
  EXPECT_TRUE(contains(next(), "was replaced by another file"));
}

TEST_F(Follow, a_compressed_file_is_refused) {
  write_file(root_ / "log", gzip("a\n"));
  open();
  EXPECT_TRUE(contains(next(), "only plain files can be followed"));
}

TEST_F(Follow, a_reader_that_waits_can_be_destroyed) {
  write_file(root_ / "log", "");
  open();
  catch_up();
}

}  // namespace
}  // namespace troth::source
