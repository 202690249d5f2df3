// The decode step as the sources take it: a record of any kind becomes an event or a rejection. One Decoder, one
// thread.
#pragma once

#include <utility>

#include "engine/base/limits.h"
#include "engine/decode/decoder.h"
#include "engine/task/record.h"

namespace troth::app {

[[nodiscard]] inline task::Decoded decode_record(decode::Decoder& decoder, task::Record record) {
  task::Decoded result;
  const std::string_view value = record.value ? std::string_view(*record.value) : std::string_view{};
  decode::Decoded decoded =
      decode::is_binary(record.headers) ? decoder.binary(record.headers, value) : decoder.structured(value);
  if (decoded.event) decoded.event->origin = record.origin;
  result.event = std::move(decoded.event);
  result.rejection = std::move(decoded.rejection);
  result.merge_time = decoded.merge_time;
  result.record = std::move(record);
  return result;
}

}  // namespace troth::app
