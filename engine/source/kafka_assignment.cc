#include "engine/source/kafka_assignment.h"

#include <algorithm>
#include <set>

namespace troth::source {

base::Result<std::int32_t> common_partitions(std::span<const std::string> topics,
                                             const std::function<std::int32_t(const std::string&)>& count_of) {
  std::string missing;
  std::string counts;
  std::int32_t common = -1;
  bool differ = false;
  for (const std::string& topic : topics) {
    const std::int32_t count = count_of(topic);
    if (count < 0) {
      (missing += missing.empty() ? "" : ", ") += topic;
      continue;
    }
    (counts += counts.empty() ? "" : ", ") += topic + " has " + std::to_string(count);
    differ = differ || (common >= 0 && common != count);
    common = count;
  }
  if (!missing.empty()) {
    return base::Error{"input topics missing: " + missing +
                       ". Create them with `troth topics create`, or name other topics"};
  }
  if (differ) {
    return base::Error{"the input topics differ in their number of partitions (" + counts +
                       "), so the events of one customer would not meet. Give all of them the same number"};
  }
  if (common <= 0) return base::Error{"no input topics are given"};
  return common;
}

base::Result<std::vector<std::int32_t>> whole_partitions(std::span<const KafkaAssigned> assigned,
                                                         std::span<const std::string> topics, std::int32_t partitions) {
  std::set<std::int32_t> numbers;
  for (const KafkaAssigned& each : assigned) {
    if (each.partition >= partitions) {
      return base::Error{"topic " + each.topic + " has grown: partition " + std::to_string(each.partition) +
                         " was assigned, but there were " + std::to_string(partitions) +
                         " partitions at start. A customer's events would change partition and lose his history. "
                         "Replay into new topics and a new state instead"};
    }
    numbers.insert(each.partition);
  }
  for (const std::int32_t number : numbers) {
    for (const std::string& topic : topics) {
      const bool found = std::any_of(assigned.begin(), assigned.end(), [&](const KafkaAssigned& each) {
        return each.partition == number && each.topic == topic;
      });
      if (!found) {
        return base::Error{
            "partition " + std::to_string(number) + " was assigned without topic " + topic +
            ": every member of the consumer group must read the same topics. Compare the configuration of "
            "all instances of this group"};
      }
    }
  }
  return std::vector<std::int32_t>(numbers.begin(), numbers.end());
}

}  // namespace troth::source
