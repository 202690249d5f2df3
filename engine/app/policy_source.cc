#include "engine/app/policy_source.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/app/yaml.h"
#include "engine/base/limits.h"

namespace troth::app {

base::Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::Error{fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))};
  std::string bytes;
  char chunk[4096];
  while (file.read(chunk, sizeof chunk) || file.gcount() > 0) {
    bytes.append(chunk, static_cast<std::size_t>(file.gcount()));
    if (bytes.size() > bytes_max) return base::Error{fmt::format("{}: larger than {} bytes", path, bytes_max)};
  }
  if (file.bad()) return base::Error{fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
  return bytes;
}

namespace {

base::Result<LoadedPolicy> checked(const base::Value& document, const std::string& name) {
  auto policy = operators::Policy::parse(document);
  if (!policy) return base::Error{fmt::format("{}: {}", name, policy.error().message)};
  return LoadedPolicy{*policy, base::canonical_json(document)};
}

}  // namespace

base::Result<LoadedPolicy> load_policy(const std::optional<std::string>& file,
                                       const std::optional<std::string>& overlay) {
  const auto read = [](const std::string& path) -> base::Result<base::Value> {
    auto text = read_small_file(path, base::limits::kConfigurationBytes);
    if (!text) return text.error();
    return read_yaml(*text, path);
  };
  auto document = file ? read(*file) : read_yaml(default_policy_yaml(), "the built-in policy");
  if (!document) return document.error();
  if (overlay) {
    auto over = read(*overlay);
    if (!over) return over.error();
    *document = base::merged(*document, *over);
  }
  return checked(*document, file.value_or("the built-in policy") + (overlay ? " with " + *overlay : ""));
}

base::Result<LoadedPolicy> read_policy(std::string_view text, const std::string& name) {
  auto document = read_yaml(text, name);
  if (!document) return document.error();
  return checked(*document, name);
}

}  // namespace troth::app
