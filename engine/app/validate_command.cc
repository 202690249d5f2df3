// `troth validate FILES`: are these events, policies, configurations good? Says what is wrong and where; changes
// nothing.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "engine/app/command.h"
#include "engine/app/config.h"
#include "engine/app/decode_record.h"
#include "engine/app/exit_code.h"
#include "engine/app/policy_source.h"
#include "engine/app/terminal.h"
#include "engine/app/yaml.h"
#include "engine/base/json.h"
#include "engine/decode/decoder.h"
#include "engine/source/file_source.h"
#include "operators/catalogue/catalogue.h"

namespace troth::app {
namespace {

struct ValidateArguments {
  std::vector<std::string> files;
  std::size_t most = 20;
  bool is_json = false;
};

struct FileReport {
  std::string file, kind, error;  // error: of a policy, a configuration, or of reading
  std::uint64_t events = 0;
  std::map<std::string, std::uint64_t> reasons;
  [[nodiscard]] bool is_good() const { return error.empty() && reasons.empty(); }
};

FileReport validate_events(const ValidateArguments& arguments, const std::string& file) {
  FileReport report{file, "events", {}, 0, {}};
  decode::Decoder decoder(operators::catalogue());
  auto source =
      source::FileSource::open({file}, [&](task::Record record) { return decode_record(decoder, std::move(record)); });
  if (!source) {
    report.error = source.error().message;
    return report;
  }
  std::uint64_t shown = 0;
  std::vector<source::FileSource::Item> items;
  for (;;) {
    items.clear();
    const auto got = (*source)->poll(items, 1'024);
    for (const auto& item : items) {
      ++report.events;
      if (!item.decoded.rejection) continue;
      const event::Rejection& rejection = *item.decoded.rejection;
      const std::string reason(event::reason_name(rejection.reason));
      ++report.reasons[reason];
      if (!arguments.is_json && shown++ < arguments.most) {
        fmt::print("{}:{}: {}{}\n", file, item.decoded.record.origin.offset + 1, reason,
                   rejection.field.empty() ? "" : " in " + rejection.field);
      }
    }
    if (!got) {
      report.error = got.error().message;
      return report;
    }
    if (*got == 0) break;
  }
  if (!arguments.is_json && shown > arguments.most)
    fmt::print("{}: {} more\n", file, grouped(static_cast<std::int64_t>(shown - arguments.most)));
  return report;
}

/// A YAML file that says where state or inputs are is a configuration; any other is a policy, or an overlay for one.
FileReport validate_yaml(const std::string& file) {
  FileReport report{file, "policy", {}, 0, {}};
  auto text = read_small_file(file, kYamlBytesMax);
  auto document = text ? read_yaml(*text, file) : base::Result<base::Value>(text.error());
  if (!document) {
    report.error = document.error().message;
    return report;
  }
  const bool is_config =
      document->find("state") != nullptr || document->find("kafka") != nullptr || document->find("files") != nullptr;
  const bool is_whole = document->find("version") != nullptr && document->find("global") != nullptr;
  report.kind = is_config ? "configuration" : is_whole ? "policy" : "overlay of the built-in policy";
  if (is_config) {
    if (auto config = read_config(file); !config) report.error = config.error().message;
  } else if (auto policy = is_whole ? load_policy(file, std::nullopt) : load_policy(std::nullopt, file); !policy) {
    report.error = policy.error().message;
  }
  return report;
}

std::string report_json(const std::vector<FileReport>& reports) {
  base::JsonWriter json;
  json.begin_list();
  for (const FileReport& report : reports) {
    json.begin_map();
    json.key("error");
    if (report.error.empty()) json.null();
    else json.string(report.error);
    json.field("events", report.events);
    json.field("file", report.file);
    json.field("kind", report.kind);
    json.key("reasons");
    json.begin_map();
    for (const auto& [reason, count] : report.reasons) json.field(reason, count);
    json.end_map();
    json.field("valid", report.is_good());
    json.end_map();
  }
  json.end_list();
  return std::move(json).take();
}

int run_validate(const ValidateArguments& arguments) {
  std::vector<FileReport> reports;
  int code = kDone;
  for (const std::string& file : arguments.files) {
    const bool is_yaml = file.ends_with(".yaml") || file.ends_with(".yml");
    reports.push_back(is_yaml ? validate_yaml(file) : validate_events(arguments, file));
    const FileReport& report = reports.back();
    if (!report.error.empty()) code = is_yaml ? kWrongUse : kFailed;
    if (!report.reasons.empty() && code == kDone) code = kHadDeadLetters;
    if (arguments.is_json) continue;
    if (!report.error.empty()) {
      complain(code, report.error);
    } else if (report.kind == "events") {
      std::uint64_t bad = 0;
      for (const auto& [reason, count] : report.reasons) bad += count;
      fmt::print("{}: {} events, {}\n", file, grouped(static_cast<std::int64_t>(report.events)),
                 bad == 0 ? "all valid" : grouped(static_cast<std::int64_t>(bad)) + " not valid");
    } else {
      fmt::print("{}: a valid {}\n", file, report.kind);
    }
  }
  if (arguments.is_json) fmt::print("{}\n", report_json(reports));
  return code;
}

}  // namespace

void add_validate(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<ValidateArguments>();
  CLI::App* command = app.add_subcommand("validate", "Check events, policies and configurations");
  command->footer(
      "Files named .yaml or .yml are policies, overlays or configurations, told apart by their keys; all others hold "
      "events.\n"
      "Exit 0: all valid; 2: a policy or configuration is not; 4: some events are not; 1: a file cannot be read.\n"
      "What depends on other events (late, duplicate, cap, conflict) shows only in a replay.");
  command->add_option("FILES", arguments->files, "Files; -: events from standard input")->required();
  command->add_option("--most", arguments->most, "Bad events shown per file")->capture_default_str();
  command->add_flag("--json", arguments->is_json, "JSON instead of text");
  command->callback([arguments, &action] { action = [arguments] { return run_validate(*arguments); }; });
}

}  // namespace troth::app
