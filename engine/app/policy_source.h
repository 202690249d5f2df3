// Where the policy comes from: the one built in, a file, an overlay merged over either. Called at start; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "operators/policy/policy.h"

namespace troth::app {

/// schemas/policy.default.yaml as it was when this program was built.
[[nodiscard]] std::string_view default_policy_yaml();

struct LoadedPolicy {
  std::shared_ptr<const operators::Policy> policy;
  std::string canonical;  // canonical JSON of the whole document, which is YAML too: reading it gives the same policy
};

/// Reads, merges and checks. Errors name file and line.
[[nodiscard]] base::Result<LoadedPolicy> load_policy(const std::optional<std::string>& file,
                                                     const std::optional<std::string>& overlay);

/// The same of a document that was read already; `name` is for errors.
[[nodiscard]] base::Result<LoadedPolicy> read_policy(std::string_view text, const std::string& name);

/// A whole small file; an error if it cannot be read or is larger than `bytes_max`.
[[nodiscard]] base::Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max);

}  // namespace troth::app
