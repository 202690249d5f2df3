// The compiled form of a time zone (TZif, RFC 8536), as read from the installed database. Part of zone.cc alone; pure
// functions of the file's bytes. Damage is answered with nothing, never with a wrong table.
//
// The transitions listed in a file end in 2037 or earlier; what follows is told by the rule in its last line. Libraries
// that stop at the list are an hour off in the summers after it, so the rule is continued here, to beyond every time
// that a calendar can reach.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/event/zone.h"

namespace troth::event {

/// The spans of constant offset from before 1970 to the end of this year.
inline constexpr int kLastZoneYear = 2201;

/// Nothing if the bytes are no TZif file of version 2 or later, or one with leap seconds.
[[nodiscard]] std::optional<std::vector<Zone::Span>> read_zone_file(std::string_view bytes);

}  // namespace troth::event
