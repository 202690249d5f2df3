// `troth config check FILE`: would `troth run` take this configuration, here and now? Says what is wrong, where and
// what to write instead; or what is in force, defaults and environment included, without a secret. Opens no connection.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "engine/app/command.h"
#include "engine/app/config_text.h"
#include "engine/app/exit_code.h"
#include "engine/app/run_inputs.h"
#include "engine/base/json.h"

namespace troth::app {
namespace {

int say_as_json(const base::Result<RunInputs>& inputs) {
  base::Value::Map answer;
  answer["valid"] = inputs.ok();
  if (!inputs) {
    answer["error"] = inputs.error().message;
  } else {
    const auto list = [](const std::vector<std::string>& texts) {
      return base::Value::List(texts.begin(), texts.end());
    };
    answer["configuration"] = describe(inputs.value().config);
    answer["environment"] = list(inputs.value().config.overridden_by);
    answer["policy"] = inputs.value().policy.policy->hash();
    answer["warnings"] = list(inputs.value().config.warnings);
  }
  fmt::print("{}\n", base::canonical_json(answer));
  return inputs ? kDone : kWrongUse;
}

int run_check(const std::string& file, bool is_json) {
  const auto inputs = load_run_inputs(file, process_environment());
  if (is_json) return say_as_json(inputs);
  if (!inputs) return complain(kWrongUse, inputs.error().message);
  const Config& config = inputs.value().config;
  for (const std::string& warning : config.warnings) fmt::print(stderr, "troth: warning: {}\n", warning);
  fmt::print("# What {} says", file);
  for (const std::string& variable : config.overridden_by) fmt::print(", over it {}", variable);
  fmt::print("; policy {}\n{}", inputs.value().policy.policy->hash(), yaml_text(describe(config)));
  return kDone;
}

}  // namespace

void add_config(CLI::App& app, Action& action) {
  auto file = std::make_shared<std::string>();
  auto is_json = std::make_shared<bool>(false);
  CLI::App* config = app.add_subcommand("config", "The configuration of `troth run`");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand("check", "Would `troth run` take it, here and now? What is in force then?");
  check->footer(
      "Reads what a run reads before it opens anything: the file, variables TROTH_CONFIG__… of the environment,\n"
      "policy, secrets (shown as <set>). `troth validate FILE` judges the file alone, for whatever machine.\n"
      "Exit 0: right; 2: not.");
  check->add_option("FILE", *file, "Configuration, YAML")->required();
  check->add_flag("--json", *is_json, "JSON instead of text");
  check->callback([file, is_json, &action] { action = [file, is_json] { return run_check(*file, *is_json); }; });
}

}  // namespace troth::app
