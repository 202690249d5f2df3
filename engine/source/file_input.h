// FileInput: the raw bytes of one file, pipe or standard input, with the three things read(2) does not give: a name for
// what went wrong, a way to interrupt a read that waits, and waiting for a file that grows (follow).
//
// Owned by a ReadAhead, whose thread calls read(); only interrupt() may be called from another thread. Everything else
// (open, seek, read_at) happens before that thread starts.
//
// Follow, in words: at the end of the file it looks again every kFollowPollMs. A file that became shorter, or a path
// that leads to another file now (rotation), is a failure, never a silent jump: positions count bytes and lines of one
// file, and nobody could tell what they mean in the next. A path that leads nowhere for a while is waited for. (A file
// that is cut and has outgrown its old length within one poll cannot be told from one that only grew: rotate by
// renaming.)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/result.h"

namespace troth::source {

inline constexpr int kFollowPollMs = 50;

/// Why reading had to stop. The caller adds the name of the file and the number of lines.
struct ReadFailure {
  std::uint64_t position = 0;  // in the file as it is stored
  std::string reason;          // continues "byte N: …"
  std::string advice;          // a sentence
};

enum class ReadState : std::uint8_t {
  kData,        // at least one byte
  kEnd,         // nothing more, for good
  kNothingYet,  // follow: nothing more for now
  kStopped,     // interrupted
  kFailed,      // see failure()
};

struct ReadResult {
  ReadState state = ReadState::kEnd;
  std::size_t bytes = 0;
};

class FileInput {
 public:
  /// `path` "-" is standard input, read from `stdin_fd`.
  [[nodiscard]] static base::Result<std::unique_ptr<FileInput>> open(const std::string& path, bool follow,
                                                                     int stdin_fd = 0);
  ~FileInput();
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;

  [[nodiscard]] ReadResult read(char* into, std::size_t size);
  [[nodiscard]] const ReadFailure& failure() const { return failure_; }
  /// Any thread: the read that is waiting now and all later ones answer kStopped.
  void interrupt();
  /// Follow: sleeps one poll interval or until interrupted.
  void wait_for_growth();

  /// False: a pipe, a terminal or standard input, which can only be read forward.
  [[nodiscard]] bool is_seekable() const { return size_.has_value(); }
  /// When opened; nothing if unknown.
  [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; }
  /// Bytes read so far.
  [[nodiscard]] std::uint64_t position() const { return position_; }

  /// At most `size` bytes from `offset`, without moving; empty at the end. Seekable inputs only.
  [[nodiscard]] base::Result<std::string> read_at(std::uint64_t offset, std::size_t size) const;
  [[nodiscard]] bool seek(std::uint64_t offset);

 private:
  FileInput(std::string path, int fd, int wake_fd, bool follow, std::optional<std::uint64_t> size);
  [[nodiscard]] bool wait_until_readable();
  [[nodiscard]] ReadResult at_end_of_growing_file();
  [[nodiscard]] ReadResult fail(std::string reason, std::string advice);

  std::string path_;
  int fd_;
  int wake_fd_;  // an eventfd: becomes readable by interrupt()
  bool follow_;
  std::optional<std::uint64_t> size_;
  std::uint64_t position_ = 0;
  bool was_replaced_ = false;
  std::atomic<bool> interrupted_{false};
  ReadFailure failure_;
};

}  // namespace troth::source
