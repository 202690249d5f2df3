// Reads an assignment of the consumer group as partitions of the engine: the same partition of every topic is one. Pure
// function; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace troth::source {

struct KafkaAssigned {
  std::string topic;
  std::int32_t partition = 0;
};

/// How many partitions there are: all topics must exist and agree. `count_of` answers −1 for a topic that does not
/// exist.
[[nodiscard]] base::Result<std::int32_t> common_partitions(
    std::span<const std::string> topics, const std::function<std::int32_t(const std::string&)>& count_of);

/// The partitions assigned, ascending. An error if one of them lacks a topic: another member of the group reads other
/// topics or assigns them otherwise, and a customer's events would be torn apart.
[[nodiscard]] base::Result<std::vector<std::int32_t>> whole_partitions(std::span<const KafkaAssigned> assigned,
                                                                       std::span<const std::string> topics,
                                                                       std::int32_t partitions);

}  // namespace troth::source
