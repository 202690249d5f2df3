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

std::uint64_t word_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// How many bytes from the beginning stand for themselves.
std::size_t plain_prefix(std::string_view value) {
  std::size_t i = 0;
  for (; i + 8 <= value.size(); i += 8) {
    if (!are_plain(word_at(value.data() + i))) break;
  }
  // The rest together with bytes that are known already.
  const bool is_at_rest = i + 8 > value.size() && value.size() >= 8;
  if (is_at_rest && are_plain(word_at(value.data() + value.size() - 8))) return value.size();
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
  if (level_ == nullptr) return;
  TROTH_ASSERT(!level_->is_map);
  if (!level_->is_empty) put(',');
  level_->is_empty = false;
}

void JsonWriter::open(bool is_map) {
  before_value();
  put(is_map ? '{' : '[');
  if (depth_ >= kUsualDepth) deeper_levels_.resize(depth_ - kUsualDepth + 1);
  level_ = depth_ < kUsualDepth ? &usual_levels_[depth_] : &deeper_levels_.back();
  ++depth_;
  *level_ = {.is_map = is_map, .escaped_begin = escaped_keys_.size()};
}

/// The level that is closed.
JsonWriter::Level& JsonWriter::close(bool is_map) {
  TROTH_ASSERT(level_ != nullptr && level_->is_map == is_map && !after_key_);
  put(is_map ? '}' : ']');
  Level& closed = *level_;
  --depth_;
  if (depth_ == 0) level_ = nullptr;
  else level_ = depth_ <= kUsualDepth ? &usual_levels_[depth_ - 1] : &deeper_levels_[depth_ - 1 - kUsualDepth];
  return closed;
}

void JsonWriter::begin_map() { open(true); }
void JsonWriter::end_map() {
  if (const Level& closed = close(true); !closed.is_key_plain) escaped_keys_.resize(closed.escaped_begin);
}
void JsonWriter::begin_list() { open(false); }
void JsonWriter::end_list() { close(false); }

std::string_view JsonWriter::last_key(const Level& level) const {
  if (!level.is_key_plain) return std::string_view(escaped_keys_).substr(level.escaped_begin);
  return {data_ + level.key_begin, level.key_size};
}

/// Copies without a call where the text is short, as names are. Answers the end.
char* JsonWriter::copy_short(std::string_view text, char* out) {
  const std::size_t size = text.size();
  const char* const from = text.data();
  const auto both_ends = [&](auto word) {
    std::memcpy(&word, from, sizeof word);
    std::memcpy(out, &word, sizeof word);
    std::memcpy(&word, from + size - sizeof word, sizeof word);
    std::memcpy(out + size - sizeof word, &word, sizeof word);
  };
  if (size > 16) std::memcpy(out, from, size);
  else if (size >= 8) both_ends(std::uint64_t{});
  else if (size >= 4) both_ends(std::uint32_t{});
  else std::copy_n(from, size, out);
  return out + size;
}

/// A string that needs no escapes.
void JsonWriter::put_plain(std::string_view text) {
  char* const out = room(text.size() + 2);
  out[0] = '"';
  *copy_short(text, out + 1) = '"';
  size_ += text.size() + 2;
}

void JsonWriter::key(JsonName name) {
  TROTH_ASSERT(level_ != nullptr && level_->is_map && !after_key_);
  const std::string_view key = name.text();
  Level& level = *level_;
  const bool is_first = level.is_empty;
  if (!is_first) TROTH_ASSERT(name.head() > level.key_head || (name.head() == level.key_head && last_key(level) < key));
  after_key_ = true;
  level.is_empty = false;
  level.key_head = name.head();
  level.key_size = key.size();
  if (name.is_known_plain() && level.is_key_plain) [[likely]] {
    char* out = room(key.size() + 4);
    const char* const begin = out;
    if (!is_first) *out++ = ',';
    *out++ = '"';
    level.key_begin = static_cast<std::size_t>(out - data_);
    out = copy_short(key, out);
    *out++ = '"';
    *out++ = ':';
    size_ += static_cast<std::size_t>(out - begin);
    return;
  }
  if (!is_first) put(',');
  level.key_begin = size_ + 1;
  append_string(key);
  level.is_key_plain = size_ == level.key_begin + key.size() + 1;  // escapes are longer than what they stand for
  escaped_keys_.resize(level.escaped_begin);
  if (!level.is_key_plain) escaped_keys_ += key;
  put(':');
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
  depth_ = 0;
  level_ = nullptr;
  escaped_keys_.clear();
  after_key_ = false;
}

}  // namespace troth::base
