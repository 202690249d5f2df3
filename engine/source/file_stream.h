// ByteStream: the plain bytes of an input, whatever it is packed in. Plain, gzip (also several members in a row) and
// zstd (also several frames) are told apart by the first bytes, never by the name. Memory is constant whatever the
// input unpacks to, apart from the window that a zstd frame asks for, which is limited to kZstdWindowLog.
//
// One stream belongs to one ReadAhead thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/source/file_input.h"

namespace troth::source {

enum class Format : std::uint8_t { kPlain, kGzip, kZstd };

/// A zstd frame that needs more than 2^27 bytes (128 MiB) of memory to unpack is refused.
inline constexpr int kZstdWindowLog = 27;

/// The longest beginning by which a format is known.
inline constexpr std::size_t kFormatPrefix = 4;

/// What the first bytes of an input say; nothing: more are needed. `is_all`: there are no more.
[[nodiscard]] std::optional<Format> format_of(std::string_view prefix, bool is_all);

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Gives what is at hand, at most `size` bytes; waits only if nothing is.
  [[nodiscard]] virtual ReadResult read(char* into, std::size_t size) = 0;
  [[nodiscard]] virtual const ReadFailure& failure() const = 0;
};

/// `prefix` are the bytes of `input` that were read already in order to know the format.
[[nodiscard]] std::unique_ptr<ByteStream> open_stream(Format format, FileInput& input, std::string prefix);

}  // namespace troth::source
