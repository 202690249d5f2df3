#include "engine/task/dead_letter.h"

#include "engine/base/assert.h"
#include "engine/base/json.h"

namespace troth::task {
namespace {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto continues = [&](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
  while (i < text.size()) {
    const unsigned lead = byte(i);
    if (lead < 0x80U) {
      i += 1;
    } else if (lead >= 0xC2U && lead <= 0xDFU) {
      if (!continues(i + 1)) return false;
      i += 2;
    } else if (lead >= 0xE0U && lead <= 0xEFU) {
      const unsigned second = byte(i + 1);
      if (!continues(i + 1) || !continues(i + 2)) return false;
      if ((lead == 0xE0U && second < 0xA0U) || (lead == 0xEDU && second > 0x9FU)) return false;
      i += 3;
    } else if (lead >= 0xF0U && lead <= 0xF4U) {
      const unsigned second = byte(i + 1);
      if (!continues(i + 1) || !continues(i + 2) || !continues(i + 3)) return false;
      if ((lead == 0xF0U && second < 0x90U) || (lead == 0xF4U && second > 0x8FU)) return false;
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8U) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool is_padding = i + k > bytes.size();
      out += is_padding ? '=' : kDigits[(group >> (18U - 6U * static_cast<unsigned>(k))) & 0x3FU];
    }
  }
  return out;
}

struct Letter {
  Reason reason;
  std::string_view field;
  EventName name;
  std::string_view raw;
  event::Origin origin;
  const CameFrom* came_from = nullptr;  // tells the place instead
};

std::string value_of(const Letter& letter, const std::vector<std::string>& inputs) {
  TROTH_ASSERT(letter.origin.input < inputs.size());
  const CameFrom* from = letter.came_from;
  const bool has_raw = letter.reason != Reason::kErased && letter.reason != Reason::kTooLarge;
  const bool is_text = !has_raw || is_utf8(letter.raw);
  base::JsonWriter json;
  json.begin_map();
  if (!letter.field.empty()) json.field("field", letter.field);
  if (!letter.name.id.empty()) json.field("id", letter.name.id);
  json.field("offset", from != nullptr ? from->offset : letter.origin.offset);
  json.field("partition", from != nullptr ? from->partition : letter.origin.partition);
  if (has_raw && is_text) json.field("raw", letter.raw);
  if (has_raw && !is_text) json.field("raw_base64", base64(letter.raw));
  json.field("reason", event::reason_name(letter.reason));
  if (!letter.name.source.empty()) json.field("source", letter.name.source);
  json.field("topic", from != nullptr ? from->topic : inputs[letter.origin.input]);
  if (!letter.name.type.empty()) json.field("type", letter.name.type);
  json.end_map();
  return std::move(json).take();
}

}  // namespace

Outgoing dead_letter(std::uint8_t stream, const event::Rejection& rejection, const EventName& name,
                     const Record& record, const std::vector<std::string>& inputs) {
  const std::string_view raw = record.value ? std::string_view(*record.value) : std::string_view{};
  const CameFrom* from = record.came_from ? &*record.came_from : nullptr;
  return {stream, record.key, value_of({rejection.reason, rejection.field, name, raw, record.origin, from}, inputs)};
}

Outgoing dead_letter(std::uint8_t stream, const Refusal& refusal, const std::vector<std::string>& inputs) {
  const EventName name{refusal.source, refusal.id, refusal.type};
  return {stream, std::nullopt, value_of({refusal.reason, {}, name, refusal.raw, refusal.origin}, inputs)};
}

}  // namespace troth::task
