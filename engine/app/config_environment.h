// Variables of the environment that set keys of the configuration, over the file. Used by config.cc; pure functions.
//
//     TROTH_CONFIG__KAFKA__BOOTSTRAP=kafka-1:9093                    kafka.bootstrap
//     TROTH_CONFIG__KAFKA__INPUTS='[orders, deliveries]'             kafka.inputs: lists and maps are YAML
//     TROTH_CONFIG__KAFKA__SETTINGS__SASL_USERNAME=troth             kafka.settings.sasl.username
//     TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD__FILE=/run/pw     kafka.settings.sasl.password: {file: /run/pw}
//
// The rule: TROTH_CONFIG, then the key, upper case; two underscores descend, one stands for itself or, in the name of a
// Kafka setting, for a dot. What looks like it and is no key is refused with the nearest that is, because a variable
// that is passed over in silence is a setting that somebody believes in. Other variables named TROTH_… are not touched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/app/config.h"
#include "engine/base/result.h"
#include "engine/base/value.h"

namespace troth::app {

/// The variable that sets a key, by the path of the key: "kafka.client_id". Empty: there is no such key.
[[nodiscard]] std::string variable_of(std::string_view path);
/// Paths of all keys that a variable can set, Kafka settings apart.
[[nodiscard]] std::vector<std::string> overridable_keys();

/// Puts what the environment says into the document, and the names of the variables that were taken into `variables`; a
/// value that came from the n-th of them has the line -1 - n.
[[nodiscard]] base::Status override_by_environment(base::Value& document, const Environment& environment,
                                                   std::vector<std::string>& variables);

}  // namespace troth::app
