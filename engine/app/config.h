// Config: what `troth run` is told: one YAML file and variables of the environment over it, every key checked, errors
// with place and remedy (schemas/config.json says the same for editors). Plain data; read once at start.
//
//     file ──▶ tree ──▶ variables over it ──▶ sections, rules ──▶ secrets, files, what the library can ──▶ Config
//              └──────────── parse_config: pure ──────────────┘   └─────────── load_config ─────────────┘
//
// Promise: no error and no warning made here holds the value of a setting. Where security would be given up, it must be
// said by a key that is named `insecure_…`.
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

/// What is promised of outputs: each exactly once (they are written in transactions), or each at least once.
enum class Delivery : std::uint8_t { kExactlyOnce, kAtLeastOnce };

/// Where a secret is read from, if it does not stand in the configuration itself.
struct SecretSource {
  enum class Kind : std::uint8_t { kFile, kEnvironment } kind = Kind::kFile;
  std::string name;  // path or variable
};

struct KafkaConfig {
  std::string bootstrap;
  std::string client_id = "troth";
  std::string group = "troth";
  std::string instance;                                // group.instance.id; empty: none
  std::map<std::string, std::string> settings;         // passed to the client library
  std::map<std::string, SecretSource> secret_sources;  // setting → where load_config gets its value from
  std::vector<std::string> inputs = {"orders", "deliveries", "complaints", "reviews", "customers"};
  std::vector<std::string> outputs = {"trust.scores", "trust.alerts", "trust.promises", "trust.deadletter"};
  Delivery delivery = Delivery::kExactlyOnce;
  std::optional<std::string> changelog = "trust.changelog";  // compacted topic that holds the state; nothing: none
  bool repartition = false;                                  // by customer, through repartition_topic
  std::string repartition_topic = "trust.events";
  int standby = 0;  // copies of the state on other instances
  int transaction_timeout_ms = 30'000;
  int commit_ms = 100;  // at least, from commit to commit
  std::map<std::string, event::TimeUs> silence;  // input → how long it may say nothing before it counts as silent
  bool insecure_plaintext = false;               // to other machines
  bool insecure_sasl_without_tls = false;
  bool insecure_no_host_name_check = false;
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
  event::TimeUs catch_up_commit_us = event::kSecond;  // between commits while behind; not to be configured: for measuring
  event::TimeUs clock_offset_us = 0;  // a rehearsal: the wall clock, shifted
  std::string log_level = "info";
  bool log_json = false;
  std::vector<std::string> overridden_by;  // variables of the environment that were taken
  std::vector<std::string> warnings;       // load_config: to be said at start
};

/// Variables of an environment, by name.
using Environment = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Environment process_environment();

/// Pure: opens no file and reads no secret. Relative paths are taken from `folder`.
[[nodiscard]] base::Result<Config> parse_config(std::string_view text, const std::string& name,
                                                const std::string& folder, const Environment& environment = {});
/// The file as it stands, by itself: for who judges a file that may be meant for another machine.
[[nodiscard]] base::Result<Config> read_config(const std::string& path);
/// What `troth run` takes: the file, the environment over it, secrets in their places. Whatever could be known before
/// a broker is asked is known here: files that cannot be read, a client library that cannot do what is wanted.
[[nodiscard]] base::Result<Config> load_config(const std::string& path, const Environment& environment);

}  // namespace troth::app
