// KafkaGroup: what a transaction needs of the membership under which its input was read: the group's word on who we are,
// and what the group has as the position of a partition. KafkaSource is one; the sink asks it. Driver's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"

struct rd_kafka_consumer_group_metadata_s;  // the library's

namespace troth::source {

/// Membership and generation, as the client library holds them; only its own functions look inside.
using KafkaMembership = std::shared_ptr<rd_kafka_consumer_group_metadata_s>;

class KafkaGroup {
 public:
  virtual ~KafkaGroup() = default;
  /// The input topics, by input.
  [[nodiscard]] virtual const std::vector<std::string>& topics() const = 0;
  /// Of the assignment that is in force, taken when it was made; null: there is none. The broker refuses it once the group
  /// has gone on to another generation, which is what fences a member that was left behind.
  [[nodiscard]] virtual KafkaMembership membership() const = 0;
  /// The metadata of the offsets that the group has for a partition of all inputs; nothing: it has none. Waits until no
  /// transaction that holds such offsets is open any more, at most `timeout_ms`.
  [[nodiscard]] virtual base::Result<std::optional<std::string>> committed_metadata(std::int32_t partition,
                                                                                   int timeout_ms) = 0;
};

}  // namespace troth::source
