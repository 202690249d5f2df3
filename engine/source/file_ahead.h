// ReadAhead: reads and unpacks one input on a thread of its own, a bounded number of chunks ahead of who takes them, so
// that the thread that decodes events never waits for a disk or a decompressor it could have had at work.
//
// The taker's thread creates, calls next() and destroys; the thread within only reads. Memory: (chunks_ahead + 2)
// chunks, one of them in the hands of the taker, one being filled. Chunks are recycled. Destruction interrupts a
// waiting read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/source/file_input.h"
#include "engine/source/file_stream.h"

namespace troth::source {

/// A piece of the plain bytes; cut anywhere.
struct Chunk {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
  std::uint64_t input_position = 0;  // how far into the stored file this goes, for progress
};

class ReadAhead {
 public:
  enum class Outcome : std::uint8_t {
    kChunk,
    kEnd,
    kCaughtUp,  // follow: everything that is there now has been taken
    kTimedOut,
    kFailed,  // see failure(); everything before it has been taken
  };

  /// `input` may have been moved by seek(), then `format` must be plain. Without a format it is found out.
  ReadAhead(FileInput& input, std::optional<Format> format, bool follow, std::size_t chunk_bytes,
            std::size_t chunks_ahead);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Replaces `chunk` (whose memory is used again) if it answers kChunk. Waits at most `timeout_ms`; −1: for ever.
  [[nodiscard]] Outcome next(Chunk& chunk, int timeout_ms);
  /// After kFailed only.
  [[nodiscard]] const ReadFailure& failure() const { return failure_; }

 private:
  void run();
  [[nodiscard]] ReadState find_format();
  [[nodiscard]] ReadState read_chunk(Chunk& chunk);
  [[nodiscard]] std::unique_ptr<char[]> take_buffer();
  void put(Chunk chunk);
  void finish(Outcome how, ReadFailure failure);
  void set_caught_up();
  [[nodiscard]] Outcome outcome_now() const;

  FileInput& input_;
  const bool follow_;
  const std::size_t chunk_bytes_, chunks_ahead_;

  // The reading thread's own.
  std::optional<Format> format_;
  std::string prefix_;
  std::unique_ptr<ByteStream> stream_;

  std::mutex mutex_;
  std::condition_variable has_news_, has_room_;
  std::deque<Chunk> chunks_;  // guarded by mutex_, as all below
  std::vector<std::unique_ptr<char[]>> recycled_;
  bool is_caught_up_ = false;
  bool is_stopping_ = false;
  std::optional<Outcome> finished_;
  ReadFailure failure_;  // written once, before finished_

  std::thread thread_;  // last: begins when everything else stands
};

}  // namespace troth::source
