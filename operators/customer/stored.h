// What a number in the stored state of a customer may be at most. Damage that checksums miss must be refused when it is
// read: a number beyond these bounds would overflow a sum, and a broken invariant stops the process. No honest state
// comes near them. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/event/time.h"

namespace troth::operators::stored {

/// Of things that are counted: events, orders, revisions.
inline constexpr std::int64_t kCountMax = std::int64_t{1} << 48U;
/// Of amounts in µe, whatever their sign.
inline constexpr std::int64_t kAmountMax = std::int64_t{1} << 60U;
/// Of times that follow from events: deadlines and rests are added to those, each of a hundred years at most.
inline constexpr event::TimeUs kTimeMax = 10 * event::kEndOfTime;

[[nodiscard]] inline bool is_count(std::int64_t value) { return value >= 0 && value <= kCountMax; }
[[nodiscard]] inline bool is_amount(std::int64_t value) { return value >= -kAmountMax && value <= kAmountMax; }
[[nodiscard]] inline bool is_time(event::TimeUs value) { return value >= 0 && value <= kTimeMax; }
/// The name of an object, as which a case is filed, too: a letter, a colon, an id.
[[nodiscard]] inline bool is_object(std::string_view name) { return name.size() > 2 && name[1] == ':'; }

}  // namespace troth::operators::stored
