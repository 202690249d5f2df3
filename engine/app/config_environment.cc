#include "engine/app/config_environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "engine/app/config_section.h"
#include "engine/app/yaml.h"
#include "engine/observe/printable.h"
#include "engine/source/kafka_settings.h"

namespace troth::app {
namespace {

using base::Error;
using base::Value;

constexpr std::string_view kPrefix = "TROTH_CONFIG__";
constexpr std::string_view kSettings = "kafka.settings.";

/// Text is taken as it stands; everything else is read as YAML.
enum class Reading : std::uint8_t { kText, kYaml };
struct Key {
  std::string_view path;
  Reading reading;
};

constexpr std::array kKeys = {
    Key{"state", Reading::kText},
    Key{"policy", Reading::kText},
    Key{"overlay", Reading::kText},
    Key{"erasure_key_file", Reading::kText},
    Key{"workers", Reading::kYaml},
    Key{"kafka.bootstrap", Reading::kText},
    Key{"kafka.client_id", Reading::kText},
    Key{"kafka.group", Reading::kText},
    Key{"kafka.instance", Reading::kText},
    Key{"kafka.inputs", Reading::kYaml},
    Key{"kafka.outputs.scores", Reading::kText},
    Key{"kafka.outputs.alerts", Reading::kText},
    Key{"kafka.outputs.promises", Reading::kText},
    Key{"kafka.outputs.deadletters", Reading::kText},
    Key{"kafka.delivery", Reading::kText},
    Key{"kafka.changelog", Reading::kText},
    Key{"kafka.repartition", Reading::kYaml},
    Key{"kafka.repartition_topic", Reading::kText},
    Key{"kafka.standby", Reading::kYaml},
    Key{"kafka.commit_ms", Reading::kYaml},
    Key{"kafka.transaction_timeout_ms", Reading::kYaml},
    Key{"kafka.silence", Reading::kYaml},
    Key{"kafka.insecure_plaintext", Reading::kYaml},
    Key{"kafka.insecure_sasl_without_tls", Reading::kYaml},
    Key{"kafka.insecure_no_host_name_check", Reading::kYaml},
    Key{"files.inputs", Reading::kYaml},
    Key{"files.out", Reading::kText},
    Key{"files.follow", Reading::kYaml},
    Key{"files.partitions", Reading::kYaml},
    Key{"http", Reading::kYaml},
    Key{"http.listen", Reading::kText},
    Key{"memory.cache", Reading::kText},
    Key{"memory.uncommitted", Reading::kText},
    Key{"memory.store", Reading::kText},
    Key{"clock.offset", Reading::kText},
    Key{"log.level", Reading::kText},
    Key{"log.format", Reading::kText},
};

std::string upper(std::string_view text) {
  std::string result;
  for (const char each : text) result += each >= 'a' && each <= 'z' ? static_cast<char>(each - 'a' + 'A') : each;
  return result;
}

/// "kafka.client_id" → "TROTH_CONFIG__KAFKA__CLIENT_ID".
std::string variable_for(std::string_view path) {
  std::string name(kPrefix);
  for (const char each : path) name += each == '.' ? std::string("__") : std::string(1, each);
  return upper(name);
}

/// The same for a setting of the client library, whose dots are part of its name.
std::string variable_for_setting(std::string_view setting) {
  std::string name = upper(setting);
  std::replace(name.begin(), name.end(), '.', '_');
  return variable_for(kSettings.substr(0, kSettings.size() - 1)) + "__" + name;
}

/// What a variable sets: the value at a path; if `source` is not empty, to a map with that one key.
struct Target {
  std::vector<std::string> path;
  Reading reading = Reading::kText;
  std::string source = {};
};

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    parts.emplace_back(path.substr(from, dot - from));
    from = dot + 1;
  }
  return parts;
}

/// Every variable that means something, with what it means.
std::map<std::string, Target, std::less<>> targets() {
  std::map<std::string, Target, std::less<>> all;
  for (const Key& key : kKeys) all[variable_for(key.path)] = {split(key.path), key.reading};
  const auto add = [&](std::string_view setting) {
    const std::string name = variable_for_setting(setting);
    const std::string text(setting);
    all[name] = {{"kafka", "settings", text}, Reading::kText};
    if (!source::kafka_setting_may_be_secret(setting)) return;
    all[name + "__FILE"] = {{"kafka", "settings", text}, Reading::kText, "file"};
    all[name + "__ENV"] = {{"kafka", "settings", text}, Reading::kText, "env"};
  };
  for (const source::KafkaPassed& each : source::kKafkaPassed) add(each.name);
  // These too, so that the refusal says why.
  for (const source::KafkaRefused& each : source::kKafkaRefused) add(each.name);
  return all;
}

/// Letters and digits alone: "TROTH_CONFIG_KAFKA_BOOTSTRAP" means what "TROTH_CONFIG__KAFKA__BOOTSTRAP" says.
std::string without_underscores(std::string_view name) {
  std::string result;
  std::copy_if(name.begin(), name.end(), std::back_inserter(result), [](char each) { return each != '_'; });
  return upper(result);
}

/// Whether a name that is no override was most likely meant to be one.
bool looks_like_override(std::string_view name, const std::map<std::string, Target, std::less<>>& known) {
  if (!name.starts_with("TROTH_")) return false;
  if (name.find("__") != std::string_view::npos) return true;
  return name.starts_with("TROTH_CONFIG_") && std::any_of(known.begin(), known.end(), [&](const auto& each) {
           return without_underscores(each.first) == without_underscores(name);
         });
}

Error unknown_variable(const std::string& name, const std::map<std::string, Target, std::less<>>& known) {
  std::vector<std::string> names;
  for (const auto& [each, target] : known) {
    if (without_underscores(each) == without_underscores(name))
      return document_error(fmt::format("{}: sets nothing; {} is meant", name, each));
    names.push_back(each);
  }
  const std::string full = name.starts_with(kPrefix) ? name : std::string(kPrefix) + name.substr(6);
  const std::string near = nearest_name(full, names);
  return document_error(fmt::format(
      "{}: sets nothing{}. Variables named TROTH_CONFIG__… set keys of the configuration: two underscores descend, as "
      "in TROTH_CONFIG__KAFKA__BOOTSTRAP",
      name, near.empty() ? "" : fmt::format("; perhaps {} is meant", near)));
}

/// What a file could hold as well: UTF-8 without control characters, several lines (a key in PEM) included.
bool is_text(std::string text) {
  std::erase_if(text, [](char each) { return each == '\n' || each == '\r' || each == '\t'; });
  return observe::printable(text, text.size()) == text;
}

void set_line_everywhere(Value& value, int line) {
  value.set_line(line);
  if (value.list() != nullptr) {
    for (Value& each : *value.list()) set_line_everywhere(each, line);
  }
  if (value.map() != nullptr) {
    for (auto& [key, each] : *value.map()) set_line_everywhere(each, line);
  }
}

/// Whether a map may take the place of what the file says: where there is nothing, or `http: false`. What is wrong in
/// the file stays wrong.
bool gives_way(const Value& value) { return value.is_null() || (value.boolean() != nullptr && !*value.boolean()); }

void put(Value& document, const Target& target, Value value, int line) {
  if (!target.source.empty()) value = Value(Value::Map{{target.source, std::move(value)}});
  Value* at = &document;
  for (const std::string& key : target.path) {
    if (at->map() == nullptr) {
      if (at == &document || !gives_way(*at)) return;
      *at = Value(Value::Map{});
      at->set_line(line);
    }
    at = &(*at->map())[key];
  }
  *at = std::move(value);
  set_line_everywhere(*at, line);
}

}  // namespace

std::string variable_of(std::string_view path) {
  if (path.starts_with(kSettings)) return variable_for_setting(path.substr(kSettings.size()));
  const bool is_known = std::any_of(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.path == path; });
  return is_known ? variable_for(path) : std::string();
}

std::vector<std::string> overridable_keys() {
  std::vector<std::string> paths;
  for (const Key& key : kKeys) paths.emplace_back(key.path);
  return paths;
}

base::Status override_by_environment(Value& document, const Environment& environment,
                                     std::vector<std::string>& variables) {
  const auto known = targets();
  std::map<std::vector<std::string>, std::string> taken;
  for (const auto& [name, text] : environment) {
    const auto target = known.find(name);
    if (target == known.end()) {
      if (looks_like_override(name, known)) return unknown_variable(name, known);
      continue;
    }
    const auto [first, is_new] = taken.emplace(target->second.path, name);
    if (!is_new) return Error{fmt::format("{} and {} set the same: take one of them away", first->second, name)};
    if (!is_text(text)) return Error{fmt::format("{}: holds what is no text: it must be UTF-8", name)};
    Value value(text);
    if (target->second.reading == Reading::kYaml) {
      auto read = read_yaml(text, name);
      if (!read) return read.error();
      value = std::move(*read);
    }
    variables.push_back(name);
    put(document, target->second, std::move(value), -static_cast<int>(variables.size()));
  }
  return base::success();
}

Environment process_environment() {
  Environment environment;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view entry(*each);
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos) environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

}  // namespace troth::app
