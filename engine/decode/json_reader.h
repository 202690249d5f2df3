// JsonReader: one strict pass over a JSON text, into a flat list of nodes. Whatever JSON forbids is refused, wherever
// it stands, and so is what the trust model forbids beyond that: a key twice in an object, an unpaired surrogate
// escape, too many levels. Numbers are checked in form only, whatever their size: JSON knows no limits, fields have
// theirs. Owned by a Decoder, reused from text to text; one reader, one thread. Time: O(n log n) at worst, in the keys
// of one object; recursion: limits::kJsonDepth at most; memory: kept from the largest text so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troth::decode {

enum class JsonKind : std::uint8_t { kNull, kFalse, kTrue, kInteger, kOtherNumber, kString, kArray, kObject };

/// Whether two texts are equal. Looks at the first characters before it calls a function: names of one length mostly
/// differ there, and this is asked some hundred times an event.
[[nodiscard]] inline bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || (a.front() == b.front() && a == b));
}

/// Nodes stand in the order of the text. After an array come its elements; after an object its keys, which are strings,
/// each followed by its value.
struct JsonNode {
  std::string_view text;  // a string's characters, unescaped; a number's digits. Valid until the next read
  std::uint32_t end = 0;  // index of the first node after this value and all within it
  JsonKind kind = JsonKind::kNull;
};

class JsonReader {
 public:
  /// Reads `text`, which must outlive the use of the nodes. `levels_above`: the objects and arrays around it.
  /// False: not UTF-8, not one JSON value with nothing but white space around it, or forbidden as said above.
  [[nodiscard]] bool read(std::string_view text, int levels_above);

  /// Of the last text read; the first is the whole value.
  [[nodiscard]] std::span<const JsonNode> nodes() const { return {nodes_.data(), used_}; }

  /// Whether no key occurs twice; changes their order.
  [[nodiscard]] static bool are_distinct(std::span<std::string_view> keys);

  [[nodiscard]] static bool is_utf8(std::string_view text);

 private:
  bool value(int level);
  bool object(int level);
  bool array(int level);
  bool string();
  bool string_with_escapes(const char* begin);
  bool escape();
  bool unicode_escape();
  bool hex4(std::uint32_t& unit);
  bool number();
  bool literal(std::string_view word, JsonKind kind);

  bool take(char wanted);
  void skip_space();
  const char* skip_plain(const char* at) const;
  const char* skip_digits(const char* at) const;
  std::uint32_t add(JsonKind kind, std::string_view text);

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::vector<JsonNode> nodes_;         // as many as the largest text has bytes: no node stands for less than one
  std::size_t used_ = 0;                // of nodes_, by the last text
  std::vector<std::string_view> keys_;  // of all objects that are open, the innermost last
  std::string unescaped_;               // never grows while a text is read: nodes point into it
};

}  // namespace troth::decode
