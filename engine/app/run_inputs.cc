#include "engine/app/run_inputs.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "engine/app/secrets.h"
#include "engine/base/limits.h"
#include "operators/trust_model.h"

namespace troth::app {
namespace {

using base::Error;

std::string short_hash(const LoadedPolicy& policy) { return policy.policy->hash().substr(0, 12); }

/// The first input that is gone once it is read: a pipe, say.
std::optional<std::string> input_without_return(const Config& config) {
  if (!config.files) return std::nullopt;
  for (const std::string& input : config.files->inputs) {
    std::error_code error;
    if (input == "-" || !std::filesystem::is_regular_file(input, error)) return input;
  }
  return std::nullopt;
}

std::string foundation_of(const LoadedPolicy& policy) { return operators::TrustModel(policy.policy, {}).foundation(); }

}  // namespace

base::Result<RunInputs> load_run_inputs(const std::string& config_file, const Environment& environment) {
  auto config = load_config(config_file, environment);
  if (!config) return config.error();
  auto policy = load_policy(config->policy, config->overlay);
  if (!policy) return policy.error();
  RunInputs inputs{std::move(*config), std::move(*policy), {}};
  if (inputs.config.erasure_key_file) {
    auto key = read_small_file(*inputs.config.erasure_key_file, base::limits::kConfigurationBytes);
    if (!key) return key.error();
    inputs.erasure_key = std::move(*key);
  }
  return inputs;
}

Reloader::Reloader(RunInputs inputs, std::string config_file, Environment environment)
    : inputs_(std::move(inputs)), config_file_(std::move(config_file)), environment_(std::move(environment)) {
  if (inputs_.config.kafka) credentials_ = credentials_digest(*inputs_.config.kafka);
}

bool Reloader::read_again() {
  next_policy_.reset();
  next_kafka_.reset();
  auto policy = read_policy();
  if (!policy) {
    spdlog::error("SIGHUP: the policy is refused, the one of before stays: {}", policy.error().message);
    return false;
  }
  auto kafka = read_kafka_secrets();
  if (!kafka) {
    spdlog::error("SIGHUP: the secrets are refused, everything stays as it was: {}", kafka.error().message);
    return false;
  }
  const bool is_other_policy = policy->policy->hash() != inputs_.policy.policy->hash();
  const bool are_other_secrets = *kafka && credentials_digest(**kafka) != credentials_;
  if (!is_other_policy && !are_other_secrets) {
    spdlog::info("SIGHUP: policy {} and secrets are what they were: nothing changes", short_hash(*policy));
    return false;
  }
  if (const auto input = input_without_return(inputs_.config)) {
    spdlog::error("SIGHUP: the input {} cannot be read a second time, so that nothing can be opened anew: everything "
                  "stays as it was", *input);
    return false;
  }
  if (is_other_policy) {
    spdlog::info("SIGHUP: policy {} in place of {}: opening everything anew under it", short_hash(*policy),
                 short_hash(inputs_.policy));
    next_policy_ = std::move(*policy);
  }
  if (are_other_secrets) {
    spdlog::info("SIGHUP: there are other secrets: connecting anew with them");
    next_kafka_ = std::move(*kafka);
  }
  return true;
}

void Reloader::adopt() {
  if (next_policy_) inputs_.policy = std::move(*next_policy_);
  if (next_kafka_) {
    inputs_.config.kafka = std::move(*next_kafka_);
    credentials_ = credentials_digest(*inputs_.config.kafka);
  }
  next_policy_.reset();
  next_kafka_.reset();
}

base::Result<LoadedPolicy> Reloader::read_policy() const {
  auto policy = load_policy(inputs_.config.policy, inputs_.config.overlay);
  if (policy && foundation_of(*policy) != foundation_of(inputs_.policy)) {
    return Error{
        "its `global` section differs, and half-lives and horizons are folded into what is stored. Stop, and replay "
        "the log into a new state directory"};
  }
  return policy;
}

base::Result<std::optional<KafkaConfig>> Reloader::read_kafka_secrets() const {
  std::optional<KafkaConfig> kafka = inputs_.config.kafka;
  if (!kafka) return kafka;
  if (const base::Status read = read_secrets(*kafka, environment_, config_file_); !read) return read.error();
  if (const base::Status read = check_setting_files(*kafka, config_file_); !read) return read.error();
  return kafka;
}

}  // namespace troth::app
