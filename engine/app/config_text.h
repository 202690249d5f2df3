// A configuration as it is in force: every key with its value, defaults included, secrets as `<set>`. Used by `troth
// config check` and by SIGHUP's log. Pure functions.
#pragma once

#include <string>

#include "engine/app/config.h"
#include "engine/base/value.h"

namespace troth::app {

/// The tree of a configuration file that says all of it.
[[nodiscard]] base::Value describe(const Config& config);

/// The tree as YAML, keys in order of their names; read_yaml gives the tree again.
[[nodiscard]] std::string yaml_text(const base::Value& value);

}  // namespace troth::app
