#include "engine/app/secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/app/config_environment.h"
#include "engine/app/policy_source.h"
#include "engine/base/hash.h"
#include "engine/source/kafka_settings.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;

constexpr std::size_t kSecretBytes = 64 * 1024;
constexpr std::size_t kCredentialFileBytes = 16 * 1024 * 1024;  // a bundle of all authorities of the world is 0.2 MiB

/// The end of line that editors and `echo` leave.
void cut_end_of_line(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

base::Result<std::string> read_secret(const SecretSource& source, const Environment& environment) {
  std::string secret;
  if (source.kind == SecretSource::Kind::kEnvironment) {
    const auto found = environment.find(source.name);
    if (found == environment.end())
      return Error{fmt::format("the variable {} is not set in the environment of this process", source.name)};
    secret = found->second;
  } else {
    auto text = read_small_file(source.name, kSecretBytes);
    if (!text) return text.error();
    secret = std::move(*text);
    cut_end_of_line(secret);
  }
  const std::string_view place = source.name;
  if (secret.empty()) return Error{fmt::format("{} is empty", place)};
  if (secret.find('\0') != std::string::npos) return Error{fmt::format("{} holds a byte 0, which ends a text", place)};
  return secret;
}

bool is_open_to_others(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  using std::filesystem::perms;
  return !error && (status.permissions() & (perms::group_read | perms::others_read)) != perms::none;
}

bool is_directory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

/// Settings whose file holds what only its owner may know.
bool names_secret_file(std::string_view setting) {
  return setting == "ssl.key.location" || setting == "ssl.keystore.location" || setting == "sasl.kerberos.keytab";
}

bool names_file(const std::string& setting, const std::string& value) {
  return source::kafka_setting_is_path(setting) && value != "probe" && !is_directory(value);
}

/// Whether a secret stands in the configuration file itself.
bool holds_secret(const Config& config) {
  if (!config.kafka) return false;
  const KafkaConfig& kafka = *config.kafka;
  return std::any_of(kafka.settings.begin(), kafka.settings.end(), [&](const auto& setting) {
    const auto& name = setting.first;
    const bool is_public = name == "ssl.ca.pem" || name == "ssl.certificate.pem";
    const bool is_from_variable =
        std::find(config.overridden_by.begin(), config.overridden_by.end(),
                  variable_of("kafka.settings." + name)) != config.overridden_by.end();
    return source::kafka_setting_is_secret(name) && !is_public && !kafka.secret_sources.contains(name) &&
           !is_from_variable;
  });
}

}  // namespace

Status read_secrets(KafkaConfig& kafka, const Environment& environment, const std::string& configuration) {
  for (const auto& [name, source] : kafka.secret_sources) {
    auto secret = read_secret(source, environment);
    if (!secret)
      return Error{fmt::format("{}: kafka.settings.{}: {}", configuration, name, secret.error().message)};
    kafka.settings[name] = std::move(*secret);
  }
  return base::success();
}

Status check_setting_files(const KafkaConfig& kafka, const std::string& configuration) {
  for (const auto& [name, value] : kafka.settings) {
    if (!names_file(name, value)) continue;
    if (auto text = read_small_file(value, kCredentialFileBytes); !text)
      return Error{fmt::format("{}: kafka.settings.{}: {}", configuration, name, text.error().message)};
  }
  return base::success();
}

std::string credentials_digest(const KafkaConfig& kafka) {
  std::string all;
  const auto add = [&](const std::string& text) { all += base::sha256_hex(text); };
  for (const auto& [name, value] : kafka.settings) {
    add(name);
    add(value);
    if (!names_file(name, value)) continue;
    const auto text = read_small_file(value, kCredentialFileBytes);
    add(text ? *text : std::string());
  }
  return base::sha256_hex(all);
}

std::vector<std::string> secrets_open_to_others(const Config& config, const std::string& configuration) {
  std::vector<std::string> warnings;
  const auto warn_of = [&](const std::string& path, std::string_view what, std::string_view remedy) {
    if (is_open_to_others(path))
      warnings.push_back(fmt::format("{} holds {} and can be read by others: {}", path, what, remedy));
  };
  if (holds_secret(config))
    warn_of(configuration, "a secret", "`chmod 600` it, or give the secret as {file: PATH} or {env: NAME}");
  if (config.erasure_key_file) warn_of(*config.erasure_key_file, "the key of erasures", "`chmod 600` it");
  if (!config.kafka) return warnings;
  for (const auto& [name, source] : config.kafka->secret_sources) {
    if (source.kind == SecretSource::Kind::kFile)
      warn_of(source.name, "kafka.settings." + name, "`chmod 600` it");
  }
  for (const auto& [name, value] : config.kafka->settings) {
    if (names_secret_file(name)) warn_of(value, "what kafka.settings." + name + " names", "`chmod 600` it");
  }
  return warnings;
}

}  // namespace troth::app
