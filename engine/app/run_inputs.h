// RunInputs: all that `troth run` needs before it opens anything, read and checked; and the Reloader, which reads the
// part of it that may change in a running process. Used by `troth run` and `troth config check`; main thread.
#pragma once

#include <optional>
#include <string>

#include "engine/app/config.h"
#include "engine/app/policy_source.h"
#include "engine/base/result.h"

namespace troth::app {

struct RunInputs {
  Config config;
  LoadedPolicy policy;
  std::string erasure_key;
};

/// Errors say what is wrong, where, and what to write instead.
[[nodiscard]] base::Result<RunInputs> load_run_inputs(const std::string& config_file, const Environment& environment);

/// Policy, overlay and secrets, read again from where the configuration said at start that they are; nothing else of
/// it changes before a restart. All or nothing: one part that is bad, and everything stays as it is.
class Reloader {
 public:
  Reloader(RunInputs inputs, std::string config_file, Environment environment);

  /// What is in force.
  [[nodiscard]] const RunInputs& inputs() const { return inputs_; }

  /// Reads, checks, and says in the log what came of it. True: something differs and is good: adopt() it once nothing
  /// refers to inputs() any more.
  [[nodiscard]] bool read_again();
  void adopt();

 private:
  [[nodiscard]] base::Result<LoadedPolicy> read_policy() const;
  [[nodiscard]] base::Result<std::optional<KafkaConfig>> read_kafka_secrets() const;

  RunInputs inputs_;
  const std::string config_file_;
  const Environment environment_;  // of the start: it cannot change from outside
  std::string credentials_;        // digest
  std::optional<LoadedPolicy> next_policy_;
  std::optional<KafkaConfig> next_kafka_;
};

}  // namespace troth::app
