// The stored form of an event: compact, versioned by the caller. Reading needs the catalogue it was written under.
// Pure functions; any thread.
#pragma once

#include <optional>

#include "engine/base/bytes.h"
#include "engine/event/event.h"

namespace troth::event {

/// Tenant and subject are not written: the key under which the state stands holds them.
void encode_event(base::ByteWriter& out, const Event& event);

/// Nothing if the bytes are damaged or name a type or field that the catalogue does not have.
[[nodiscard]] std::optional<Event> decode_event(base::ByteReader& in, const Catalogue& catalogue,
                                                std::string_view tenant, std::string_view subject);

}  // namespace troth::event
