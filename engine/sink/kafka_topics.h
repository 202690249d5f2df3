// Makes the topics that the engine reads and writes, or checks those that are there: `troth topics create`. Any thread;
// waits for the cluster until its deadline. Never changes or deletes a topic that exists.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/kafka_settings.h"

namespace troth::sink {

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 1;
  std::int32_t replication = 1;
  std::map<std::string, std::string> config = {};  // of the topic; what is not named here is the cluster's affair
  bool takes_any_partitions = false;               // if it is there with another number, that is fine
};

struct TopicResult {
  enum class Outcome : std::uint8_t {
    kCreated,
    kPresent,  // was there, and is as asked for
    kDiffers,  // was there, with another configuration: works, but see the message
    kFailed,   // not there or not usable: the message says why and what to do
  };
  std::string name;
  Outcome outcome = Outcome::kFailed;
  std::string message;  // empty: nothing to say
};

/// The topics of a pipeline: inputs as the cluster keeps them (the history in them is the only way to rebuild a state,
/// so how long it stays is the owner's decision), outputs and changelog compacted, dead letters (the last of `outputs`)
/// kept by time.
[[nodiscard]] std::vector<TopicSpec> pipeline_topics(std::span<const std::string> inputs,
                                                     std::span<const std::string> outputs,
                                                     const std::optional<std::string>& changelog,
                                                     std::int32_t partitions, std::int32_t replication);

/// One result for each spec, in order. An error only if the cluster could not be asked at all.
[[nodiscard]] base::Result<std::vector<TopicResult>> create_topics(const std::vector<TopicSpec>& specs,
                                                                   const source::KafkaSettings& settings,
                                                                   int timeout_ms = 30'000);

/// Whether the pipeline can run on these.
[[nodiscard]] bool usable(std::span<const TopicResult> results);

}  // namespace troth::sink
