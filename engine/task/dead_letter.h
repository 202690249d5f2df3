// Dead letters: refused records as they go out (TRUST_MODEL: trust.deadletter). Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/task/model.h"
#include "engine/task/record.h"
#include "engine/task/sink.h"

namespace troth::task {

/// What is known of an event besides its bytes; all empty for a record that was none.
struct EventName {
  std::string_view source, id, type;
};

/// `stream` is that of the dead letters; `inputs` are the names of the inputs by index. The raw message is left out for
/// `erased` and `too_large`, and written in base64 if it is not UTF-8. The key is that of the record, and the place where it
/// was first written, if it was routed.
[[nodiscard]] Outgoing dead_letter(std::uint8_t stream, const event::Rejection& rejection, const EventName& name,
                                   const Record& record, const std::vector<std::string>& inputs);

/// Of an event that was accepted earlier. What key its record had is not kept.
[[nodiscard]] Outgoing dead_letter(std::uint8_t stream, const Refusal& refusal, const std::vector<std::string>& inputs);

}  // namespace troth::task
