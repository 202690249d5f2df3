// JsonWriter: writes canonical JSON (keys in byte order, no spaces, integers only, minimal escapes), so that equal
// values are equal bytes. It asserts that keys come in order: a record written out of order is a bug, not a formatting
// choice. One writer, one thread; reuse it by clear(). Records of usual size never leave the writer's own buffer.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troth::base {

/// Whether a character stands for itself in a JSON string.
[[nodiscard]] constexpr bool is_plain_in_json(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// The key of a member. Literals are checked by the compiler, so that they need not be looked through when written.
class JsonName {
 public:
  template <std::size_t kSize>
  consteval JsonName(const char (&literal)[kSize])  // NOLINT(google-explicit-constructor)
      : text_(literal, kSize - 1), is_known_plain_(true) {
    for (const char c : text_) {
      if (!is_plain_in_json(c)) throw "a literal key must not need escapes";
    }
    head_ = head_of(text_);
  }
  template <std::same_as<const char*> Pointer>  // not what a literal decays to
  JsonName(const Pointer& text) : JsonName(std::string_view(text)) {}           // NOLINT(google-explicit-constructor)
  JsonName(std::string_view text) : text_(text), head_(head_of(text)) {}        // NOLINT(google-explicit-constructor)
  JsonName(const std::string& text) : JsonName(std::string_view(text)) {}       // NOLINT(google-explicit-constructor)
  [[nodiscard]] constexpr std::string_view text() const { return text_; }
  [[nodiscard]] constexpr bool is_known_plain() const { return is_known_plain_; }
  /// The first eight bytes as a number that compares as they do; zeros where there are none.
  [[nodiscard]] constexpr std::uint64_t head() const { return head_; }

 private:
  static constexpr std::uint64_t head_of(std::string_view text) {
    std::uint64_t head = 0;
    for (std::size_t i = 0; i < 8 && i < text.size(); ++i) {
      head |= std::uint64_t{static_cast<unsigned char>(text[i])} << (56 - 8 * i);
    }
    return head;
  }

  std::string_view text_;
  std::uint64_t head_ = 0;
  bool is_known_plain_ = false;
};

class JsonWriter {
 public:
  JsonWriter() = default;
  JsonWriter(const JsonWriter&) = delete;  // `data_` points into it
  JsonWriter& operator=(const JsonWriter&) = delete;

  void begin_map();
  void end_map();
  void begin_list();
  void end_list();
  /// Keys of one map must ascend strictly in byte order.
  void key(JsonName name);
  void string(std::string_view value);
  /// A string of which it is known that it needs no escapes.
  void plain_string(std::string_view value) {
    before_value();
    put_plain(value);
  }
  void integer(std::int64_t value);
  void boolean(bool value);
  void null();
  /// Inserts a value that is canonical JSON already.
  void raw(std::string_view json);

  void field(JsonName name, std::string_view value) { key(name), string(value); }
  void field(JsonName name, const char* value) { key(name), string(value); }
  void field(JsonName name, const std::string& value) { key(name), string(value); }
  void field(JsonName name, bool value) { key(name), boolean(value); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) void field(JsonName name, T value) {
    key(name), integer(static_cast<std::int64_t>(value));
  }
  template <std::integral T>
  void field(JsonName name, std::optional<T> value) {
    key(name);
    if (value) integer(static_cast<std::int64_t>(*value));
    else null();
  }

  /// Good until the next call that writes.
  [[nodiscard]] std::string_view text() const { return {data_, size_}; }
  [[nodiscard]] std::string take() && { return std::string(text()); }
  void clear();

 private:
  struct Level {
    bool is_map = false;
    bool is_empty = true;
    bool is_key_plain = true;   // the last key stands in the text as it is, otherwise in escaped_keys_
    std::uint64_t key_head = 0;  // JsonName::head() of the last key
    std::size_t key_begin = 0;  // of the last key
    std::size_t key_size = 0;
    std::size_t escaped_begin = 0;  // where this level's key may stand in escaped_keys_
  };
  static constexpr std::size_t kUsualDepth = 8;
  static constexpr std::size_t kUsualBytes = 2'048;

  void before_value();
  void open(bool is_map);
  Level& close(bool is_map);
  /// Room for that many bytes more.
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) [[unlikely]] grow(bytes);
    return data_ + size_;
  }
  void grow(std::size_t bytes);
  void put(char c) {
    *room(1) = c;
    ++size_;
  }
  static char* copy_short(std::string_view text, char* out);
  void put_plain(std::string_view text);
  void append(std::string_view text);
  void append_string(std::string_view value);
  [[nodiscard]] std::string_view last_key(const Level& level) const;

  std::array<char, kUsualBytes> usual_;  // not initialised: written before it is read
  std::unique_ptr<char[]> large_;
  char* data_ = usual_.data();
  std::size_t size_ = 0;
  std::size_t capacity_ = kUsualBytes;
  std::array<Level, kUsualDepth> usual_levels_;
  std::vector<Level> deeper_levels_;  // what does not fit there
  std::size_t depth_ = 0;             // levels that are open
  Level* level_ = nullptr;            // the innermost of them
  std::string escaped_keys_;  // the last key of each open map whose key has escapes, one after another
  bool after_key_ = false;
};

/// Appends `value` as a canonical JSON string, quotes included.
void append_json_string(std::string& out, std::string_view value);

}  // namespace troth::base
