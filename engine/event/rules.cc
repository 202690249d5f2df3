#include "engine/event/rules.h"

#include <algorithm>
#include <cstring>

namespace troth::event {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighBits = 0x8080808080808080U;

/// Not 0 if one of eight bytes is a control character.
std::uint64_t control_character(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  const std::uint64_t is_delete = word ^ (kOnes * 0x7FU);
  return (((word - kOnes * 0x20U) & ~word) | ((is_delete - kOnes) & ~is_delete)) & kHighBits;
}

}  // namespace

bool has_no_control_characters(std::string_view text) {
  const char* const end = text.data() + text.size();
  if (text.size() < 8) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  }
  for (const char* at = text.data(); end - at > 8; at += 8) {
    if (control_character(at) != 0) return false;
  }
  return control_character(end - 8) == 0;  // the last eight bytes, some of them a second time
}

bool is_name(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && has_no_control_characters(text);
}

bool is_source(std::string_view text) {
  return is_name(text, kSourceBytesMax) && text.find(' ') == std::string_view::npos;
}

bool is_label(std::string_view key, std::string_view value) {
  return is_name(key, kLabelKeyBytesMax) && is_name(value, kLabelValueBytesMax);
}

bool is_in_range(const FieldSpec& spec, std::int64_t number) {
  switch (spec.kind) {
    case FieldKind::kBool: return number == 0 || number == 1;
    case FieldKind::kInteger: return number >= spec.min && number <= spec.max;
    case FieldKind::kOneOf: return number >= 0 && static_cast<std::uint64_t>(number) < spec.choices.size();
    case FieldKind::kTime:
    case FieldKind::kDueAt: return number >= 0 && number < kEndOfTime;
    case FieldKind::kId:
    case FieldKind::kDueDate:
    case FieldKind::kDueZone:
    case FieldKind::kItems: break;
  }
  return false;
}

bool is_item(const FieldSpec& spec, const Item& item) {
  return item.dimension < spec.choices.size() && item.score >= kItemScoreMin && item.score <= kItemScoreMax &&
         item.weight >= kItemWeightMin && item.weight <= kItemWeightMax;
}

}  // namespace troth::event
