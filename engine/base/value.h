// Value: a tree of maps, lists, strings, integers and booleans, as read from YAML or JSON. Policy and configuration are
// read from it; its canonical JSON is what a policy's hash is taken of (TRUST_MODEL: policy). Plain data; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troth::base {

class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;

  Value() = default;                               // null: allowed in a tree so that a reader can name it in an error
  Value(bool boolean) : held_(boolean) {}          // NOLINT(google-explicit-constructor)
  Value(std::int64_t integer) : held_(integer) {}  // NOLINT(google-explicit-constructor)
  Value(std::string string) : held_(std::move(string)) {}    // NOLINT(google-explicit-constructor)
  Value(const char* string) : held_(std::string(string)) {}  // NOLINT(google-explicit-constructor)
  Value(List list) : held_(std::move(list)) {}               // NOLINT(google-explicit-constructor)
  Value(Map map) : held_(std::move(map)) {}                  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&held_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&held_); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&held_); }
  [[nodiscard]] const List* list() const { return std::get_if<List>(&held_); }
  [[nodiscard]] const Map* map() const { return std::get_if<Map>(&held_); }
  [[nodiscard]] List* list() { return std::get_if<List>(&held_); }
  [[nodiscard]] Map* map() { return std::get_if<Map>(&held_); }

  /// The member of a map, or null if this is no map or has no such key.
  [[nodiscard]] const Value* find(std::string_view key) const;

  /// "a map", "a list", "a string", "an integer", "a boolean", "null": for error messages.
  [[nodiscard]] std::string_view kind_name() const;

  /// Line of the source text, counted from 1; 0 if unknown. Not part of equality.
  [[nodiscard]] int line() const { return line_; }
  void set_line(int line) { line_ = line; }

  friend bool operator==(const Value& a, const Value& b) { return a.held_ == b.held_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, std::string, List, Map> held_;
  int line_ = 0;
};

/// Maps merge key by key, everything else is replaced by `over`.
[[nodiscard]] Value merged(const Value& under, const Value& over);

/// Canonical JSON: keys sorted by code point, no spaces, integers in decimal, minimal escapes.
[[nodiscard]] std::string canonical_json(const Value& value);

}  // namespace troth::base
