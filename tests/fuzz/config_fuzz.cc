// Any text as the configuration of a run, with any environment over it: accepted with values in their ranges, or refused
// with a readable error that shows no password. After a NUL, which no configuration may hold, come variables: NAME=VALUE,
// each ended by a NUL.
#include "engine/app/config.h"
#include "engine/app/config_text.h"
#include "engine/app/yaml.h"
#include "engine/base/limits.h"
#include "tests/fuzz/fuzz.h"

namespace {

troth::app::Environment environment_of(std::string_view text) {
  troth::app::Environment environment;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    const std::string_view entry = text.substr(0, end);
    const std::size_t equals = std::min(entry.find('='), entry.size());
    environment.emplace(entry.substr(0, equals), entry.substr(std::min(equals + 1, entry.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return environment;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using troth::fuzz::require;
  constexpr std::string_view kSecret = "correct-horse";
  const std::string_view all = troth::fuzz::view(data, size);
  const std::size_t end = std::min(all.find('\0'), all.size());
  const std::string_view text = all.substr(0, end);
  auto environment = environment_of(all.substr(std::min(end + 1, all.size())));
  // With an environment there is a password in it, which must be seen nowhere else.
  if (!environment.empty()) environment["TROTH_CONFIG__KAFKA__SETTINGS__SSL_KEY_PASSWORD"] = kSecret;
  const bool has_secret_of_its_own = all.find(kSecret) != std::string_view::npos;
  const auto config = troth::app::parse_config(text, "fuzz", "/folder", environment);
  if (!config) {
    const std::string& message = config.error().message;
    troth::fuzz::require_readable(message);
    require(message.starts_with("fuzz") || message.starts_with("TROTH_"), "an error names the file or the variable");
    require(has_secret_of_its_own || message.find(kSecret) == std::string::npos, "an error shows no password");
    return 0;
  }
  require(config->kafka.has_value() != config->files.has_value(), "Kafka or files");
  require(config->workers >= 1 && config->workers <= troth::base::limits::kWorkers, "workers in range");
  require(!config->state.empty(), "a state directory");
  if (config->files) {
    require(!config->files->inputs.empty() && config->files->inputs.size() <= troth::base::limits::kInputs,
            "some inputs, and not too many");
    require(config->files->partitions >= 1 && config->files->partitions <= troth::base::limits::kPartitions,
            "partitions in range");
  }
  const auto described = troth::app::describe(*config);
  const std::string words = troth::app::yaml_text(described);
  require(has_secret_of_its_own || words.find(kSecret) == std::string::npos, "no text shows a password");
  const auto again = troth::app::read_yaml(words, "again");
  require(again.ok() && *again == described, "the text is the same tree");
  return 0;
}
