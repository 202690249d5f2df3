// Record: what a source hands to the engine: bytes with their origin, or news about an input. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/event/event.h"

namespace troth::task {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A record as read. `value` of nothing: a null value (Kafka); an empty one is an empty message.
struct Record {
  event::Origin origin;
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
};

/// A record judged by its content alone: either an event or the reason why it is none.
struct Decoded {
  std::optional<event::Event> event;
  std::optional<event::Rejection> rejection;
  std::optional<event::TimeUs> merge_time;  // by which inputs are merged; nothing: goes at once
  Record record;                            // raw bytes, for dead letters
};

}  // namespace troth::task
