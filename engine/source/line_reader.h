// LineReader: the lines of one NDJSON input: a file (plain, gzip or zstd, told apart by content), a pipe, or standard
// input ("-"). One thread uses it; a second one within reads ahead (file_ahead.h).
//
// What a line is: bytes up to and without '\n'; the last one may lack its '\n'; a '\r' before it belongs to the
// message. A line of white space alone (space, tab, '\r') yields nothing but counts in the numbers of the lines after
// it. A line of more than limits::kLineBytesKept bytes is delivered without its bytes: memory stays bounded whatever
// the input is.
//
// Damage is an error that names file, byte and reason and comes after every whole line before it. An error stays: all
// later calls answer it again.
//
// Follow (plain files): at the end it waits for growth; a last line without '\n' waits for it. See file_input.h for
// rotation. Such an input never ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/source/file_ahead.h"
#include "engine/source/file_input.h"

namespace troth::source {

struct Line {
  std::string_view text;    // until the next call of the reader; empty if oversize
  std::uint64_t bytes = 0;  // of the line, also if oversize
  bool is_oversize = false;
  std::uint64_t number = 0;  // counted from 0
  std::uint64_t end = 0;     // where the next line begins, in plain bytes
};

struct LineReaderOptions {
  bool follow = false;
  int stdin_fd = 0;
  std::size_t chunk_bytes = 256 * 1024;
  std::size_t chunks_ahead = 4;
};

class LineReader {
 public:
  /// Finds out at once what can be known without reading: a missing or unreadable file, a directory.
  [[nodiscard]] static base::Result<std::unique_ptr<LineReader>> open(const std::string& path,
                                                                      const LineReaderOptions& options = {});

  /// Goes on behind the first `lines` lines, which are `plain_bytes` long. Before the first line is asked for. Plain
  /// files are not read again; others are unpacked and counted. An error if the input is not the one it was, as far as
  /// lengths and line ends tell.
  [[nodiscard]] base::Status skip(std::uint64_t lines, std::uint64_t plain_bytes);

  enum class Outcome : std::uint8_t {
    kLine,
    kEnd,
    kCaughtUp,  // follow: no whole line for now
    kTimedOut,
  };
  /// Waits at most `timeout_ms`; −1: for ever.
  [[nodiscard]] base::Result<Outcome> next(Line& line, int timeout_ms = -1);
  /// kLine if there is a line to come (blank ones do not count), which need not have arrived as a whole.
  [[nodiscard]] base::Result<Outcome> peek(int timeout_ms = -1);

  /// As given.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Bytes of the stored file used so far, roughly.
  [[nodiscard]] std::uint64_t bytes_used() const { return bytes_used_; }
  /// Of the stored file when it was opened; nothing for pipes and standard input.
  [[nodiscard]] std::optional<std::uint64_t> size() const { return input_->size(); }

 private:
  LineReader(std::string name, const LineReaderOptions& options, std::unique_ptr<FileInput> input,
             std::optional<Format> format);

  enum class Refill : std::uint8_t { kData, kEnd, kCaughtUp, kTimedOut, kFailed };
  [[nodiscard]] Refill refill(int timeout_ms);
  [[nodiscard]] static Outcome outcome_of(Refill refill);
  void begin_line();
  void release_line();
  void keep(const char* from, const char* to);
  [[nodiscard]] bool take_line(Line& line, const char* feed);
  [[nodiscard]] Outcome take_last_line(Line& line);
  void fill(Line& line, std::string_view text);
  [[nodiscard]] base::Status skip_by_seeking(std::uint64_t lines, std::uint64_t plain_bytes);
  [[nodiscard]] base::Status skip_by_reading(std::uint64_t lines, std::uint64_t plain_bytes);
  [[nodiscard]] base::Error changed(const std::string& how) const;
  [[nodiscard]] std::string shown_name() const;

  const std::string name_;
  const LineReaderOptions options_;
  std::unique_ptr<FileInput> input_;
  std::optional<Format> format_;      // known before reading only for files
  std::unique_ptr<ReadAhead> ahead_;  // begins with the first read, so that skip() may seek
  std::optional<base::Error> error_;

  Chunk chunk_;
  const char* cursor_ = nullptr;  // the first byte of the chunk that is not consumed
  const char* chunk_end_ = nullptr;

  // The line that is being put together from several chunks.
  std::string carried_;  // its bytes so far, unless there are too many
  std::uint64_t carried_bytes_ = 0;
  bool carried_is_blank_ = true;
  bool carried_is_handed_out_ = false;  // dropped at the next call

  std::uint64_t line_number_ = 0;
  std::uint64_t plain_position_ = 0;  // of cursor_
  std::uint64_t bytes_used_ = 0;
};

}  // namespace troth::source
