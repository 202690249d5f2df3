#include "engine/base/json.h"

#include <charconv>

#include "engine/base/assert.h"

namespace troth::base {

void append_json_string(std::string& out, std::string_view value) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '"' && c != '\\') [[likely]] {
      out += c;
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\f': out += "\\f"; break;
      case '\r': out += "\\r"; break;
      default:
        out += "\\u00";
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
  }
  out += '"';
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  TROTH_ASSERT(!levels_.back().is_map);
  if (!levels_.back().is_empty) text_ += ',';
  levels_.back().is_empty = false;
}

void JsonWriter::begin_map() {
  before_value();
  text_ += '{';
  levels_.push_back({true, true, keys_.size()});
}

void JsonWriter::end_map() {
  TROTH_ASSERT(!levels_.empty() && levels_.back().is_map && !after_key_);
  text_ += '}';
  keys_.resize(levels_.back().last_key_begin);
  levels_.pop_back();
}

void JsonWriter::begin_list() {
  before_value();
  text_ += '[';
  levels_.push_back({false, true, keys_.size()});
}

void JsonWriter::end_list() {
  TROTH_ASSERT(!levels_.empty() && !levels_.back().is_map);
  text_ += ']';
  levels_.pop_back();
}

void JsonWriter::key(std::string_view key) {
  TROTH_ASSERT(!levels_.empty() && levels_.back().is_map && !after_key_);
  Level& level = levels_.back();
  if (!level.is_empty) {
    TROTH_ASSERT(std::string_view(keys_).substr(level.last_key_begin) < key);
    text_ += ',';
  }
  level.is_empty = false;
  keys_.resize(level.last_key_begin);
  keys_ += key;
  append_json_string(text_, key);
  text_ += ':';
  after_key_ = true;
}

void JsonWriter::string(std::string_view value) {
  before_value();
  append_json_string(text_, value);
}

void JsonWriter::integer(std::int64_t value) {
  before_value();
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text_.append(digits, end);
}

void JsonWriter::boolean(bool value) {
  before_value();
  text_ += value ? "true" : "false";
}

void JsonWriter::null() {
  before_value();
  text_ += "null";
}

void JsonWriter::raw(std::string_view json) {
  before_value();
  text_ += json;
}

void JsonWriter::clear() {
  text_.clear();
  levels_.clear();
  keys_.clear();
  after_key_ = false;
}

}  // namespace troth::base
