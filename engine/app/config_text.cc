#include "engine/app/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/source/kafka_settings.h"

namespace troth::app {
namespace {

using base::Value;

template <typename Number, std::size_t n>
std::string in_units(Number number, const std::array<std::pair<Number, std::string_view>, n>& units) {
  for (const auto& [size, name] : units) {
    const bool is_zero_of_another = number == 0 && size != units.back().first;
    if (number % size == 0 && !is_zero_of_another) return fmt::format("{}{}", number / size, name);
  }
  return {};  // the last unit divides whatever a configuration can say
}

std::string bytes_text(std::size_t bytes) {
  static constexpr std::array<std::pair<std::size_t, std::string_view>, 3> kUnits{
      {{std::size_t{1} << 30U, "GiB"}, {std::size_t{1} << 20U, "MiB"}, {std::size_t{1} << 10U, "KiB"}}};
  return in_units(bytes, kUnits);
}

std::string duration_text(event::TimeUs time_us) {
  static constexpr std::array<std::pair<event::TimeUs, std::string_view>, 4> kUnits{
      {{event::kDay, "d"}, {event::kHour, "h"}, {event::kMinute, "m"}, {event::kSecond, "s"}}};
  return in_units(time_us, kUnits);
}

Value list_of(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& each : texts) list.emplace_back(each);
  return list;
}

Value describe(const KafkaConfig& kafka) {
  Value::Map map;
  map["bootstrap"] = kafka.bootstrap;
  map["client_id"] = kafka.client_id;
  map["group"] = kafka.group;
  if (!kafka.instance.empty()) map["instance"] = kafka.instance;
  Value::Map settings;
  for (const auto& [name, value] : kafka.settings) {
    const bool is_secret = source::kafka_setting_is_secret(name) || kafka.secret_sources.contains(name);
    settings[name] = is_secret ? "<set>" : value;
  }
  map["settings"] = std::move(settings);
  map["inputs"] = list_of(kafka.inputs);
  map["outputs"] = Value::Map{{"scores", kafka.outputs[0]},
                              {"alerts", kafka.outputs[1]},
                              {"promises", kafka.outputs[2]},
                              {"deadletters", kafka.outputs[3]}};
  map["delivery"] = kafka.delivery == Delivery::kExactlyOnce ? "exactly_once" : "at_least_once";
  map["changelog"] = kafka.changelog.value_or("none");
  map["repartition"] = kafka.repartition;
  map["repartition_topic"] = kafka.repartition_topic;
  map["standby"] = std::int64_t{kafka.standby};
  map["commit_ms"] = std::int64_t{kafka.commit_ms};
  map["transaction_timeout_ms"] = std::int64_t{kafka.transaction_timeout_ms};
  Value::Map silence;
  for (const auto& [topic, time_us] : kafka.silence) silence[topic] = duration_text(time_us);
  map["silence"] = std::move(silence);
  map["insecure_plaintext"] = kafka.insecure_plaintext;
  map["insecure_sasl_without_tls"] = kafka.insecure_sasl_without_tls;
  map["insecure_no_host_name_check"] = kafka.insecure_no_host_name_check;
  return map;
}

Value describe(const FilesConfig& files) {
  Value::Map map;
  map["inputs"] = list_of(files.inputs);
  if (files.out) map["out"] = *files.out;
  map["follow"] = files.follow;
  map["partitions"] = std::int64_t{files.partitions};
  return map;
}

/// A word that every reader of YAML takes for itself: no number, no truth, no nothing.
bool is_plain(const std::string& text) {
  static constexpr std::array<std::string_view, 10> kMeaningful{"true", "false", "null", "yes", "no",
                                                                "on",   "off",   "y",    "n",   "nan"};
  const auto is_letter = [](char each) { return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z'); };
  const auto is_ordinary = [&](char each) {
    return is_letter(each) || (each >= '0' && each <= '9') || std::string_view("._-/").find(each) != std::string::npos;
  };
  std::string lower = text;
  for (char& each : lower) each = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  return !text.empty() && (is_letter(text.front()) || text.front() == '/') &&
         std::all_of(text.begin(), text.end(), is_ordinary) &&
         std::find(kMeaningful.begin(), kMeaningful.end(), lower) == kMeaningful.end();
}

std::string scalar_text(const Value& value) {
  if (const auto* text = value.string(); text != nullptr && is_plain(*text)) return *text;
  return base::canonical_json(value);
}

void write_yaml(const Value& value, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  for (const auto& [key, each] : *value.map()) {
    out += indent + scalar_text(Value(key)) + ":";
    if (each.map() != nullptr && !each.map()->empty()) {
      out += '\n';
      write_yaml(each, depth + 1, out);
    } else {
      out += " " + scalar_text(each) + "\n";
    }
  }
}

}  // namespace

Value describe(const Config& config) {
  Value::Map map;
  map["state"] = config.state;
  if (config.policy) map["policy"] = *config.policy;
  if (config.overlay) map["overlay"] = *config.overlay;
  if (config.erasure_key_file) map["erasure_key_file"] = *config.erasure_key_file;
  map["workers"] = std::int64_t{config.workers};
  if (config.kafka) map["kafka"] = describe(*config.kafka);
  if (config.files) map["files"] = describe(*config.files);
  map["http"] = config.http_host
                    ? Value(Value::Map{{"listen", fmt::format("{}:{}", *config.http_host, config.http_port)}})
                    : Value(false);
  map["memory"] = Value::Map{{"cache", bytes_text(config.cache_bytes)},
                             {"uncommitted", bytes_text(config.dirty_bytes_max)},
                             {"store", bytes_text(config.store_bytes)}};
  map["clock"] = Value::Map{{"offset", duration_text(config.clock_offset_us)}};
  map["log"] = Value::Map{{"level", config.log_level}, {"format", config.log_json ? "json" : "text"}};
  return map;
}

std::string yaml_text(const Value& value) {
  std::string out;
  write_yaml(value, 0, out);
  return out;
}

}  // namespace troth::app
