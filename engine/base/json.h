// JsonWriter: writes canonical JSON (keys in byte order, no spaces, integers only, minimal escapes), so that equal
// values are equal bytes. It asserts that keys come in order: a record written out of order is a bug, not a formatting
// choice. One writer, one thread; reuse it by clear().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troth::base {

class JsonWriter {
 public:
  void begin_map();
  void end_map();
  void begin_list();
  void end_list();
  /// Keys of one map must ascend strictly in byte order.
  void key(std::string_view key);
  void string(std::string_view value);
  void integer(std::int64_t value);
  void boolean(bool value);
  void null();
  /// Inserts a value that is canonical JSON already.
  void raw(std::string_view json);

  void field(std::string_view name, std::string_view value) { key(name), string(value); }
  void field(std::string_view name, const char* value) { key(name), string(value); }
  void field(std::string_view name, const std::string& value) { key(name), string(value); }
  void field(std::string_view name, bool value) { key(name), boolean(value); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) void field(std::string_view name, T value) {
    key(name), integer(static_cast<std::int64_t>(value));
  }
  template <std::integral T>
  void field(std::string_view name, std::optional<T> value) {
    key(name);
    if (value) integer(static_cast<std::int64_t>(*value));
    else null();
  }

  [[nodiscard]] const std::string& text() const& { return text_; }
  [[nodiscard]] std::string take() && { return std::move(text_); }
  void clear();

 private:
  struct Level {
    bool is_map = false;
    bool is_empty = true;
    std::size_t last_key_begin = 0;  // into keys_
  };
  void before_value();

  std::string text_;
  std::vector<Level> levels_;
  std::string keys_;  // the last key of each open map, one after another: enough to check the order
  bool after_key_ = false;
};

/// Appends `value` as a canonical JSON string, quotes included.
void append_json_string(std::string& out, std::string_view value);

}  // namespace troth::base
