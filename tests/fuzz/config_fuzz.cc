// Any text as the configuration of a run: accepted with values in their ranges, or refused with a readable error.
#include "engine/app/config.h"
#include "engine/base/limits.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using troth::fuzz::require;
  const auto config = troth::app::parse_config(troth::fuzz::view(data, size), "fuzz", "/folder");
  if (!config) {
    troth::fuzz::require_readable(config.error().message);
    require(config.error().message.starts_with("fuzz"), "an error names the file");
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
  return 0;
}
