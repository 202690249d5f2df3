#include "engine/app/letter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace troth::app {
namespace {

using base::Error;
using base::Result;
using decode::JsonKind;
using decode::JsonNode;
using Nodes = std::span<const JsonNode>;

/// The value of a key of the object at `object`; null: it has none, or it is null.
const JsonNode* member(Nodes nodes, std::size_t object, std::string_view name) {
  if (nodes[object].kind != JsonKind::kObject) return nullptr;
  for (std::size_t at = object + 1; at < nodes[object].end; at = nodes[at + 1].end) {
    if (nodes[at].text != name) continue;
    const JsonNode& value = nodes[at + 1];
    return value.kind == JsonKind::kNull ? nullptr : &value;
  }
  return nullptr;
}

std::optional<std::string> text_of(const JsonNode* node) {
  if (node == nullptr || node->kind != JsonKind::kString) return std::nullopt;
  return std::string(node->text);
}

std::optional<std::int64_t> number_of(const JsonNode* node) {
  if (node == nullptr || node->kind != JsonKind::kInteger) return std::nullopt;
  std::int64_t number = 0;
  const char* end = node->text.data() + node->text.size();
  const auto [at, error] = std::from_chars(node->text.data(), end, number);
  if (error != std::errc() || at != end || number < 0) return std::nullopt;
  return number;
}

/// Nothing: it is no base64.
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const std::size_t digit = is_padding ? 0 : kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>(bits >> shift & 0xFFU);
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

Result<Letter> letter_of(Nodes nodes, std::size_t at, std::optional<std::string> key) {
  if (nodes[at].kind != JsonKind::kObject) return Error{"its value is no JSON object"};
  Letter letter;
  letter.key = std::move(key);
  const auto reason = text_of(member(nodes, at, "reason"));
  const auto topic = text_of(member(nodes, at, "topic"));
  const auto partition = number_of(member(nodes, at, "partition"));
  const auto offset = number_of(member(nodes, at, "offset"));
  const std::array<std::pair<const char*, bool>, 4> needed{{{"reason", reason.has_value()},
                                                            {"topic", topic.has_value()},
                                                            {"partition", partition.has_value()},
                                                            {"offset", offset.has_value()}}};
  for (const auto& [name, is_there] : needed) {
    if (!is_there) return Error{fmt::format("`{}` is missing or not what the engine writes there", name)};
  }
  letter.reason = *reason;
  letter.topic = *topic;
  letter.partition = *partition;
  letter.offset = *offset;
  const JsonNode* raw = member(nodes, at, "raw");
  const JsonNode* raw_base64 = member(nodes, at, "raw_base64");
  if (raw != nullptr && raw_base64 != nullptr) {
    return Error{"it has both `raw` and `raw_base64`: keep the one that is meant"};
  }
  if (raw != nullptr) {
    letter.message = text_of(raw);
    if (!letter.message) return Error{"`raw` is no string: the message stands in it as text, with its quotes escaped"};
  } else if (raw_base64 != nullptr) {
    if (const auto text = text_of(raw_base64)) letter.message = from_base64(*text);
    if (!letter.message) return Error{"`raw_base64` is no base64"};
  }
  for (const char* name : {"source", "id", "type"}) {
    letter.names_event = letter.names_event || member(nodes, at, name) != nullptr;
  }
  return letter;
}

}  // namespace

Result<Letter> LetterReader::read_value(std::string_view value, std::optional<std::string> key) {
  if (!reader_.read(value, 0)) return Error{"its value is not JSON"};
  return letter_of(reader_.nodes(), 0, std::move(key));
}

Result<Letter> LetterReader::read_line(std::string_view line) {
  if (!reader_.read(line, 0)) return Error{"it is not JSON"};
  const Nodes nodes = reader_.nodes();
  const JsonNode* value = member(nodes, 0, "value");
  if (value == nullptr) return Error{"it is no object with `key` and `value`, as in deadletters.ndjson"};
  return letter_of(nodes, static_cast<std::size_t>(value - nodes.data()), text_of(member(nodes, 0, "key")));
}

LetterReader::About LetterReader::about(std::string_view message) {
  About about;
  if (!reader_.read(message, 0)) return about;
  const Nodes nodes = reader_.nodes();
  about.is_object = nodes[0].kind == JsonKind::kObject;
  about.is_event = text_of(member(nodes, 0, "specversion")).has_value();
  if (about.is_event) about.customer = text_of(member(nodes, 0, "subject"));
  return about;
}

Judged judge(LetterReader& reader, const Letter& letter, const std::vector<std::string>& inputs,
             const std::set<std::string>& reasons) {
  if (!reasons.empty() && !reasons.contains(letter.reason)) return {Fate::kPassedOver, {}};
  if (!letter.message) return {Fate::kWithoutMessage, {}};
  if (std::find(inputs.begin(), inputs.end(), letter.topic) == inputs.end()) return {Fate::kUnknownTopic, {}};
  const LetterReader::About about = reader.about(*letter.message);
  // Of an event that was read and that says nothing of itself, headers said it.
  if (letter.names_event && about.is_object && !about.is_event) return {Fate::kHeadersLost, {}};
  sink::RedriveRecord record;
  record.topic = letter.topic;
  record.partition = static_cast<std::int32_t>(std::min<std::int64_t>(letter.partition, INT32_MAX));
  record.key = about.customer ? about.customer : letter.key;
  record.value = *letter.message;
  record.from = fmt::format("{}/{}/{}", letter.topic, letter.partition, letter.offset);
  return {Fate::kRedriven, std::move(record)};
}

}  // namespace troth::app
