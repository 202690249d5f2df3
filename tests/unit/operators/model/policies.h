// Policies for tests of the whole model: the built-in one, with a few lines changed.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/app/policy_source.h"
#include "engine/base/assert.h"
#include "operators/policy/policy.h"

namespace troth::operators::test {

/// The built-in policy with `overlay` (YAML) merged over it.
[[nodiscard]] inline std::shared_ptr<const Policy> policy_with(const std::string& overlay = {}) {
  std::optional<std::string> path;
  if (!overlay.empty()) {
    path = std::filesystem::path(testing::TempDir()) / ("overlay-" + std::to_string(std::hash<std::string>{}(overlay)));
    std::ofstream(*path) << overlay;
  }
  auto loaded = app::load_policy(std::nullopt, path);
  if (path) std::filesystem::remove(*path);
  if (!loaded) ADD_FAILURE() << loaded.error().message;
  TROTH_ASSERT(static_cast<bool>(loaded));
  return loaded->policy;
}

}  // namespace troth::operators::test
