// Pipeline: the live life of Troth: the only place where a real source, sink, store and a model are tied together.
// One driver thread turns: poll, decode, offer, tell the wall clock, commit. Crash-only within the process: when source,
// sink or store fail, everything is closed and opened anew from what is durable, after a pause; the observers say so.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/app/config.h"
#include "engine/app/observers.h"
#include "engine/app/policy_source.h"
#include "engine/base/clock.h"
#include "engine/base/result.h"
#include "engine/task/model.h"

namespace troth::app {

struct PipelineError {
  std::string message;
  bool is_fatal = false;   // opening anew would not help: configuration, another state, missing topics
  bool is_damage = false;  // of the store: it has to be rebuilt
  bool is_final = false;   // found at run time, and opening anew would not help: records that are gone, for one
};

/// The topics that the engine itself reads.
[[nodiscard]] std::vector<std::string> topics_read(const KafkaConfig& kafka);

struct PipelineParts {
  const Config& config;
  const LoadedPolicy& policy;      // under which the model judges; kept in the state directory
  const task::KeyedModel& model;
  const base::Clock& clock;
  Observers& observers;
  const std::function<bool()>& stop;  // asked once a turn
};

/// Runs until stop() (drains: everything read is committed and delivered; nothing) or until something fails.
/// `was_ready` is set once the pipeline has worked.
[[nodiscard]] std::optional<PipelineError> run_kafka_pipeline(const PipelineParts& parts, bool& was_ready);
[[nodiscard]] std::optional<PipelineError> run_file_pipeline(const PipelineParts& parts, bool& was_ready);

}  // namespace troth::app
