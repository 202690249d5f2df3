#include "engine/app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/app/config_environment.h"
#include "engine/app/config_kafka.h"
#include "engine/app/config_section.h"
#include "engine/app/policy_source.h"
#include "engine/app/yaml.h"
#include "engine/base/limits.h"
#include "engine/base/value.h"

namespace troth::app {
namespace {

using base::Value;

void read_files(Section section, FilesConfig& files) {
  section.texts("inputs", files.inputs);
  if (files.inputs.size() > base::limits::kInputs)
    section.fail(*section.find("inputs"), "inputs", fmt::format("names more than {} files", base::limits::kInputs));
  section.text("out", files.out);
  section.flag("follow", files.follow);
  section.integer("partitions", files.partitions, 1, base::limits::kPartitions);
  section.refuse_unknown();
}

void read_http(Section section, Config& config) {
  std::string listen = "127.0.0.1:9464";
  section.text("listen", listen);
  const std::size_t colon = listen.rfind(':');
  unsigned port = 0;
  const char* end = listen.data() + listen.size();
  const bool ok = colon != std::string::npos && colon > 0 &&
                  std::from_chars(listen.data() + colon + 1, end, port).ptr == end && colon + 1 < listen.size() &&
                  port <= 65'535;
  if (ok) {
    config.http_host = listen.substr(0, colon);
    config.http_port = static_cast<std::uint16_t>(port);
  } else if (const Value* value = section.find("listen")) {
    section.fail(*value, "listen", "must be HOST:PORT, like 127.0.0.1:9464");
  }
  section.refuse_unknown();
}

void read_memory(Section section, Config& config) {
  section.bytes("cache", config.cache_bytes);
  section.bytes("uncommitted", config.dirty_bytes_max);
  section.bytes("store", config.store_bytes);
  section.refuse_unknown();
}

void read_clock(Section section, Config& config) {
  section.duration("offset", config.clock_offset_us);
  section.refuse_unknown();
}

void read_log(Section section, Config& config) {
  static const std::vector<std::string_view> kLevels{"debug", "info", "warning", "error"};
  std::size_t level = 1;
  std::size_t format = 0;
  section.choice("level", level, kLevels);
  section.choice("format", format, {"text", "json"});
  config.log_level = kLevels[level];
  config.log_json = format == 1;
  section.refuse_unknown();
}

void read_all(Section top, const Value& document, Config& config) {
  top.text("state", config.state);
  top.text("policy", config.policy);
  top.text("overlay", config.overlay);
  top.text("erasure_key_file", config.erasure_key_file);
  top.integer("workers", config.workers, 1, base::limits::kWorkers);
  if (const Value* kafka = top.find("kafka")) read_kafka(top.section("kafka", *kafka), config.kafka.emplace());
  if (const Value* files = top.find("files")) read_files(top.section("files", *files), config.files.emplace());
  if (const Value* http = top.find("http")) {
    if (const auto* on = http->boolean(); on != nullptr && !*on) {
      config.http_host.reset();
    } else {
      read_http(top.section("http", *http), config);
    }
  }
  if (const Value* memory = top.find("memory")) read_memory(top.section("memory", *memory), config);
  if (const Value* clock = top.find("clock")) read_clock(top.section("clock", *clock), config);
  if (const Value* log = top.find("log")) read_log(top.section("log", *log), config);
  top.refuse_unknown();
  if (top.failed()) return;
  if (config.state.empty()) {
    top.fail(document, "state", "is missing: name the directory that shall hold the state");
  } else if (config.kafka.has_value() == config.files.has_value()) {
    top.fail(document, "", "must have exactly one of `kafka` and `files`: where events come from");
  } else if (config.kafka && config.kafka->bootstrap.empty()) {
    top.fail(document, "kafka.bootstrap", "is missing: name the brokers, like 127.0.0.1:9092");
  } else if (config.files && config.files->inputs.empty()) {
    top.fail(document, "files.inputs", "is missing: name the files to read");
  }
}

/// An error of the YAML reader may quote what it stumbled over. Where a secret is near, it must not: `{p@ss}` without
/// quotes is a map with the key p@ss.
base::Error without_secrets(const base::Error& error, std::string_view text, const std::string& name) {
  std::string_view place = error.message;
  int line = 0;
  if (place.starts_with(name + ":")) place.remove_prefix(name.size() + 1);
  std::from_chars(place.data(), place.data() + place.size(), line);
  int at = 1;
  for (std::size_t from = 0; from < text.size(); ++at) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view words = text.substr(from, end - from);
    from = end + 1;
    const bool is_near = line == 0 || at == line || at + 1 == line;
    for (const std::string_view secret : {"password", "secret", ".pem"}) {
      if (!is_near || words.find(secret) == std::string_view::npos) continue;
      return document_error(fmt::format(
          "{}:{}: not valid; what is there is not shown, because it may be a secret. Put quotes around it", name,
          line == 0 ? at : line));
    }
  }
  return error;
}

void put_into_folder(Config& config, const std::string& folder) {
  config.state = in_folder(config.state, folder);
  for (auto* path : {&config.policy, &config.overlay, &config.erasure_key_file}) {
    if (*path) **path = in_folder(**path, folder);
  }
  if (config.files) {
    for (std::string& input : config.files->inputs) input = in_folder(input, folder);
    if (config.files->out) *config.files->out = in_folder(*config.files->out, folder);
  }
  if (config.kafka) put_into_folder(*config.kafka, folder);
}

}  // namespace

base::Result<Config> parse_config(std::string_view text, const std::string& name, const std::string& folder,
                                  const Environment& environment) {
  auto document = read_yaml(text, name);
  if (!document) return without_secrets(document.error(), text, name);
  ConfigReading reading;
  reading.name = name;
  if (const base::Status merged = override_by_environment(*document, environment, reading.variables); !merged)
    return merged.error();
  Config config;
  config.http_host = "127.0.0.1";
  config.overridden_by = reading.variables;
  read_all(Section(*document, "", reading), *document, config);
  if (!reading.error && config.kafka) check_kafka_rules(*document, *config.kafka, reading);
  if (reading.error) return *reading.error;
  put_into_folder(config, folder);
  return config;
}

base::Result<Config> read_config(const std::string& path) {
  auto text = read_small_file(path, base::limits::kConfigurationBytes);
  if (!text) return text.error();
  return parse_config(*text, path, folder_of(path));
}

}  // namespace troth::app
