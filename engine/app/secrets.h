// Secrets: passwords and keys from files and variables of the environment, and who else may read those files. Used by
// load_config and, on SIGHUP, by the Reloader. Reads files; keeps nothing; any thread.
//
// Promise: nothing made here holds a secret but the settings it was asked for: no error, no warning, no print of it.
#pragma once

#include <string>
#include <vector>

#include "engine/app/config.h"
#include "engine/base/result.h"

namespace troth::app {

/// Puts the secrets of a configuration into its settings. `configuration`: how errors call it.
[[nodiscard]] base::Status read_secrets(KafkaConfig& kafka, const Environment& environment,
                                        const std::string& configuration);

/// Whether the files that settings name (keys, certificates) can be read: the client library's own words about that
/// come late and say little.
[[nodiscard]] base::Status check_setting_files(const KafkaConfig& kafka, const std::string& configuration);

/// A digest of all that a connection is made with and that may change under the same configuration: secrets, and the
/// contents of files that settings name.
[[nodiscard]] std::string credentials_digest(const KafkaConfig& kafka);

/// Files with secrets that more than their owner may read, in words for a log. `configuration` counts if a secret
/// stands in it.
[[nodiscard]] std::vector<std::string> secrets_open_to_others(const Config& config, const std::string& configuration);

}  // namespace troth::app
