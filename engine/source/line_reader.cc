// See line_reader.h.
#include "engine/source/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/limits.h"

namespace troth::source {
namespace {

using base::limits::kLineBytesKept;

bool is_white(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

const char* skip_white(const char* from, const char* to) { return std::find_if_not(from, to, is_white); }

bool is_blank(std::string_view text) { return std::all_of(text.begin(), text.end(), is_white); }

}  // namespace

base::Result<std::unique_ptr<LineReader>> LineReader::open(const std::string& path, const LineReaderOptions& options) {
  auto input = FileInput::open(path, options.follow, options.stdin_fd);
  if (!input.ok()) return input.error();
  std::optional<Format> format;
  if ((*input)->is_seekable()) {
    auto prefix = (*input)->read_at(0, kFormatPrefix);
    if (!prefix.ok()) return prefix.error();
    format = format_of(*prefix, !options.follow);
  }
  return std::unique_ptr<LineReader>(new LineReader(path, options, std::move(input).value(), format));
}

LineReader::LineReader(std::string name, const LineReaderOptions& options, std::unique_ptr<FileInput> input,
                       std::optional<Format> format)
    : name_(std::move(name)), options_(options), input_(std::move(input)), format_(format) {
  // A file that is followed may be empty yet: then its first bytes decide when they come.
  if (options_.follow && format_ != Format::kPlain) format_.reset();
}

std::string LineReader::shown_name() const { return name_ == "-" ? "standard input" : name_; }

// ------------------------------------------------------------------------------------------------------------- lines

base::Result<LineReader::Outcome> LineReader::next(Line& line, int timeout_ms) {
  release_line();
  for (;;) {
    if (cursor_ == chunk_end_) {
      const Refill refilled = refill(timeout_ms);
      if (refilled == Refill::kFailed) return *error_;
      if (refilled == Refill::kEnd) return take_last_line(line);
      if (refilled != Refill::kData) return outcome_of(refilled);
    }
    const auto length = static_cast<std::size_t>(chunk_end_ - cursor_);
    const auto* feed = static_cast<const char*>(std::memchr(cursor_, '\n', length));
    if (feed == nullptr) {
      keep(cursor_, chunk_end_);
    } else if (take_line(line, feed)) {
      return Outcome::kLine;
    }
  }
}

base::Result<LineReader::Outcome> LineReader::peek(int timeout_ms) {
  release_line();
  if (error_) return *error_;
  while (carried_bytes_ == 0 || carried_is_blank_) {
    if (cursor_ == chunk_end_) {
      const Refill refilled = refill(timeout_ms);
      if (refilled == Refill::kFailed) return *error_;
      if (refilled != Refill::kData) return outcome_of(refilled);
    }
    const char* first = skip_white(cursor_, chunk_end_);
    if (first == chunk_end_) {
      keep(cursor_, chunk_end_);
      continue;
    }
    if (*first != '\n') return Outcome::kLine;
    plain_position_ += static_cast<std::uint64_t>(first + 1 - cursor_);
    cursor_ = first + 1;
    ++line_number_;
    begin_line();
  }
  return Outcome::kLine;
}

LineReader::Outcome LineReader::outcome_of(Refill refill) {
  switch (refill) {
    case Refill::kEnd:
      return Outcome::kEnd;
    case Refill::kCaughtUp:
      return Outcome::kCaughtUp;
    case Refill::kTimedOut:
      return Outcome::kTimedOut;
    case Refill::kData:
    case Refill::kFailed:
      break;
  }
  TROTH_ASSERT(false && "neither data nor a failure is an outcome by itself");
  return Outcome::kEnd;
}

void LineReader::begin_line() {
  carried_.clear();
  carried_bytes_ = 0;
  carried_is_blank_ = true;
}

void LineReader::release_line() {
  if (carried_is_handed_out_) begin_line();
  carried_is_handed_out_ = false;
}

/// Consumes a piece of a line whose end is not in sight.
void LineReader::keep(const char* from, const char* to) {
  const std::string_view piece(from, static_cast<std::size_t>(to - from));
  if (carried_is_blank_) carried_is_blank_ = is_blank(piece);
  carried_bytes_ += piece.size();
  if (carried_bytes_ <= kLineBytesKept) {
    carried_ += piece;
  } else {
    carried_.clear();
  }
  plain_position_ += piece.size();
  cursor_ = to;
}

/// Consumes the line that ends at `feed`; false if it is blank.
bool LineReader::take_line(Line& line, const char* feed) {
  bool is_line = false;
  if (carried_bytes_ == 0) {
    const std::string_view text(cursor_, static_cast<std::size_t>(feed - cursor_));
    plain_position_ += text.size() + 1;
    is_line = !is_blank(text);
    if (is_line) fill(line, text);
  } else {
    keep(cursor_, feed);
    plain_position_ += 1;
    is_line = !carried_is_blank_;
    if (is_line) {
      fill(line, carried_);
      line.bytes = carried_bytes_;
      line.is_oversize = carried_bytes_ > kLineBytesKept;
      carried_is_handed_out_ = true;
    } else {
      begin_line();
    }
  }
  cursor_ = feed + 1;
  ++line_number_;
  return is_line;
}

/// At the end of the input: the line that lacks its '\n', if there is one.
LineReader::Outcome LineReader::take_last_line(Line& line) {
  if (carried_bytes_ == 0 || carried_is_blank_) return Outcome::kEnd;
  fill(line, carried_);
  line.bytes = carried_bytes_;
  line.is_oversize = carried_bytes_ > kLineBytesKept;
  carried_is_handed_out_ = true;
  ++line_number_;
  return Outcome::kLine;
}

void LineReader::fill(Line& line, std::string_view text) {
  line.bytes = text.size();
  line.is_oversize = text.size() > kLineBytesKept;
  line.text = line.is_oversize ? std::string_view{} : text;
  line.number = line_number_;
  line.end = plain_position_;
}

LineReader::Refill LineReader::refill(int timeout_ms) {
  if (error_) return Refill::kFailed;
  if (!ahead_) {
    ahead_ = std::make_unique<ReadAhead>(*input_, format_, options_.follow && input_->is_seekable(),
                                         options_.chunk_bytes, options_.chunks_ahead);
  }
  switch (ahead_->next(chunk_, timeout_ms)) {
    case ReadAhead::Outcome::kEnd:
      return Refill::kEnd;
    case ReadAhead::Outcome::kCaughtUp:
      return Refill::kCaughtUp;
    case ReadAhead::Outcome::kTimedOut:
      return Refill::kTimedOut;
    case ReadAhead::Outcome::kChunk:
      break;
    case ReadAhead::Outcome::kFailed: {
      const ReadFailure& failure = ahead_->failure();
      error_ = base::Error{shown_name() + ": byte " + std::to_string(failure.position) + ": " + failure.reason + "; " +
                           std::to_string(line_number_) + " lines were read. " + failure.advice};
      return Refill::kFailed;
    }
  }
  cursor_ = chunk_.bytes.get();
  chunk_end_ = cursor_ + chunk_.size;
  bytes_used_ = chunk_.input_position;
  return Refill::kData;
}

// -------------------------------------------------------------------------------------------------------------- skip

base::Status LineReader::skip(std::uint64_t lines, std::uint64_t plain_bytes) {
  TROTH_ASSERT(!ahead_ && line_number_ == 0);
  if (plain_bytes == 0) return base::success();
  const bool can_seek = input_->is_seekable() && format_ == Format::kPlain;
  return can_seek ? skip_by_seeking(lines, plain_bytes) : skip_by_reading(lines, plain_bytes);
}

base::Error LineReader::changed(const std::string& how) const {
  return base::Error{shown_name() + ": " + how +
                     ": this is not the input that was read before. Give the same input, or begin anew with another "
                     "state directory."};
}

base::Status LineReader::skip_by_seeking(std::uint64_t lines, std::uint64_t plain_bytes) {
  const std::uint64_t size = *input_->size();
  if (size < plain_bytes) {
    return changed("it has " + std::to_string(size) + " bytes, but " + std::to_string(plain_bytes) +
                   " were read of it before");
  }
  std::uint64_t begin = plain_bytes;
  const auto bytes = input_->read_at(plain_bytes - 1, 2);
  if (!bytes.ok()) return bytes.error();
  const std::string& around = *bytes;
  const bool ended_with_feed = !around.empty() && around[0] == '\n';
  // The last line may have lacked its '\n' when it was read, and have got it since.
  const bool has_got_feed = around.size() == 2 && around[1] == '\n';
  if (!ended_with_feed && has_got_feed) ++begin;
  if (!ended_with_feed && !has_got_feed && size != plain_bytes) {
    return changed("no line begins at byte " + std::to_string(plain_bytes));
  }
  if (!input_->seek(begin)) return changed("it cannot be read from byte " + std::to_string(begin) + " on");
  line_number_ = lines;
  plain_position_ = begin;
  bytes_used_ = begin;
  return base::success();
}

base::Status LineReader::skip_by_reading(std::uint64_t lines, std::uint64_t plain_bytes) {
  std::uint64_t feeds = 0;
  char last = '\n';
  while (plain_position_ < plain_bytes) {
    if (cursor_ == chunk_end_) {
      const Refill refilled = refill(-1);
      if (refilled == Refill::kFailed) return *error_;
      if (refilled != Refill::kData) {
        return changed("it ends after " + std::to_string(plain_position_) + " plain bytes, but " +
                       std::to_string(plain_bytes) + " were read of it before");
      }
    }
    const auto here = static_cast<std::uint64_t>(chunk_end_ - cursor_);
    const std::uint64_t bytes = std::min(here, plain_bytes - plain_position_);
    feeds += static_cast<std::uint64_t>(std::count(cursor_, cursor_ + bytes, '\n'));
    cursor_ += bytes;
    plain_position_ += bytes;
    last = cursor_[-1];
  }
  if (last != '\n') {  // as in skip_by_seeking
    const Refill refilled = cursor_ == chunk_end_ ? refill(-1) : Refill::kData;
    if (refilled == Refill::kFailed) return *error_;
    if (refilled == Refill::kData && *cursor_ != '\n') {
      return changed("no line begins at plain byte " + std::to_string(plain_bytes));
    }
    if (refilled == Refill::kData) {
      ++cursor_;
      ++plain_position_;
    }
    ++feeds;
  }
  if (feeds != lines) {
    return changed("its first " + std::to_string(plain_bytes) + " plain bytes hold " + std::to_string(feeds) +
                   " lines, not " + std::to_string(lines));
  }
  line_number_ = lines;
  return base::success();
}

}  // namespace troth::source
