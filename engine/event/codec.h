// The stored form of an event: compact, versioned by the caller. Reading needs the catalogue it was written under.
// Pure functions; any thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/event/event.h"

namespace troth::event {

/// Tenant and subject are not written: the key under which the state stands holds them.
void encode_event(base::ByteWriter& out, const Event& event);

/// The same bytes in memory of their own: on the stack, for all but unusual events.
class EncodedEvent {
 public:
  explicit EncodedEvent(const Event& event);
  EncodedEvent(const EncodedEvent&) = delete;  // `bytes_` may refer into it
  EncodedEvent& operator=(const EncodedEvent&) = delete;
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  std::array<char, 1'024> usual_;  // not initialised: written before it is read
  std::unique_ptr<char[]> large_;
  std::string_view bytes_;
};

/// Nothing if the bytes are damaged or name a type or field that the catalogue does not have.
[[nodiscard]] std::optional<Event> decode_event(base::ByteReader& in, const Catalogue& catalogue,
                                                std::string_view tenant, std::string_view subject);

}  // namespace troth::event
