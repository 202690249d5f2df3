// Config: what `troth run` is told: one YAML file, every key checked, errors with line and remedy (schemas/config.json
// says the same for editors). Plain data; read once at start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/time.h"

namespace troth::app {

struct KafkaConfig {
  std::string bootstrap;
  std::string client_id = "troth";
  std::string group = "troth";
  std::string instance;                         // group.instance.id; empty: none
  std::map<std::string, std::string> settings;  // passed to the client library
  std::vector<std::string> inputs = {"orders", "deliveries", "complaints", "reviews", "customers"};
  std::vector<std::string> outputs = {"trust.scores", "trust.alerts", "trust.promises", "trust.deadletter"};
};

struct FilesConfig {
  std::vector<std::string> inputs;
  std::optional<std::string> out;
  bool follow = true;
  std::int32_t partitions = 16;
};

struct Config {
  std::string state;
  std::optional<std::string> policy, overlay, erasure_key_file;
  int workers = 1;
  std::optional<KafkaConfig> kafka;  // exactly one of kafka and files
  std::optional<FilesConfig> files;
  std::optional<std::string> http_host;  // nothing: no HTTP
  std::uint16_t http_port = 9464;
  std::size_t cache_bytes = std::size_t{256} << 20U;
  std::size_t dirty_bytes_max = std::size_t{256} << 20U;
  std::size_t store_bytes = std::size_t{256} << 20U;
  event::TimeUs clock_offset_us = 0;  // a rehearsal: the wall clock, shifted
  std::string log_level = "info";
  bool log_json = false;
};

/// Relative paths in the file are taken from the file's own folder.
[[nodiscard]] base::Result<Config> read_config(const std::string& path);
/// The same from text; `folder` is what relative paths are taken from.
[[nodiscard]] base::Result<Config> parse_config(std::string_view text, const std::string& name,
                                                const std::string& folder);

}  // namespace troth::app
