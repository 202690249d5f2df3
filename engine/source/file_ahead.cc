// See file_ahead.h.
#include "engine/source/file_ahead.h"

#include <chrono>
#include <utility>

#include "engine/base/assert.h"

namespace troth::source {

ReadAhead::ReadAhead(FileInput& input, std::optional<Format> format, bool follow, std::size_t chunk_bytes,
                     std::size_t chunks_ahead)
    : input_(input), follow_(follow), chunk_bytes_(chunk_bytes), chunks_ahead_(chunks_ahead), format_(format) {
  TROTH_ASSERT(chunk_bytes_ > 0 && chunks_ahead_ > 0);
  thread_ = std::thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_room_.notify_all();
  input_.interrupt();
  thread_.join();
}

ReadAhead::Outcome ReadAhead::outcome_now() const {
  if (!chunks_.empty()) return Outcome::kChunk;
  if (finished_) return *finished_;
  return is_caught_up_ ? Outcome::kCaughtUp : Outcome::kTimedOut;
}

ReadAhead::Outcome ReadAhead::next(Chunk& chunk, int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto has_news = [this] { return outcome_now() != Outcome::kTimedOut; };
  if (timeout_ms < 0) {
    has_news_.wait(lock, has_news);
  } else if (timeout_ms > 0) {
    has_news_.wait_for(lock, std::chrono::milliseconds(timeout_ms), has_news);
  }
  const Outcome outcome = outcome_now();
  if (outcome != Outcome::kChunk) return outcome;
  if (chunk.bytes) recycled_.push_back(std::move(chunk.bytes));
  chunk = std::move(chunks_.front());
  chunks_.pop_front();
  lock.unlock();
  has_room_.notify_one();
  return outcome;
}

// ------------------------------------------------------------------------------------------------ the reading thread

void ReadAhead::run() {
  ReadState state = find_format();
  if (state == ReadState::kData) {
    stream_ = open_stream(*format_, input_, std::move(prefix_));
    do {
      Chunk chunk{take_buffer()};
      if (!chunk.bytes) return;  // stopping
      state = read_chunk(chunk);
      if (state == ReadState::kData) put(std::move(chunk));
    } while (state == ReadState::kData);
  }
  if (state == ReadState::kEnd) finish(Outcome::kEnd, {});
  if (state == ReadState::kFailed) finish(Outcome::kFailed, stream_ ? stream_->failure() : input_.failure());
}

/// kData: the format is known. Otherwise why it will not be.
ReadState ReadAhead::find_format() {
  while (!format_) {
    std::string more(kFormatPrefix - prefix_.size(), '\0');
    const ReadResult got = input_.read(more.data(), more.size());
    if (got.state == ReadState::kNothingYet) {
      set_caught_up();
      input_.wait_for_growth();
      continue;
    }
    if (got.state != ReadState::kData && got.state != ReadState::kEnd) return got.state;
    prefix_.append(more, 0, got.bytes);
    format_ = format_of(prefix_, got.state == ReadState::kEnd);
  }
  if (!follow_ || format_ == Format::kPlain) return ReadState::kData;
  finish(Outcome::kFailed, {0, "is compressed, and only plain files can be followed", "Replay it without following."});
  return ReadState::kStopped;
}

ReadState ReadAhead::read_chunk(Chunk& chunk) {
  for (;;) {
    const ReadResult got = stream_->read(chunk.bytes.get(), chunk_bytes_);
    if (got.state == ReadState::kNothingYet) {
      set_caught_up();
      input_.wait_for_growth();
      continue;
    }
    chunk.size = got.bytes;
    chunk.input_position = input_.position();
    return got.state;
  }
}

/// Waits for room; nothing when stopping.
std::unique_ptr<char[]> ReadAhead::take_buffer() {
  std::unique_lock lock(mutex_);
  has_room_.wait(lock, [this] { return is_stopping_ || chunks_.size() < chunks_ahead_; });
  if (is_stopping_) return nullptr;
  if (recycled_.empty()) return std::make_unique_for_overwrite<char[]>(chunk_bytes_);
  std::unique_ptr<char[]> buffer = std::move(recycled_.back());
  recycled_.pop_back();
  return buffer;
}

void ReadAhead::put(Chunk chunk) {
  {
    const std::lock_guard lock(mutex_);
    chunks_.push_back(std::move(chunk));
    is_caught_up_ = false;
  }
  has_news_.notify_one();
}

void ReadAhead::finish(Outcome how, ReadFailure failure) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    finished_ = how;
  }
  has_news_.notify_one();
}

void ReadAhead::set_caught_up() {
  {
    const std::lock_guard lock(mutex_);
    is_caught_up_ = true;
  }
  has_news_.notify_one();
}

}  // namespace troth::source
