#include "engine/app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "engine/app/policy_source.h"
#include "engine/app/yaml.h"
#include "engine/base/limits.h"
#include "engine/base/value.h"
#include "engine/source/kafka_settings.h"

namespace troth::app {
namespace {

using base::Error;
using base::Status;
using base::Value;

/// One map of the file, read key by key; what is not asked for is an error. The first error stays.
class Section {
 public:
  Section(const Value& value, std::string path, std::string name, std::optional<Error>& error)
      : value_(value), path_(std::move(path)), name_(std::move(name)), error_(error) {
    if (value_.map() == nullptr) fail(value_, "", fmt::format("is {}; it must be a map", value_.kind_name()));
  }

  [[nodiscard]] const Value* find(std::string_view key) {
    known_.emplace(key);
    return value_.find(key);
  }
  void text(std::string_view key, std::string& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    if (const auto* string = value->string(); string != nullptr && !string->empty()) {
      into = *string;
    } else {
      fail(*value, key, fmt::format("is {}; it must be a string that is not empty", value->kind_name()));
    }
  }
  void text(std::string_view key, std::optional<std::string>& into) {
    if (find(key) == nullptr) return;
    text(key, into.emplace());
  }
  void flag(std::string_view key, bool& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    if (const auto* boolean = value->boolean()) {
      into = *boolean;
    } else {
      fail(*value, key, fmt::format("is {}; it must be true or false", value->kind_name()));
    }
  }
  template <typename Integer>
  void integer(std::string_view key, Integer& into, std::int64_t least, std::int64_t most) {
    const Value* value = find(key);
    if (value == nullptr) return;
    const auto* number = value->integer();
    if (number != nullptr && *number >= least && *number <= most) {
      into = static_cast<Integer>(*number);
    } else {
      fail(*value, key, fmt::format("must be an integer from {} to {}", least, most));
    }
  }
  /// "256MiB", "1GiB", "64KiB".
  void bytes(std::string_view key, std::size_t& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    static constexpr std::array<std::pair<std::string_view, unsigned>, 3> kUnits{
        {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
    const auto* text = value->string();
    for (const auto& [unit, shift] : kUnits) {
      if (text == nullptr || !text->ends_with(unit)) continue;
      std::size_t count = 0;
      const char* end = text->data() + text->size() - unit.size();
      const auto read = std::from_chars(text->data(), end, count);
      if (read.ec == std::errc{} && read.ptr == end && count > 0 && count <= (std::size_t{1} << 20U)) {
        into = count << shift;
        if (into >= (std::size_t{1} << 20U)) return;
      }
    }
    fail(*value, key, "must be a size of at least 1MiB, like 256MiB or 1GiB");
  }
  void duration(std::string_view key, event::TimeUs& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    const auto* text = value->string();
    const bool is_negative = text != nullptr && text->starts_with('-');
    const auto read =
        text == nullptr ? std::nullopt : event::parse_duration(std::string_view(*text).substr(is_negative ? 1 : 0));
    if (read) {
      into = is_negative ? -*read : *read;
    } else {
      fail(*value, key, "must be a duration like 30s, 15m, 4h or -10d");
    }
  }
  void texts(std::string_view key, std::vector<std::string>& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    std::vector<std::string> read;
    if (value->list() != nullptr) {
      for (const Value& each : *value->list()) {
        if (const auto* string = each.string(); string != nullptr && !string->empty()) read.push_back(*string);
      }
    }
    if (value->list() == nullptr || read.empty() || read.size() != value->list()->size()) {
      fail(*value, key, "must be a list of strings with at least one in it");
    } else if (std::set<std::string>(read.begin(), read.end()).size() != read.size()) {
      fail(*value, key, "names something twice");
    } else {
      into = std::move(read);
    }
  }
  void texts_by_key(std::string_view key, std::map<std::string, std::string>& into) {
    const Value* value = find(key);
    if (value == nullptr) return;
    if (value->map() == nullptr) return fail(*value, key, "must be a map");
    for (const auto& [name, each] : *value->map()) {
      if (const auto* string = each.string()) {
        into[name] = *string;
      } else if (const auto* number = each.integer()) {
        into[name] = std::to_string(*number);
      } else if (const auto* boolean = each.boolean()) {
        into[name] = *boolean ? "true" : "false";
      } else {
        fail(each, fmt::format("{}.{}", key, name), "must be a string, an integer, true or false");
      }
    }
  }
  void fail(const Value& at, std::string_view key, std::string_view what) {
    if (error_) return;
    const std::string full = path_.empty() ? std::string(key) : key.empty() ? path_ : path_ + "." + std::string(key);
    const std::string text = fmt::format("{}:{}: {} {}", name_, at.line(), full.empty() ? "the file" : full, what);
    error_ = document_error(text);
  }
  /// After everything known was asked for.
  void refuse_unknown() {
    if (value_.map() == nullptr) return;
    for (const auto& [key, value] : *value_.map()) {
      if (known_.contains(key)) continue;
      fail(value, key, fmt::format("is not known here; known are: {}", fmt::join(known_, ", ")));
    }
  }
  [[nodiscard]] Section section(std::string_view key, const Value& value) const {
    return {value, path_.empty() ? std::string(key) : path_ + "." + std::string(key), name_, error_};
  }

 private:
  const Value& value_;
  std::string path_, name_;
  std::optional<Error>& error_;
  std::set<std::string> known_;
};

void read_kafka(Section section, KafkaConfig& kafka) {
  section.text("bootstrap", kafka.bootstrap);
  section.text("client_id", kafka.client_id);
  section.text("group", kafka.group);
  section.text("instance", kafka.instance);
  section.texts_by_key("settings", kafka.settings);
  if (const Value* settings = section.find("settings"); settings != nullptr && settings->map() != nullptr) {
    for (const auto& [name, value] : *settings->map()) {
      source::KafkaSettings one;
      one.bootstrap = "any";
      one.extra[name] = "";
      if (const Status good = source::check_kafka_settings(one); !good) {
        section.fail(value, "settings." + name, "cannot stand here: " + good.error().message);
      }
    }
  }
  section.texts("inputs", kafka.inputs);
  if (const Value* outputs = section.find("outputs")) {
    Section names = section.section("outputs", *outputs);
    names.text("scores", kafka.outputs[0]);
    names.text("alerts", kafka.outputs[1]);
    names.text("promises", kafka.outputs[2]);
    names.text("deadletters", kafka.outputs[3]);
    names.refuse_unknown();
  }
  section.refuse_unknown();
}

void read_files(Section section, FilesConfig& files) {
  section.texts("inputs", files.inputs);
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

std::string in_folder(const std::string& path, const std::string& folder) {
  return path == "-" || std::filesystem::path(path).is_absolute() ? path
                                                                  : (std::filesystem::path(folder) / path).string();
}

}  // namespace

base::Result<Config> parse_config(std::string_view text, const std::string& name, const std::string& folder) {
  auto document = read_yaml(text, name);
  if (!document) return document.error();
  Config config;
  config.http_host = "127.0.0.1";
  std::optional<Error> error;
  Section top(*document, "", name, error);
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
  if (const Value* memory = top.find("memory")) {
    Section section = top.section("memory", *memory);
    section.bytes("cache", config.cache_bytes);
    section.bytes("uncommitted", config.dirty_bytes_max);
    section.bytes("store", config.store_bytes);
    section.refuse_unknown();
  }
  if (const Value* clock = top.find("clock")) {
    Section section = top.section("clock", *clock);
    section.duration("offset", config.clock_offset_us);
    section.refuse_unknown();
  }
  if (const Value* log = top.find("log")) {
    Section section = top.section("log", *log);
    std::string format = "text";
    section.text("level", config.log_level);
    section.text("format", format);
    static constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};
    if (std::find(kLevels.begin(), kLevels.end(), config.log_level) == kLevels.end())
      section.fail(*log, "level", "must be debug, info, warning or error");
    if (format != "text" && format != "json") section.fail(*log, "format", "must be text or json");
    config.log_json = format == "json";
    section.refuse_unknown();
  }
  top.refuse_unknown();
  if (!error && config.state.empty())
    top.fail(*document, "state", "is missing: name the directory that shall hold the state");
  if (!error && config.kafka.has_value() == config.files.has_value())
    top.fail(*document, "", "must have exactly one of `kafka` and `files`: where events come from");
  if (!error && config.kafka && config.kafka->bootstrap.empty())
    top.fail(*document, "kafka.bootstrap", "is missing: name the brokers, like 127.0.0.1:9092");
  if (!error && config.files && config.files->inputs.empty())
    top.fail(*document, "files.inputs", "is missing: name the files to read");
  if (error) return *error;
  config.state = in_folder(config.state, folder);
  for (auto* path : {&config.policy, &config.overlay, &config.erasure_key_file}) {
    if (*path) **path = in_folder(**path, folder);
  }
  if (config.files) {
    for (std::string& input : config.files->inputs) input = in_folder(input, folder);
    if (config.files->out) *config.files->out = in_folder(*config.files->out, folder);
  }
  return config;
}

base::Result<Config> read_config(const std::string& path) {
  auto text = read_small_file(path, base::limits::kConfigurationBytes);
  if (!text) return text.error();
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return parse_config(*text, path, folder.empty() ? "." : folder);
}

}  // namespace troth::app
