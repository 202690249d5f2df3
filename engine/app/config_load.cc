// load_config: what a configuration needs of this machine: its environment, its files, its client library.
#include <fmt/format.h>

#include "engine/app/config.h"
#include "engine/app/config_kafka.h"
#include "engine/app/config_section.h"
#include "engine/app/policy_source.h"
#include "engine/app/secrets.h"
#include "engine/base/limits.h"
#include "engine/source/kafka_version.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;

/// What the client library of this machine cannot do.
Status judge_library(const KafkaConfig& kafka, const std::string& name, std::vector<std::string>& warnings) {
  const std::string mechanism = sasl_mechanism(kafka);
  if (mechanism == "OAUTHBEARER" && !source::kafka_library_does_oidc()) {
    return Error{fmt::format("{}: kafka.settings.sasl.mechanism cannot be OAUTHBEARER here: the client library "
                             "(librdkafka {}) was built without OpenID Connect. Use mTLS (security.protocol ssl), "
                             "PLAIN over TLS, or a librdkafka that was built with libcurl",
                             name, source::kafka_library_version())};
  }
  if (mechanism.starts_with("SCRAM-") && !source::kafka_library_does_scram_with_4()) {
    warnings.push_back(fmt::format("the client library (librdkafka {}) cannot do {} with brokers of version 4 and "
                                   "later, which answer \"invalid credentials\": there use mTLS (security.protocol "
                                   "ssl), PLAIN over TLS, or librdkafka 2.6.1 or later",
                                   source::kafka_library_version(), mechanism));
  }
  return base::success();
}

void warn_of_insecure(const KafkaConfig& kafka, std::vector<std::string>& warnings) {
  if (kafka.insecure_plaintext)
    warnings.emplace_back("kafka.insecure_plaintext is set: events may cross the network readable and unprotected");
  if (kafka.insecure_sasl_without_tls)
    warnings.emplace_back("kafka.insecure_sasl_without_tls is set: the password may cross the network readable");
  if (kafka.insecure_no_host_name_check)
    warnings.emplace_back("kafka.insecure_no_host_name_check is set: another server may pass for the broker");
}

}  // namespace

base::Result<Config> load_config(const std::string& path, const Environment& environment) {
  auto text = read_small_file(path, base::limits::kConfigurationBytes);
  if (!text) return text.error();
  auto config = parse_config(*text, path, folder_of(path), environment);
  if (!config || !config->kafka) {
    if (config) config->warnings = secrets_open_to_others(*config, path);
    return config;
  }
  KafkaConfig& kafka = *config->kafka;
  warn_of_insecure(kafka, config->warnings);
  if (const Status judged = judge_library(kafka, path, config->warnings); !judged) return judged.error();
  if (const Status read = read_secrets(kafka, environment, path); !read) return read.error();
  if (const Status read = check_setting_files(kafka, path); !read) return read.error();
  for (std::string& warning : secrets_open_to_others(*config, path)) config->warnings.push_back(std::move(warning));
  return config;
}

}  // namespace troth::app
