// Packs bytes as gzip and zstd for the tests of reading. Pure functions.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace troth::testing {

/// One gzip member.
inline std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// The beginning of a gzip member that holds all of `bytes` already but does not end: what a pipe brings so far.
inline std::string gzip_so_far(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_in != 0) std::abort();
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// The same of a zstd frame.
inline std::string zstd_so_far(std::string_view bytes) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string packed(ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  if (ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush) != 0) std::abort();
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

/// One zstd frame.
inline std::string zstd(std::string_view bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3);
  if (ZSTD_isError(size) != 0U) std::abort();
  packed.resize(size);
  return packed;
}

/// A frame that asks for a window of 2^log bytes, with its few bytes stored as they are.
inline std::string zstd_with_window(int log, std::string_view bytes) {
  std::string frame("\x28\xb5\x2f\xfd\x00", 5);
  frame += static_cast<char>((log - 10) << 3);
  const std::size_t header = bytes.size() << 3U | 1U;  // the last block, raw
  for (unsigned shift = 0; shift < 24; shift += 8) frame += static_cast<char>(header >> shift);
  return frame.append(bytes);
}

/// A zstd frame without content, as some packers write before the first.
inline std::string zstd_skippable(std::string_view bytes) {
  std::string frame("\x53\x2a\x4d\x18", 4);
  for (unsigned shift = 0; shift < 32; shift += 8) frame += static_cast<char>(bytes.size() >> shift);
  return frame.append(bytes);
}

}  // namespace troth::testing
