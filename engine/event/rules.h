// The rules that values of an event keep, wherever they come from: the decoder refuses a record that breaks them, the
// codec takes stored bytes that break them for damaged. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/event/event.h"

namespace troth::event {

inline constexpr std::size_t kIdBytesMax = 128;
inline constexpr std::size_t kSourceBytesMax = 256;
inline constexpr std::size_t kLabelsMax = 8;
inline constexpr std::size_t kLabelKeyBytesMax = 32;
inline constexpr std::size_t kLabelValueBytesMax = 128;
inline constexpr std::size_t kItemsMax = 50;
inline constexpr std::int64_t kItemScoreMin = 1;
inline constexpr std::int64_t kItemScoreMax = 7;
inline constexpr std::int64_t kItemWeightMin = 1;
inline constexpr std::int64_t kItemWeightMax = 1000;

/// The tenant of an event that names none.
inline constexpr std::string_view kDefaultTenant = "default";

/// None of U+0000 to U+001F, nor U+007F.
[[nodiscard]] bool has_no_control_characters(std::string_view text);

/// 1 to `bytes_max` bytes without control characters.
[[nodiscard]] bool is_name(std::string_view text, std::size_t bytes_max);

/// A name of at most 256 bytes that has no space: the space ends it in the name of the event.
[[nodiscard]] bool is_source(std::string_view text);

[[nodiscard]] bool is_label(std::string_view key, std::string_view value);

/// Whether `number` lies in the range of the field: a bool is 0 or 1, a one-of the index of a choice. Not for fields
/// that hold text or items.
[[nodiscard]] bool is_in_range(const FieldSpec& spec, std::int64_t number);

/// Of one answer of a survey, in a field `spec`.
[[nodiscard]] bool is_item(const FieldSpec& spec, const Item& item);

}  // namespace troth::event
