// See file_source.h.
#include "engine/source/file_source.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/limits.h"

namespace troth::source {
namespace {

constexpr std::uint8_t kPositionVersion = 1;
constexpr event::TimeUs kAtOnce = std::numeric_limits<event::TimeUs>::min();
constexpr std::size_t kChunksAhead = 4;
constexpr std::size_t kChunkBytesMin = 16 * 1024;
constexpr std::size_t kChunkBytesMax = 256 * 1024;
constexpr int kIdleSleepMs = 10;

using Outcome = LineReader::Outcome;

LineReaderOptions reader_options(const FileSourceOptions& options, std::size_t inputs) {
  const std::size_t share = options.read_ahead_bytes / (inputs * (kChunksAhead + 2));  // see file_ahead.h
  return {.follow = options.follow,
          .stdin_fd = options.stdin_fd,
          .chunk_bytes = std::clamp(share, kChunkBytesMin, kChunkBytesMax),
          .chunks_ahead = kChunksAhead};
}

constexpr std::uint64_t kUnknownSize = 0;

/// The size of a stored file as a position holds it: one more, so that 0 can mean unknown.
std::uint64_t size_mark(const LineReader& reader) {
  const auto size = reader.size();
  return size ? *size + 1 : kUnknownSize;
}

/// What is left of a time limit; −1 is none.
class TimeLimit {
 public:
  explicit TimeLimit(int ms) : is_endless_(ms < 0), until_(Clock::now() + std::chrono::milliseconds(std::max(ms, 0))) {}
  [[nodiscard]] int left_ms() const {
    if (is_endless_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
    return static_cast<int>(std::max<decltype(left)>(left, 0));
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool is_endless_;
  Clock::time_point until_;
};

}  // namespace

base::Result<std::unique_ptr<FileSource>> FileSource::open(std::vector<std::string> paths, DecodeFn decode,
                                                           const FileSourceOptions& options) {
  if (paths.empty()) paths.emplace_back("-");
  if (paths.size() > base::limits::kInputs) {
    return base::Error{std::to_string(paths.size()) + " files are given, at most " +
                       std::to_string(base::limits::kInputs) + " can be merged. Put some of them together."};
  }
  if (std::count(paths.begin(), paths.end(), "-") > 1) {
    return base::Error{"\"-\" (standard input) is given more than once; it can be read only once. Name it once."};
  }
  const LineReaderOptions each = reader_options(options, paths.size());
  std::unique_ptr<FileSource> source(new FileSource(std::move(paths), std::move(decode), options.follow));
  for (const std::string& name : source->names_) {
    auto reader = LineReader::open(name, each);
    if (!reader.ok()) return reader.error();
    source->headless_.push_back(static_cast<std::uint16_t>(source->inputs_.size()));
    source->inputs_.emplace_back().reader = std::move(reader).value();
  }
  source->open_inputs_ = source->inputs_.size();
  return source;
}

FileSource::FileSource(std::vector<std::string> names, DecodeFn decode, bool follow)
    : names_(std::move(names)), decode_(std::move(decode)), follow_(follow) {}

// ------------------------------------------------------------------------------------------------------------- merge

base::Result<std::size_t> FileSource::poll(std::vector<Item>& out, std::size_t max, int timeout_ms) {
  has_begun_ = true;
  const TimeLimit limit(timeout_ms);
  std::size_t delivered = 0;
  while (delivered < max) {
    // Only the first item is worth waiting for: those after it would be held back from the caller.
    const int wait_ms = delivered == 0 ? limit.left_ms() : 0;
    const auto filled = fill_heads(wait_ms);
    if (!filled.ok()) {
      if (delivered > 0) break;  // it will be answered again
      return filled.error();
    }
    if (at_end() || (filled.value() == Filled::kTimedOut)) break;
    if (heads_.empty()) {  // follow: all are caught up
      if (delivered > 0 || wait_ms == 0) break;
      const int sleep_ms = wait_ms < 0 ? kIdleSleepMs : std::min(wait_ms, kIdleSleepMs);
      std::this_thread::sleep_for(std::chrono::milliseconds(sleep_ms));
      continue;
    }
    const auto went = deliver_least(out, wait_ms);
    if (!went.ok()) return went.error();
    if (!went.value()) break;
    ++delivered;
  }
  return delivered;
}

/// Looks at the next line of every open input: nothing may be delivered before each of them could have come first.
base::Result<FileSource::Filled> FileSource::fill_heads(int timeout_ms) {
  if (headless_.empty()) return Filled::kAll;
  const TimeLimit limit(timeout_ms);
  std::vector<std::uint16_t> caught_up;
  while (!headless_.empty()) {
    const std::uint16_t input = headless_.back();
    const auto filled = fill_head(input, limit.left_ms());
    if (!filled.ok() || filled.value() == Outcome::kTimedOut) {
      headless_.insert(headless_.end(), caught_up.begin(), caught_up.end());
      if (!filled.ok()) return filled.error();
      return Filled::kTimedOut;
    }
    headless_.pop_back();
    if (filled.value() == Outcome::kCaughtUp) caught_up.push_back(input);
    if (filled.value() == Outcome::kEnd) end(input);
  }
  headless_.insert(headless_.end(), caught_up.begin(), caught_up.end());
  std::sort(ended_news_.begin(), ended_news_.end());
  return Filled::kAll;
}

base::Result<Outcome> FileSource::fill_head(std::uint16_t index, int timeout_ms) {
  Input& input = inputs_[index];
  Line line;
  auto outcome = input.reader->next(line, timeout_ms);
  if (!outcome.ok()) return outcome;
  input.is_caught_up = outcome.value() == Outcome::kCaughtUp;
  if (outcome.value() != Outcome::kLine) return outcome;
  input.ended_at_size.reset();
  input.head = decode(index, line);
  input.after_head = {line.number + 1, line.end};
  heads_.emplace_back(input.head->merge_time.value_or(kAtOnce), index);
  std::push_heap(heads_.begin(), heads_.end(), std::greater<>());
  return outcome;
}

task::Decoded FileSource::decode(std::uint16_t input, const Line& line) const {
  task::Record record;
  record.origin = {.input = input, .partition = 0, .offset = static_cast<std::int64_t>(line.number)};
  if (!line.is_oversize) {
    record.value.emplace(line.text);
    return decode_(std::move(record));
  }
  // Its bytes were not kept, so there is nothing to decode; the dead letter of `too_large` does not show them either.
  record.value.emplace();
  task::Decoded decoded;
  decoded.rejection = event::Rejection{event::Reason::kTooLarge, {}};
  decoded.record = std::move(record);
  return decoded;
}

/// False if it is not known in time whether the least head is the last of its input.
base::Result<bool> FileSource::deliver_least(std::vector<Item>& out, int timeout_ms) {
  const std::uint16_t index = heads_.front().second;
  Input& input = inputs_[index];
  bool is_last = false;
  if (!follow_) {
    // Damage behind this line is not this line's: it will be met when the next one is asked for.
    const auto more = input.reader->peek(timeout_ms);
    if (more.ok() && more.value() == Outcome::kTimedOut) return false;
    is_last = more.ok() && more.value() == Outcome::kEnd;
  }
  std::pop_heap(heads_.begin(), heads_.end(), std::greater<>());
  heads_.pop_back();
  Item& item = out.emplace_back();
  item.decoded = std::move(*input.head);
  item.last_of_input = is_last;
  input.head.reset();
  input.delivered = input.after_head;
  if (is_last) {
    input.is_ended = true;
    --open_inputs_;
  } else {
    headless_.push_back(index);
  }
  return true;
}

/// Ends an input that has no head: it is empty, or had ended in an earlier run, or (follow) is a pipe that was closed.
void FileSource::end(std::uint16_t index) {
  Input& input = inputs_[index];
  input.is_ended = true;
  input.ended_at_size.reset();
  --open_inputs_;
  ended_news_.push_back(index);
}

// ---------------------------------------------------------------------------------------------------------- position

std::string FileSource::position() const {
  base::ByteWriter out;
  out.u8(kPositionVersion);
  out.varint(inputs_.size());
  for (const Input& input : inputs_) {
    out.varint(input.delivered.line);
    out.varint(input.delivered.byte);
    const bool is_ended = input.is_ended || input.ended_at_size.has_value();
    out.boolean(is_ended);
    if (is_ended) out.varint(input.ended_at_size.value_or(size_mark(*input.reader)));
  }
  return std::move(out).take();
}

base::Status FileSource::seek(std::string_view position) {
  TROTH_ASSERT(!has_begun_);
  if (position.empty()) return base::success();
  base::ByteReader in(position);
  if (in.u8() != kPositionVersion) {
    return base::Error{
        "the stored position of the input files is damaged or was written by a newer troth. Use that "
        "version, or begin anew with another state directory."};
  }
  if (in.varint() != inputs_.size()) {
    return base::Error{
        "the state was made with another number of input files. Give the same files in the same order, "
        "or begin anew with another state directory."};
  }
  headless_.clear();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    input.delivered.line = in.varint();
    input.delivered.byte = in.varint();
    const bool had_ended = in.boolean();
    if (had_ended) input.ended_at_size = in.varint();
    if (!in.ok()) break;
    // An input that ended and has its old size need not be read, or unpacked, again.
    if (had_ended && input.ended_at_size != kUnknownSize && input.ended_at_size == size_mark(*input.reader)) {
      input.is_ended = true;
      --open_inputs_;
      continue;
    }
    auto skipped = input.reader->skip(input.delivered.line, input.delivered.byte);
    if (!skipped.ok()) return skipped;
    headless_.push_back(static_cast<std::uint16_t>(i));
  }
  if (!in.ok() || !in.at_end()) {
    return base::Error{"the stored position of the input files is damaged. Begin anew with another state directory."};
  }
  return base::success();
}

FileSource::Progress FileSource::progress() const {
  Progress sum;
  bool is_known = true;
  for (const Input& input : inputs_) {
    const std::optional<std::uint64_t> total = input.reader->size();
    is_known = is_known && total.has_value();
    sum.bytes_total += total.value_or(0);
    // One that had ended before is not read again; one that grew while it was read never shows more than everything.
    const std::uint64_t used = input.reader->bytes_used();
    sum.bytes_used += total ? (input.is_ended ? *total : std::min(used, *total)) : used;
  }
  if (!is_known) sum.bytes_total = 0;
  return sum;
}

}  // namespace troth::source
