// See file_stream.h.
#include "engine/source/file_stream.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/assert.h"

namespace troth::source {
namespace {

constexpr std::string_view kGzipMagic{"\x1f\x8b", 2};
constexpr std::string_view kZstdMagic{"\x28\xb5\x2f\xfd", 4};
constexpr std::string_view kZstdSkippableTail{"\x2a\x4d\x18", 3};  // after 0x50…0x5f: a frame that carries no content
constexpr std::size_t kPackedBuffer = 128 * 1024;
constexpr std::string_view kDamagedAdvice = "What was read before is good. Fetch or make the file again.";

bool is_beginning_of(std::string_view prefix, std::string_view magic) {
  const std::size_t common = std::min(prefix.size(), magic.size());
  return prefix.substr(0, common) == magic.substr(0, common);
}

bool may_be_skippable_frame(std::string_view prefix) {
  return (static_cast<unsigned char>(prefix.front()) & 0xF0U) == 0x50U &&
         is_beginning_of(prefix.substr(1), kZstdSkippableTail);
}

class PlainStream final : public ByteStream {
 public:
  PlainStream(FileInput& input, std::string prefix) : input_(input), prefix_(std::move(prefix)) {}

  ReadResult read(char* into, std::size_t size) override {
    if (given_ == prefix_.size()) return input_.read(into, size);
    const std::size_t bytes = std::min(size, prefix_.size() - given_);
    std::memcpy(into, prefix_.data() + given_, bytes);
    given_ += bytes;
    return {ReadState::kData, bytes};
  }
  const ReadFailure& failure() const override { return input_.failure(); }

 private:
  FileInput& input_;
  std::string prefix_;
  std::size_t given_ = 0;
};

/// What gzip and zstd have in common: a buffer of packed bytes and the loop that feeds an unpacker from it.
class PackedStream : public ByteStream {
 public:
  PackedStream(FileInput& input, const std::string& prefix) : input_(input), packed_(kPackedBuffer) {
    TROTH_ASSERT(prefix.size() <= packed_.size());
    std::memcpy(packed_.data(), prefix.data(), prefix.size());
    end_ = prefix.size();
  }

  ReadResult read(char* into, std::size_t size) final {
    std::size_t made = 0;
    while (made < size) {
      if (begin_ == end_ && !has_more_to_give()) {
        if (made > 0) break;  // hand over what there is before waiting for more
        const ReadResult got = input_.read(packed_.data(), packed_.size());
        if (got.state == ReadState::kEnd && is_within()) {
          return fail("ends in the middle of a " + unit(), "The file is cut short: fetch or make it again.");
        }
        if (got.state == ReadState::kFailed) failure_ = input_.failure();
        if (got.state != ReadState::kData) return got;
        begin_ = 0;
        end_ = got.bytes;
      }
      if (!unpack(into, size, made)) {
        if (made == 0) return {ReadState::kFailed};
        has_failed_ = true;  // what was unpacked before the damage is good and goes first
        break;
      }
    }
    return {ReadState::kData, made};
  }
  const ReadFailure& failure() const final { return failure_; }

 protected:
  /// Moves begin_ and `made` on; false after fail().
  virtual bool unpack(char* into, std::size_t size, std::size_t& made) = 0;
  /// True: there may be unpacked bytes left that need no further input.
  [[nodiscard]] virtual bool has_more_to_give() const = 0;
  /// True: an end of the input now would cut something in two.
  [[nodiscard]] virtual bool is_within() const = 0;
  [[nodiscard]] virtual std::string unit() const = 0;

  ReadResult fail(std::string reason, std::string advice) {
    failure_ = {input_.position() - (end_ - begin_), std::move(reason), std::move(advice)};
    return {ReadState::kFailed};
  }

  FileInput& input_;
  std::vector<char> packed_;
  std::size_t begin_ = 0, end_ = 0;  // packed bytes not yet used
  bool has_failed_ = false;
  ReadFailure failure_;
};

class GzipStream final : public PackedStream {
 public:
  GzipStream(FileInput& input, const std::string& prefix) : PackedStream(input, prefix) {
    const int status = inflateInit2(&inflater_, 16 + MAX_WBITS);  // 16: gzip with header and checksum
    TROTH_ASSERT(status == Z_OK);                                 // only memory can be missing
  }
  ~GzipStream() override { inflateEnd(&inflater_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

 protected:
  bool unpack(char* into, std::size_t size, std::size_t& made) override {
    if (has_failed_) return false;
    if (!is_within_ && !begin_member()) return !has_failed_;
    inflater_.next_in = reinterpret_cast<Bytef*>(packed_.data() + begin_);
    inflater_.avail_in = static_cast<uInt>(end_ - begin_);
    inflater_.next_out = reinterpret_cast<Bytef*>(into + made);
    inflater_.avail_out = static_cast<uInt>(size - made);
    const int status = inflate(&inflater_, Z_NO_FLUSH);
    begin_ = end_ - inflater_.avail_in;
    made = size - inflater_.avail_out;
    may_hold_output_ = inflater_.avail_out == 0 && status == Z_OK;
    if (status == Z_STREAM_END) {
      is_within_ = false;
      return true;
    }
    if (status == Z_OK || status == Z_BUF_ERROR) return true;
    const std::string detail = inflater_.msg != nullptr ? inflater_.msg : zError(status);
    return refuse("damaged gzip data (" + detail + ")");
  }
  bool has_more_to_give() const override { return has_failed_ || may_hold_output_; }
  bool is_within() const override { return is_within_; }
  std::string unit() const override { return "gzip member"; }

 private:
  /// Between members: another one, or the zeros with which some tapes and tools fill up. True if a member begins.
  bool begin_member() {
    while (begin_ < end_ && packed_[begin_] == '\0' && members_ > 0) {
      ++begin_;
      is_filling_ = true;
    }
    if (begin_ == end_) return false;
    if (is_filling_ || packed_[begin_] != kGzipMagic[0]) {
      return refuse("something follows the last gzip member that is no gzip member");
    }
    if (members_ > 0) inflateReset(&inflater_);
    ++members_;
    is_within_ = true;
    return true;
  }
  bool refuse(std::string reason) {
    fail(std::move(reason), std::string(kDamagedAdvice));
    has_failed_ = true;
    return false;
  }

  z_stream inflater_{};
  std::uint64_t members_ = 0;
  bool is_within_ = false;
  bool is_filling_ = false;
  bool may_hold_output_ = false;
};

class ZstdStream final : public PackedStream {
 public:
  ZstdStream(FileInput& input, const std::string& prefix) : PackedStream(input, prefix), context_(ZSTD_createDCtx()) {
    TROTH_ASSERT(context_ != nullptr);  // only memory can be missing
    const std::size_t status = ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kZstdWindowLog);
    TROTH_ASSERT(ZSTD_isError(status) == 0U);
  }
  ~ZstdStream() override { ZSTD_freeDCtx(context_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

 protected:
  bool unpack(char* into, std::size_t size, std::size_t& made) override {
    if (has_failed_) return false;
    ZSTD_inBuffer in{packed_.data(), end_, begin_};
    ZSTD_outBuffer out{into, size, made};
    const std::size_t status = ZSTD_decompressStream(context_, &out, &in);
    begin_ = in.pos;
    made = out.pos;
    if (ZSTD_isError(status) != 0U) {
      if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
        fail("a zstd frame needs a window of more than 128 MiB",
             "Compress it again without --ultra and with --long=27 at most.");
      } else {
        fail("damaged zstd data (" + std::string(ZSTD_getErrorName(status)) + ")", std::string(kDamagedAdvice));
      }
      has_failed_ = true;
      return false;
    }
    is_within_ = status != 0;
    may_hold_output_ = is_within_ && out.pos == out.size;
    return true;
  }
  bool has_more_to_give() const override { return has_failed_ || may_hold_output_; }
  bool is_within() const override { return is_within_; }
  std::string unit() const override { return "zstd frame"; }

 private:
  ZSTD_DCtx* context_;
  bool is_within_ = false;
  bool may_hold_output_ = false;
};

}  // namespace

std::optional<Format> format_of(std::string_view prefix, bool is_all) {
  if (prefix.empty()) return is_all ? std::optional(Format::kPlain) : std::nullopt;
  const bool may_be_gzip = is_beginning_of(prefix, kGzipMagic);
  const bool may_be_zstd = is_beginning_of(prefix, kZstdMagic) || may_be_skippable_frame(prefix);
  if (may_be_gzip && prefix.size() >= kGzipMagic.size()) return Format::kGzip;
  if (may_be_zstd && prefix.size() >= kZstdMagic.size()) return Format::kZstd;
  if (is_all || (!may_be_gzip && !may_be_zstd)) return Format::kPlain;
  return std::nullopt;
}

std::unique_ptr<ByteStream> open_stream(Format format, FileInput& input, std::string prefix) {
  switch (format) {
    case Format::kGzip:
      return std::make_unique<GzipStream>(input, prefix);
    case Format::kZstd:
      return std::make_unique<ZstdStream>(input, prefix);
    case Format::kPlain:
      break;
  }
  return std::make_unique<PlainStream>(input, std::move(prefix));
}

}  // namespace troth::source
