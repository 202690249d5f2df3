#include "operators/policy/reader.h"

#include <algorithm>

namespace troth::operators {
namespace {

using base::Value;

const Value kNothing;

std::string found_in(const Value& value) {
  if (const auto* integer = value.integer()) return std::to_string(*integer);
  if (const auto* boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const auto* string = value.string()) return quoted(*string);
  return std::string(value.kind_name());
}

std::string in_words(const Range& range) {
  std::string words = "an integer from " + std::to_string(range.least) + " to " + std::to_string(range.most);
  if (!range.unit.empty()) words += " (" + std::string(range.unit) + ")";
  return words;
}

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string shown = "'";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return shown + (text.size() > kShown ? "…'" : "'");
}

std::string listed(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

void Reader::refuse(std::string_view message) const {
  if (has_problem()) return;
  std::string text = path_.empty() ? "the policy" : path_;
  if (value_->line() > 0) text += " (line " + std::to_string(value_->line()) + ")";
  problem_->note(text + ": " + std::string(message));
}

void Reader::expected(std::string_view what) const {
  refuse("found " + found_in(*value_) + ", but it must be " + std::string(what));
}

Reader Reader::child(const Value& value, std::string_view key) const {
  std::string path = path_;
  if (!path.empty()) path += '.';
  const std::string shown = quoted(key);
  path.append(shown, 1, shown.size() - 2);
  return {value, std::move(path), *problem_};
}

const Reader& Reader::only(std::initializer_list<std::string_view> allowed) const {
  return only(std::span(allowed.begin(), allowed.size()));
}

const Reader& Reader::only(std::span<const std::string_view> allowed) const {
  if (has_problem()) return *this;
  if (value_->map() == nullptr) {
    expected("a map with " + listed(allowed));
    return *this;
  }
  for (const auto& [key, member] : *value_->map()) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    child(member, key).refuse("unknown key; allowed here: " + listed(allowed));
  }
  return *this;
}

Reader Reader::at(std::string_view key) const {
  if (const Value* member = value_->find(key)) return child(*member, key);
  if (!has_problem() && value_->map() == nullptr) expected("a map");
  if (!has_problem()) {
    Value missing;
    missing.set_line(value_->line());
    child(missing, key).refuse("missing; it is required here");
  }
  return child(kNothing, key);
}

std::optional<Reader> Reader::maybe(std::string_view key) const {
  const Value* member = value_->find(key);
  return member == nullptr ? std::nullopt : std::optional(child(*member, key));
}

std::vector<std::pair<std::string, Reader>> Reader::members() const {
  std::vector<std::pair<std::string, Reader>> members;
  if (value_->map() == nullptr) {
    expected("a map");
    return members;
  }
  for (const auto& [key, member] : *value_->map()) members.emplace_back(key, child(member, key));
  return members;
}

std::vector<Reader> Reader::elements(std::size_t least, std::size_t most) const {
  std::vector<Reader> elements;
  const Value::List* list = value_->list();
  if (list == nullptr) {
    expected("a list");
    return elements;
  }
  if (list->size() < least || list->size() > most) {
    const std::string count =
        least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
    refuse("found a list of " + std::to_string(list->size()) + ", but it must have " + count + " elements");
    return elements;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    elements.push_back({(*list)[i], path_ + "[" + std::to_string(i) + "]", *problem_});
  }
  return elements;
}

std::int64_t Reader::integer(const Range& range) const {
  const std::int64_t* integer = value_->integer();
  if (integer != nullptr && *integer >= range.least && *integer <= range.most) return *integer;
  if (!has_problem()) expected(in_words(range));
  return range.least;
}

bool Reader::boolean() const {
  if (const bool* boolean = value_->boolean()) return *boolean;
  expected("true or false");
  return false;
}

std::string Reader::text() const {
  if (const std::string* text = value_->string()) return *text;
  expected("a string");
  return {};
}

TimeUs Reader::duration(TimeUs least) const {
  const std::string* text = value_->string();
  const auto duration = text == nullptr ? std::nullopt : event::parse_duration(*text);
  if (!duration) {
    expected("a duration: an integer and one of s, m, h, d, as in 90s or 3d");
    return least;
  }
  if (*duration < least) {
    expected("at least " + std::to_string(least / event::kSecond) + "s");
    return least;
  }
  if (*duration > kDurationMax) {
    expected("at most 36525d, a hundred years");
    return least;
  }
  return *duration;
}

std::int32_t Reader::date() const {
  const std::string* text = value_->string();
  const auto date = text == nullptr ? std::nullopt : event::parse_date(*text);
  if (!date) expected("a date in the form \"2026-12-31\"");
  return date.value_or(0);
}

std::size_t Reader::one_of(std::span<const std::string_view> words, std::string_view what) const {
  if (const std::string* text = value_->string()) {
    const auto at = std::find(words.begin(), words.end(), *text);
    if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  }
  if (!has_problem()) expected(std::string(what) + ": " + listed(words));
  return 0;
}

std::vector<std::int64_t> Reader::integers(const Range& range, std::size_t least, std::size_t most) const {
  std::vector<std::int64_t> integers;
  for (const Reader& each : elements(least, most)) integers.push_back(each.integer(range));
  return integers;
}

void Reader::require_ascending(std::span<const std::int64_t> values) const {
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[i - 1]) continue;
    return refuse("element " + std::to_string(i) + " is not greater than the one before it; they must ascend strictly");
  }
}

}  // namespace troth::operators
