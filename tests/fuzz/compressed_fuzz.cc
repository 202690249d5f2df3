// Any bytes as a file of lines: plain, gzip or zstd. The lines are held against a second unpacking of the whole, made
// here in the plainest way: all of them if the reader came to the end, the first of them if it met damage. Memory is
// watched by the fuzzer's limit: a bomb may unpack for as long as kPlainMax, and must not be kept.
// The first byte of an input chooses how much is read at once.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "engine/base/limits.h"
#include "engine/source/file_stream.h"
#include "engine/source/line_reader.h"
#include "tests/fuzz/fuzz.h"

namespace troth::fuzz {
namespace {

constexpr std::size_t kPlainMax = std::size_t{160} << 10U;  // of an input that unpacks to more, the rest is not read

/// As far as it goes; at most a little more than kPlainMax.
std::string gunzip(std::string_view packed) {
  std::string plain;
  while (!packed.empty() && plain.size() <= kPlainMax) {
    z_stream stream{};
    require(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "zlib");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    int outcome = Z_OK;
    while (outcome == Z_OK && plain.size() <= kPlainMax) {
      char out[65536];
      stream.next_out = reinterpret_cast<Bytef*>(out);
      stream.avail_out = sizeof out;
      outcome = inflate(&stream, Z_NO_FLUSH);
      plain.append(out, sizeof out - stream.avail_out);
    }
    packed.remove_prefix(packed.size() - stream.avail_in);
    inflateEnd(&stream);
    if (outcome != Z_STREAM_END) break;
  }
  return plain;
}

std::string unzstd(std::string_view packed) {
  std::string plain;
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, source::kZstdWindowLog);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  for (bool goes_on = true; goes_on && plain.size() <= kPlainMax;) {
    char bytes[65536];
    ZSTD_outBuffer out{bytes, sizeof bytes, 0};
    const std::size_t before = in.pos;
    const std::size_t outcome = ZSTD_decompressStream(context, &out, &in);
    plain.append(bytes, out.pos);
    goes_on = ZSTD_isError(outcome) == 0U && (in.pos != before || out.pos != 0);
  }
  ZSTD_freeDCtx(context);
  return plain;
}

std::string unpacked(std::string_view stored) {
  const auto format = source::format_of(stored.substr(0, source::kFormatPrefix), stored.size() <= source::kFormatPrefix);
  require(format.has_value(), "four bytes tell the format");
  switch (*format) {
    case source::Format::kGzip: return gunzip(stored);
    case source::Format::kZstd: return unzstd(stored);
    case source::Format::kPlain: break;
  }
  return std::string(stored);
}

/// The lines of a text by the book, one after the other.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) return line;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t number() const { return number_ - 1; }

 private:
  std::string_view rest_;
  std::uint64_t number_ = 0;
};

void check(std::string_view stored, std::size_t chunk_bytes) {
  const int file = memfd_create("fuzz", MFD_CLOEXEC);
  require(file >= 0, "a file in memory");
  require(write(file, stored.data(), stored.size()) == static_cast<ssize_t>(stored.size()), "written");
  {
    source::LineReaderOptions options;
    options.chunk_bytes = chunk_bytes;
    auto reader = source::LineReader::open("/proc/self/fd/" + std::to_string(file), options);
    require(reader.ok(), "the file opens");
    const std::string plain = unpacked(stored);
    Lines lines(plain);
    std::uint64_t bytes = 0;
    source::Line line;
    while (bytes <= kPlainMax / 2) {
      const auto outcome = (*reader)->next(line);
      if (!outcome) {
        require_readable(outcome.error().message);
        require(!(*reader)->next(line).ok(), "an error stays");
        break;
      }
      if (*outcome == source::LineReader::Outcome::kEnd) {
        if (plain.size() <= kPlainMax) require(!lines.next(), "at the end all lines were told");
        break;
      }
      require(*outcome == source::LineReader::Outcome::kLine, "without a time limit there is a line or an end");
      bytes = line.end;
      if (bytes > plain.size()) break;  // beyond what was unpacked here
      const auto expected = lines.next();
      require(expected.has_value(), "no line that is not there");
      require(line.number == lines.number() && line.bytes == expected->size(), "its number and length");
      require(line.is_oversize == (line.bytes > base::limits::kLineBytesKept), "oversize is oversize");
      require(line.text == (line.is_oversize ? std::string_view() : *expected), "its text");
    }
  }
  close(file);
}

}  // namespace
}  // namespace troth::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // Small pieces only of what does not unpack to a thousand times its size: each is handed from thread to thread.
  const std::string_view stored = troth::fuzz::view(data + 1, size - 1);
  const bool is_plain = troth::source::format_of(stored.substr(0, 4), true) == troth::source::Format::kPlain;
  constexpr std::size_t kChunks[] = {64 * 1024, 251, 1021, 4096};
  troth::fuzz::check(stored, is_plain ? data[0] % 64U + 1U : kChunks[data[0] % 4]);
  return 0;
}
