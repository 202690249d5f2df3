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

/// Where a record stood before it was routed to the topic that it is read from.
struct CameFrom {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// A record as read. `value` of nothing: a null value (Kafka); an empty one is an empty message.
struct Record {
  event::Origin origin;
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
  std::optional<CameFrom> came_from = {};
};

/// A record judged by its content alone: either an event or the reason why it is none.
struct Decoded {
  std::optional<event::Event> event;
  std::optional<event::Rejection> rejection;
  std::optional<event::TimeUs> merge_time;  // by which inputs are merged; nothing: goes at once
  Record record;                            // raw bytes, for dead letters
};

}  // namespace troth::task
