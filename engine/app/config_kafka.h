// The `kafka` section of a configuration: its keys, and the rules by which it may not give up security unsaid. Used by
// config.cc; pure functions.
#pragma once

#include <string>

#include "engine/app/config_section.h"

namespace troth::app {

void read_kafka(Section section, KafkaConfig& kafka);

/// What no key says alone: whom the client trusts, who may listen, settings that would have no effect. `document` is
/// what `kafka` was read from: for the places of errors.
void check_kafka_rules(const base::Value& document, const KafkaConfig& kafka, ConfigReading& reading);

/// Paths among the settings, and those of secrets.
void put_into_folder(KafkaConfig& kafka, const std::string& folder);

/// `sasl.mechanism` as the client library reads it (its two names, any case); empty: none is set.
[[nodiscard]] std::string sasl_mechanism(const KafkaConfig& kafka);

/// Whether every address is on this machine; otherwise the first that is not goes into `other`.
[[nodiscard]] bool is_loopback(const std::string& bootstrap, std::string& other);

}  // namespace troth::app
