// FileSource: all files of a run merged into one sequence of decoded records, by the least time at their heads
// (TRUST_MODEL 2.3): ties go to the file named first, a line without a valid time goes at once, each file keeps its own
// order. The sequence depends on the contents alone, not on how fast which file could be read, nor on where a run was
// cut in two: position() and seek() continue it exactly.
//
// Driven by one thread, which also decodes (the merge needs to know times); one thread per file reads ahead.
//
// Follow: files that grow do not end. One that has nothing for now does not hold back the others (is_caught_up), so
// what comes later is in order of arrival only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/line_reader.h"
#include "engine/task/record.h"

namespace troth::source {

/// Judges a record by its content alone; fills merge_time where the record has a valid time, also if it is otherwise
/// refused.
using DecodeFn = std::function<task::Decoded(task::Record)>;

struct FileSourceOptions {
  bool follow = false;
  int stdin_fd = 0;
  /// Memory for reading ahead, all inputs together; more where there are so many inputs that each gets its least.
  std::size_t read_ahead_bytes = 16 * 1024 * 1024;
};

class FileSource {
 public:
  struct Item {
    task::Decoded decoded;
    bool last_of_input = false;  // nothing but blank lines follows in this input
  };

  /// `paths` as given on the command line; "-", or no path at all, is standard input (at most once).
  [[nodiscard]] static base::Result<std::unique_ptr<FileSource>> open(std::vector<std::string> paths, DecodeFn decode,
                                                                      const FileSourceOptions& options = {});

  /// The paths as given, which are also what dead letters name as their topic: "-" for standard input.
  [[nodiscard]] const std::vector<std::string>& inputs() const { return names_; }

  /// Goes on where the source stood that answered `position` (empty: at the beginning). Before the first poll. An input
  /// that had ended and looks as it did then is_ended() at once and will not be heard of again. One that may have grown
  /// is open: it brings further items, or ends once more by take_ended().
  [[nodiscard]] base::Status seek(std::string_view position);

  /// Appends at most `max` items and answers how many; 0: all inputs are at their end, or nothing came within
  /// `timeout_ms` (at_end() tells which; −1: waits for ever). An error comes after all items before it and is final.
  [[nodiscard]] base::Result<std::size_t> poll(std::vector<Item>& out, std::size_t max, int timeout_ms = -1);

  /// Inputs that turned out to have no (further) record, without having given a last one in this run: empty files,
  /// above all. Each is named once. They ended before the items of the poll that found them.
  [[nodiscard]] std::vector<std::uint16_t> take_ended() { return std::exchange(ended_news_, {}); }

  [[nodiscard]] bool at_end() const { return open_inputs_ == 0; }
  /// Its last record has been delivered, or it never had one.
  [[nodiscard]] bool is_ended(std::uint16_t input) const { return inputs_.at(input).is_ended; }
  /// Follow: everything that was there has been delivered.
  [[nodiscard]] bool is_caught_up(std::uint16_t input) const { return inputs_.at(input).is_caught_up; }

  /// Where this source stands after the items delivered so far.
  [[nodiscard]] std::string position() const;

  struct Progress {
    std::uint64_t bytes_used = 0;
    std::uint64_t bytes_total = 0;  // 0: unknown
  };
  [[nodiscard]] Progress progress() const;

 private:
  struct Place {
    std::uint64_t line = 0;
    std::uint64_t byte = 0;  // plain
  };
  struct Input {
    std::unique_ptr<LineReader> reader;
    std::optional<task::Decoded> head;
    Place after_head;  // valid with a head
    Place delivered;   // after the last item delivered
    bool is_ended = false;
    /// It had ended at `position`, and it is not known yet whether it has grown; holds its size then (0: unknown, else
    /// one more than the size).
    std::optional<std::uint64_t> ended_at_size;
    bool is_caught_up = false;
  };
  enum class Filled : std::uint8_t { kAll, kTimedOut };

  FileSource(std::vector<std::string> names, DecodeFn decode, bool follow);
  [[nodiscard]] base::Result<Filled> fill_heads(int timeout_ms);
  [[nodiscard]] base::Result<LineReader::Outcome> fill_head(std::uint16_t input, int timeout_ms);
  [[nodiscard]] task::Decoded decode(std::uint16_t input, const Line& line) const;
  [[nodiscard]] base::Result<bool> deliver_least(std::vector<Item>& out, int timeout_ms);
  void end(std::uint16_t input);

  std::vector<std::string> names_;
  DecodeFn decode_;
  bool follow_;
  std::vector<Input> inputs_;
  std::vector<std::uint16_t> headless_;                         // open inputs whose next line has not been looked at
  std::vector<std::pair<event::TimeUs, std::uint16_t>> heads_;  // heap, the least on top; no time: before all times
  std::vector<std::uint16_t> ended_news_;
  std::size_t open_inputs_ = 0;
  bool has_begun_ = false;
};

}  // namespace troth::source
