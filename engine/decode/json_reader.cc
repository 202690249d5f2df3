#include "engine/decode/json_reader.h"

#include <simdjson.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/limits.h"

namespace troth::decode {
namespace {

/// Up to here comparing all pairs of keys is quicker than sorting them.
constexpr std::size_t kPairwiseKeys = 16;

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighBits = 0x8080808080808080U;

/// The high bit of each of eight bytes that is zero; the lowest one marked is right.
constexpr std::uint64_t zero_byte(std::uint64_t word) { return (word - kOnes) & ~word & kHighBits; }

/// The high bit of each of eight bytes that ends plain text in a string: a quote, a backslash or a control character.
/// (Of the bytes above the lowest such one some may be marked that are none.)
constexpr std::uint64_t special_byte(std::uint64_t word) {
  const std::uint64_t control = (word - kOnes * 0x20U) & ~word & kHighBits;
  return control | zero_byte(word ^ (kOnes * '"')) | zero_byte(word ^ (kOnes * '\\'));
}

constexpr bool is_special(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0U | point >> 6U);
    put(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0U | point >> 12U);
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  } else {
    put(0xF0U | point >> 18U);
    put(0x80U | (point >> 12U & 0x3FU));
    put(0x80U | (point >> 6U & 0x3FU));
    put(0x80U | (point & 0x3FU));
  }
}

}  // namespace

bool JsonReader::read(std::string_view text, int levels_above) {
  if (nodes_.size() < text.size()) nodes_.resize(text.size());
  used_ = 0;
  keys_.clear();
  unescaped_.clear();
  unescaped_.reserve(text.size());  // no escape stands for more bytes than it takes
  if (!is_utf8(text)) return false;
  at_ = text.data();
  end_ = at_ + text.size();
  skip_space();
  if (!value(levels_above + 1)) return false;
  skip_space();
  return at_ == end_;
}

/// `level`: that of this value, should it be an object or an array.
bool JsonReader::value(int level) {
  if (at_ == end_) return false;
  switch (*at_) {
    case '"': return string();
    case '{': return object(level);
    case '[': return array(level);
    case 't': return literal("true", JsonKind::kTrue);
    case 'f': return literal("false", JsonKind::kFalse);
    case 'n': return literal("null", JsonKind::kNull);
    default: return number();
  }
}

bool JsonReader::object(int level) {
  if (level > base::limits::kJsonDepth) return false;
  ++at_;
  const std::uint32_t self = add(JsonKind::kObject, {});
  const std::size_t first_key = keys_.size();
  skip_space();
  if (!take('}')) {
    do {
      skip_space();
      const std::size_t key = used_;
      if (at_ == end_ || *at_ != '"' || !string()) return false;
      keys_.push_back(nodes_[key].text);
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(level + 1)) return false;
      skip_space();
    } while (take(','));
    if (!take('}')) return false;
  }
  nodes_[self].end = static_cast<std::uint32_t>(used_);
  if (!are_distinct(std::span(keys_).subspan(first_key))) return false;
  keys_.resize(first_key);
  return true;
}

bool JsonReader::array(int level) {
  if (level > base::limits::kJsonDepth) return false;
  ++at_;
  const std::uint32_t self = add(JsonKind::kArray, {});
  skip_space();
  if (!take(']')) {
    do {
      skip_space();
      if (!value(level + 1)) return false;
      skip_space();
    } while (take(','));
    if (!take(']')) return false;
  }
  nodes_[self].end = static_cast<std::uint32_t>(used_);
  return true;
}

bool JsonReader::are_distinct(std::span<std::string_view> keys) {
  if (keys.size() > kPairwiseKeys) {
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (is_same(keys[i], keys[j])) return false;
    }
  }
  return true;
}

bool JsonReader::is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// ---------------------------------------------------------------------------------------------------------- strings

/// The first byte from `at` on that is not plain text of a string.
inline const char* JsonReader::skip_plain(const char* at) const {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  for (; end_ - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i is_end = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const auto special = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(is_control, is_end)));
    if (special != 0) return at + std::countr_zero(special);
  }
#endif
  while (end_ - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t special = special_byte(word);
    if (special != 0) {
      if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(special) / 8;
      break;
    }
    at += 8;
  }
  while (at != end_ && !is_special(*at)) ++at;
  return at;
}

bool JsonReader::string() {
  const char* const begin = ++at_;
  at_ = skip_plain(at_);
  if (at_ == end_) return false;
  if (*at_ != '"') [[unlikely]]
    return string_with_escapes(begin);
  add(JsonKind::kString, {begin, static_cast<std::size_t>(at_ - begin)});
  ++at_;
  return true;
}

bool JsonReader::string_with_escapes(const char* begin) {
  const std::size_t start = unescaped_.size();
  const char* const storage = unescaped_.data();
  unescaped_.append(begin, at_);
  while (at_ != end_ && *at_ == '\\') {
    ++at_;
    if (!escape()) return false;
    const char* const plain = at_;
    at_ = skip_plain(at_);
    unescaped_.append(plain, at_);
  }
  TROTH_ASSERT(unescaped_.data() == storage);
  if (!take('"')) return false;
  add(JsonKind::kString, std::string_view(unescaped_).substr(start));
  return true;
}

/// What stands after a backslash.
bool JsonReader::escape() {
  if (at_ == end_) return false;
  switch (*at_++) {
    case '"': unescaped_ += '"'; return true;
    case '\\': unescaped_ += '\\'; return true;
    case '/': unescaped_ += '/'; return true;
    case 'b': unescaped_ += '\b'; return true;
    case 'f': unescaped_ += '\f'; return true;
    case 'n': unescaped_ += '\n'; return true;
    case 'r': unescaped_ += '\r'; return true;
    case 't': unescaped_ += '\t'; return true;
    case 'u': return unicode_escape();
    default: return false;
  }
}

bool JsonReader::unicode_escape() {
  std::uint32_t point = 0;
  if (!hex4(point) || is_low_surrogate(point)) return false;
  if (is_high_surrogate(point)) {
    std::uint32_t low = 0;
    if (!take('\\') || !take('u') || !hex4(low) || !is_low_surrogate(low)) return false;
    point = 0x10000U + ((point - 0xD800U) << 10U) + (low - 0xDC00U);
  }
  append_utf8(unescaped_, point);
  return true;
}

bool JsonReader::hex4(std::uint32_t& unit) {
  if (end_ - at_ < 4) return false;
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = *at_++;
    const auto lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) unit = unit * 16 + static_cast<std::uint32_t>(c - '0');
    else if (lower >= 'a' && lower <= 'f') unit = unit * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
    else return false;
  }
  return true;
}

// ---------------------------------------------------------------------------------------------- numbers and literals

const char* JsonReader::skip_digits(const char* at) const {
  while (at != end_ && is_digit(*at)) ++at;
  return at;
}

bool JsonReader::number() {
  const char* const begin = at_;
  take('-');
  const char* const digits = at_;
  at_ = skip_digits(at_);
  if (at_ == digits || (*digits == '0' && at_ - digits > 1)) return false;
  JsonKind kind = JsonKind::kInteger;
  if (take('.')) {
    kind = JsonKind::kOtherNumber;
    const char* const fraction = at_;
    at_ = skip_digits(at_);
    if (at_ == fraction) return false;
  }
  if (take('e') || take('E')) {
    kind = JsonKind::kOtherNumber;
    if (!take('+')) take('-');
    const char* const exponent = at_;
    at_ = skip_digits(at_);
    if (at_ == exponent) return false;
  }
  add(kind, {begin, static_cast<std::size_t>(at_ - begin)});
  return true;
}

bool JsonReader::literal(std::string_view word, JsonKind kind) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
  at_ += word.size();
  add(kind, {});
  return true;
}

// ------------------------------------------------------------------------------------------------------------ little

bool JsonReader::take(char wanted) {
  if (at_ == end_ || *at_ != wanted) return false;
  ++at_;
  return true;
}

void JsonReader::skip_space() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

std::uint32_t JsonReader::add(JsonKind kind, std::string_view text) {
  const auto self = static_cast<std::uint32_t>(used_++);
  nodes_[self] = {text, self + 1, kind};
  return self;
}

}  // namespace troth::decode
