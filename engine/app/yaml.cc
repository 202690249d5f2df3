#include "engine/app/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/observe/printable.h"

namespace troth::app {
namespace {

constexpr std::size_t kErrorBytesMax = 1024;

using base::Error;
using base::Value;

/// Ends the reading from within yaml-cpp's callbacks. Never leaves this file.
struct Refusal {
  int line;
  std::string message;
};

// ------------------------------------------------------------------------------------------------------ plain scalars

bool all_in(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, infinities and "not a number".
bool is_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  text = without_sign(text);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const auto take_digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of(kDigits), text.size());
    text.remove_prefix(count);
    return count;
  };
  const bool has_whole = take_digits() > 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (take_digits() == 0 && !has_whole) return false;
  } else if (!has_whole) {
    return false;
  }
  if (text.empty()) return true;
  return (text.front() == 'e' || text.front() == 'E') && all_in(without_sign(text.substr(1)), kDigits);
}

struct Digits {
  std::string_view text;  // with its sign
  int base = 10;
};

/// The digits of an integer of the core schema, if it is one in form.
std::optional<Digits> as_integer(std::string_view text) {
  if (text.starts_with("0o") && all_in(text.substr(2), "01234567")) return Digits{text.substr(2), 8};
  if (text.starts_with("0x") && all_in(text.substr(2), "0123456789abcdefABCDEF")) return Digits{text.substr(2), 16};
  if (!all_in(without_sign(text), kDigits)) return std::nullopt;
  return Digits{text.front() == '+' ? text.substr(1) : text, 10};
}

std::optional<bool> as_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

Value integer_of(const Digits& digits, int line) {
  std::int64_t value = 0;
  const char* const end = digits.text.data() + digits.text.size();
  const auto [stopped, error] = std::from_chars(digits.text.data(), end, value, digits.base);
  if (error != std::errc() || stopped != end) throw Refusal{line, "an integer beyond 64 bits"};
  return value;
}

/// The value that a scalar without a tag and without quotes has in the core schema.
Value plain(const std::string& text, int line) {
  if (const auto boolean = as_boolean(text)) return *boolean;
  if (const auto digits = as_integer(text)) return integer_of(*digits, line);
  if (is_float(text)) {
    throw Refusal{line,
                  "a number with a fraction or an exponent; only integers are allowed (in quotes it is a string)"};
  }
  return text;
}

Value scalar(const std::string& tag, const std::string& text, int line) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag == "!" || tag == std::string(kCore) + "str") return text;  // "!": in quotes
  if (tag == "?" || tag.empty()) return plain(text, line);
  if (tag == std::string(kCore) + "int") {
    if (const auto digits = as_integer(text)) return integer_of(*digits, line);
  } else if (tag == std::string(kCore) + "bool") {
    if (const auto boolean = as_boolean(text)) return *boolean;
  }
  throw Refusal{line, "a tag that is not allowed here; leave it out"};
}

// --------------------------------------------------------------------------------------------------- events to a tree

/// What a value weighs once its aliases are replaced.
struct Weight {
  std::size_t nodes = 1;
  std::size_t bytes = 0;
  int depth = 0;  // levels of maps and lists
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  [[nodiscard]] std::optional<Value> take() { return std::exchange(root_, std::nullopt); }
  /// Of the last scalar that was read.
  [[nodiscard]] int scalar_line() const { return scalar_line_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    const int line = line_of(mark);
    if (open_.empty()) throw Refusal{line, "nothing: the document is empty"};
    if (open_.back().expects_key()) throw Refusal{line, "a key that is no string"};
    throw Refusal{key_line(line), "a null" + of_key() + "; give it a value or leave it out"};
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = line_of(mark);
    const auto at = anchored_.find(anchor);
    if (at == anchored_.end()) throw Refusal{line, "an alias of something that contains it"};
    add(at->second.value, at->second.weight, line);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const int line = line_of(mark);
    scalar_line_ = line;
    if (tag == "?" && text == "<<" && !open_.empty() && open_.back().expects_key()) {
      throw Refusal{line, "the merge key <<, which YAML 1.2 does not have; write the keys out"};
    }
    Value value = scalar(tag, text, line);
    value.set_line(line);
    const Weight weight{1, text.size(), 0};
    remember(anchor, value, weight);
    add(std::move(value), weight, line);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    begin(Value(Value::List{}), "tag:yaml.org,2002:seq", mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    begin(Value(Value::Map{}), "tag:yaml.org,2002:map", mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Value value;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<std::string> key;  // read, its value being awaited
    int key_line = 0;
    Weight weight;

    [[nodiscard]] bool expects_key() const { return value.map() != nullptr && !key; }
  };
  struct Anchored {
    Value value;
    Weight weight;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }
  [[nodiscard]] int key_line(int otherwise) const { return open_.back().key ? open_.back().key_line : otherwise; }
  [[nodiscard]] std::string of_key() const {
    return open_.back().key ? " as value of '" + *open_.back().key + "'" : "";
  }

  void begin(Value value, std::string_view core_tag, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    int line = line_of(mark);
    if (tag != "?" && tag != "!" && !tag.empty() && tag != core_tag) {
      throw Refusal{line, "a tag that is not allowed here; leave it out"};
    }
    if (!open_.empty() && open_.back().expects_key()) throw Refusal{line, "a key that is no string"};
    if (open_.size() >= static_cast<std::size_t>(kYamlDepthMax)) refuse_depth(line);
    // Of a map or list in a map, the line of its key says more than that of its first member.
    if (!open_.empty()) line = key_line(line);
    value.set_line(line);
    open_.push_back({std::move(value), anchor, std::nullopt, 0, Weight{1, 0, 1}});
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    remember(done.anchor, done.value, done.weight);
    const int line = done.value.line();
    if (open_.empty()) {
      root_ = std::move(done.value);
    } else {
      add(std::move(done.value), done.weight, line);
    }
  }

  void remember(YAML::anchor_t anchor, const Value& value, const Weight& weight) {
    if (anchor != YAML::NullAnchor) anchored_.insert_or_assign(anchor, Anchored{value, weight});
  }

  [[noreturn]] static void refuse_depth(int line) {
    throw Refusal{line, "more than " + std::to_string(kYamlDepthMax) + " levels of maps and lists"};
  }

  void add(Value value, const Weight& weight, int line) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& parent = open_.back();
    weigh(parent.weight, weight, line);
    if (Value::List* list = parent.value.list()) {
      list->push_back(std::move(value));
    } else if (!parent.key) {
      add_key(parent, value, line);
    } else {
      parent.value.map()->emplace(*std::exchange(parent.key, std::nullopt), std::move(value));
    }
  }

  static void weigh(Weight& parent, const Weight& child, int line) {
    parent.nodes += child.nodes;
    parent.bytes += child.bytes;
    parent.depth = std::max(parent.depth, child.depth + 1);
    if (parent.depth > kYamlDepthMax) refuse_depth(line);
    if (parent.nodes > kYamlNodesMax || parent.bytes > kYamlExpandedBytesMax) {
      throw Refusal{line, "more than " + std::to_string(kYamlNodesMax) + " values or " +
                              std::to_string(kYamlExpandedBytesMax) +
                              " bytes, aliases replaced by what they stand for"};
    }
  }

  static void add_key(Open& parent, const Value& value, int line) {
    const std::string* key = value.string();
    if (key == nullptr) throw Refusal{line, "a key that is " + std::string(value.kind_name()) + "; put it in quotes"};
    if (parent.value.find(*key) != nullptr) throw Refusal{line, "the key '" + *key + "' a second time"};
    parent.key = *key;
    parent.key_line = line;
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  std::optional<Value> root_;
  int scalar_line_ = 0;
};

// ------------------------------------------------------------------------------------------------------------ the text

/// Length of the UTF-8 sequence at the front of `text`, 0 if there is none that is valid.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const bool is_overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool is_surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool is_beyond = lead == 0xF4 && byte(1) >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

void check_characters(std::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first == '\n') ++line;
    if (first < 0x20 && first != '\n' && first != '\r' && first != '\t') throw Refusal{line, "a control character"};
    const std::size_t length = utf8_length(text);
    if (length == 0) throw Refusal{line, "bytes that are not UTF-8"};
    text.remove_prefix(length);
  }
}

std::optional<unsigned> hex4(std::string_view text) {
  unsigned value = 0;
  if (text.size() < 4 || !all_in(text.substr(0, 4), "0123456789abcdefABCDEF")) return std::nullopt;
  std::from_chars(text.data(), text.data() + 4, value, 16);
  return value;
}

/// JSON writes characters beyond U+FFFF as two escapes of four digits, which YAML does not know: they become one of
/// eight. Only for texts that are JSON by their look, where every backslash stands in double quotes.
std::string join_surrogates(std::string_view text) {
  std::string joined;
  joined.reserve(text.size());
  while (!text.empty()) {
    std::size_t taken = 1;
    if (text.front() == '\\' && text.size() >= 2) {
      taken = 2;
      const auto high = text[1] == 'u' ? hex4(text.substr(2)) : std::nullopt;
      const bool is_high = high && *high >= 0xD800 && *high < 0xDC00;
      const auto low = is_high && text.substr(6).starts_with("\\u") ? hex4(text.substr(8)) : std::nullopt;
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        static constexpr char kHex[] = "0123456789ABCDEF";
        const unsigned code = 0x10000U + ((*high - 0xD800U) << 10U) + (*low - 0xDC00U);
        joined += "\\U";
        for (int shift = 28; shift >= 0; shift -= 4) joined += kHex[(code >> static_cast<unsigned>(shift)) & 0xFU];
        text.remove_prefix(12);
        continue;
      }
    }
    joined += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return joined;
}

/// yaml-cpp lets quotes end with the text, so that they swallow all that follows; it stops at an end of document inside
/// of them. What they swallowed is the last scalar.
void refuse_open_quotes(std::string_view text, int last_scalar_line) {
  if (text.find_first_of("\"'") == std::string_view::npos) return;
  std::istringstream stream(std::string(text) + "\n...\n");
  YAML::Parser parser(stream);
  TreeBuilder builder;
  try {
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception&) {
    throw Refusal{last_scalar_line, "quotes that are not closed"};
  }
}

Value parse(std::string_view text) {
  if (text.size() > kYamlBytesMax) {
    throw Refusal{0, "more than " + std::to_string(kYamlBytesMax) + " bytes"};
  }
  check_characters(text);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  const bool looks_like_json = start != std::string_view::npos && text[start] == '{';
  const std::string joined = looks_like_json ? join_surrogates(text) : std::string(text);
  std::istringstream stream(joined);
  YAML::Parser parser(stream);
  TreeBuilder builder;
  const bool has_document = parser.HandleNextDocument(builder);
  std::optional<Value> value = builder.take();
  if (!has_document || !value) throw Refusal{1, "nothing: the document is empty"};
  if (parser.HandleNextDocument(builder)) throw Refusal{0, "a second document; only one is allowed"};
  refuse_open_quotes(joined, builder.scalar_line());
  return std::move(*value);
}

Error error_of(std::string_view name, int line, std::string_view message) {
  std::string text(name);
  if (line > 0) text += ":" + std::to_string(line);
  text += ": ";
  text += message;
  return document_error(text);
}

}  // namespace

base::Result<Value> read_yaml(std::string_view text, std::string_view name) {
  try {
    return parse(text);
  } catch (const Refusal& refusal) {
    return error_of(name, refusal.line, "found " + refusal.message);
  } catch (const YAML::Exception& error) {
    return error_of(name, error.mark.is_null() ? 0 : error.mark.line + 1, "not valid YAML: " + error.msg);
  } catch (const std::exception& error) {
    return error_of(name, 0, std::string("cannot be read as YAML: ") + error.what());
  }
}

Error document_error(std::string_view text) { return {observe::printable(text, kErrorBytesMax)}; }

}  // namespace troth::app
