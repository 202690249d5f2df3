// Compact binary encoding: varints and length-prefixed strings, read with bounds checks. The stored formats of state
// and outbox are written in it. A reader that meets damage stops, answers zeros and says so in ok(); it never reads
// beyond its bytes. One reader or writer, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troth::base {

class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_ += static_cast<char>(value); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80U));
      value >>= 7U;
    }
    u8(static_cast<std::uint8_t>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void boolean(bool value) { u8(value ? 1 : 0); }
  void string(std::string_view value) {
    varint(value.size());
    bytes_ += value;
  }
  /// Fixed width, most significant byte first: sorts as the number does.
  void be16(std::uint16_t value) { fixed(value, 2); }
  void be64(std::uint64_t value) { fixed(value, 8); }
  void raw(std::string_view bytes) { bytes_ += bytes; }

  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  [[nodiscard]] const std::string& bytes() const& { return bytes_; }
  [[nodiscard]] std::string take() && { return std::move(bytes_); }
  void clear() { bytes_.clear(); }

 private:
  void fixed(std::uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
      u8(static_cast<std::uint8_t>(value >> static_cast<unsigned>(shift)));
  }
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t u8() {
    if (rest_.empty()) return fail();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok_) return 0;
      if (shift == 63 && byte > 1) return fail();
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return fail();
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }
  bool boolean() {
    const std::uint8_t value = u8();
    if (value > 1) fail();
    return value == 1;
  }
  std::string_view string() {
    const std::uint64_t size = varint();
    if (!ok_ || size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view value = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return value;
  }
  std::uint16_t be16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint64_t be64() { return fixed(8); }
  /// A count of things that take at least one byte each: never more than the bytes left, so that damage cannot make
  /// a reader reserve memory it will not fill.
  std::size_t count() {
    const std::uint64_t value = varint();
    if (value > rest_.size()) return fail();
    return static_cast<std::size_t>(value);
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::uint8_t fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::uint64_t fixed(int width) {
    std::uint64_t value = 0;
    for (int i = 0; i < width; ++i) value = (value << 8U) | u8();
    return value;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace troth::base
