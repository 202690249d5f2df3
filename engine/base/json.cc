#include "engine/base/json.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/base/assert.h"

namespace troth::base {
namespace {

/// Whether all eight bytes stand for themselves in a JSON string: none below 0x20, no quote, no backslash.
bool are_plain(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto zero_byte = [](std::uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  const std::uint64_t below_space = (bytes - kOnes * 0x20) & ~bytes & kHighs;
  return (below_space | zero_byte(bytes ^ (kOnes * '"')) | zero_byte(bytes ^ (kOnes * '\\'))) == 0;
}

/// How many bytes from the beginning stand for themselves.
std::size_t plain_prefix(std::string_view value) {
  std::size_t i = 0;
  for (; i + 8 <= value.size(); i += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, value.data() + i, sizeof bytes);
    if (!are_plain(bytes)) break;
  }
  while (i < value.size() && is_plain_in_json(value[i])) ++i;
  return i;
}

constexpr std::size_t kEscapeMax = 6;  // \u00xx

/// Writes the escape of a byte that needs one; answers its length.
std::size_t write_escape(char* out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto short_form = [out](char letter) {
    out[0] = '\\';
    out[1] = letter;
    return std::size_t{2};
  };
  switch (c) {
    case '"': return short_form('"');
    case '\\': return short_form('\\');
    case '\b': return short_form('b');
    case '\t': return short_form('t');
    case '\n': return short_form('n');
    case '\f': return short_form('f');
    case '\r': return short_form('r');
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  std::memcpy(out, "\\u00", 4);
  out[4] = kHex[byte >> 4U];
  out[5] = kHex[byte & 15U];
  return kEscapeMax;
}

}  // namespace

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  for (std::size_t plain = plain_prefix(value);; plain = plain_prefix(value)) {
    out += value.substr(0, plain);
    if (plain == value.size()) break;
    char escape[kEscapeMax];
    out.append(escape, write_escape(escape, value[plain]));
    value.remove_prefix(plain + 1);
  }
  out += '"';
}

void JsonWriter::grow(std::size_t bytes) {
  const std::size_t larger = std::max(2 * capacity_, size_ + bytes);
  std::unique_ptr<char[]> text(new char[larger]);  // not make_unique, which would fill it
  std::copy_n(data_, size_, text.get());  // not memcpy: an empty text may have no address
  large_ = std::move(text);
  data_ = large_.get();
  capacity_ = larger;
}

void JsonWriter::append(std::string_view text) {
  std::copy_n(text.data(), text.size(), room(text.size()));
  size_ += text.size();
}

void JsonWriter::append_string(std::string_view value) {
  std::size_t plain = plain_prefix(value);
  if (plain == value.size()) return put_plain(value);
  put('"');
  for (;; plain = plain_prefix(value)) {
    append(value.substr(0, plain));
    if (plain == value.size()) break;
    size_ += write_escape(room(kEscapeMax), value[plain]);
    value.remove_prefix(plain + 1);
  }
  put('"');
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  TROTH_ASSERT(!levels_.back().is_map);
  if (!levels_.back().is_empty) put(',');
  levels_.back().is_empty = false;
}

void JsonWriter::begin_map() {
  before_value();
  put('{');
  levels_.push_back({.is_map = true, .escaped_begin = escaped_keys_.size()});
}

void JsonWriter::end_map() {
  TROTH_ASSERT(!levels_.empty() && levels_.back().is_map && !after_key_);
  put('}');
  escaped_keys_.resize(levels_.back().escaped_begin);
  levels_.pop_back();
}

void JsonWriter::begin_list() {
  before_value();
  put('[');
  levels_.push_back({.is_map = false, .escaped_begin = escaped_keys_.size()});
}

void JsonWriter::end_list() {
  TROTH_ASSERT(!levels_.empty() && !levels_.back().is_map);
  put(']');
  levels_.pop_back();
}

std::string_view JsonWriter::last_key(const Level& level) const {
  if (!level.is_key_plain) return std::string_view(escaped_keys_).substr(level.escaped_begin);
  return {data_ + level.key_begin, level.key_size};
}

/// A string that needs no escapes.
void JsonWriter::put_plain(std::string_view text) {
  char* const out = room(text.size() + 2);
  out[0] = '"';
  std::copy_n(text.data(), text.size(), out + 1);
  out[text.size() + 1] = '"';
  size_ += text.size() + 2;
}

void JsonWriter::key(JsonName name) {
  TROTH_ASSERT(!levels_.empty() && levels_.back().is_map && !after_key_);
  const std::string_view key = name.text();
  Level& level = levels_.back();
  if (!level.is_empty) {
    TROTH_ASSERT(last_key(level) < key);
    put(',');
  }
  level.is_empty = false;
  level.key_begin = size_ + 1;
  level.key_size = key.size();
  if (name.is_known_plain()) {
    put_plain(key);
  } else {
    append_string(key);
  }
  level.is_key_plain = size_ == level.key_begin + key.size() + 1;  // escapes are longer than what they stand for
  escaped_keys_.resize(level.escaped_begin);
  if (!level.is_key_plain) escaped_keys_ += key;
  put(':');
  after_key_ = true;
}

void JsonWriter::string(std::string_view value) {
  before_value();
  append_string(value);
}

void JsonWriter::integer(std::int64_t value) {
  before_value();
  constexpr std::size_t kDigitsMax = 20;  // of int64, sign included
  char* const begin = room(kDigitsMax);
  size_ += static_cast<std::size_t>(std::to_chars(begin, begin + kDigitsMax, value).ptr - begin);
}

void JsonWriter::boolean(bool value) {
  before_value();
  append(value ? "true" : "false");
}

void JsonWriter::null() {
  before_value();
  append("null");
}

void JsonWriter::raw(std::string_view json) {
  before_value();
  append(json);
}

void JsonWriter::clear() {
  size_ = 0;
  levels_.clear();
  escaped_keys_.clear();
  after_key_ = false;
}

}  // namespace troth::base
