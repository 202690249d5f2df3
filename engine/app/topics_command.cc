// `troth topics create`: the topics of a pipeline, made or checked.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>

#include "engine/app/command.h"
#include "engine/app/config.h"
#include "engine/app/exit_code.h"
#include "engine/app/terminal.h"
#include "engine/base/json.h"
#include "engine/base/limits.h"
#include "engine/sink/kafka_topics.h"

namespace troth::app {
namespace {

struct TopicsArguments {
  std::optional<std::string> config, bootstrap;
  std::int32_t partitions = 16, replication = 1;
  bool is_json = false;
};

constexpr std::array<std::string_view, 4> kOutcomes{"created", "present", "differs", "failed"};

int run_create(const TopicsArguments& arguments) {
  KafkaConfig kafka;
  if (arguments.config) {
    auto config = load_config(*arguments.config, process_environment());
    if (!config) return complain(kWrongUse, config.error().message);
    if (!config->kafka) return complain(kWrongUse, fmt::format("{}: has no `kafka` section", *arguments.config));
    kafka = *config->kafka;
  }
  if (arguments.bootstrap) kafka.bootstrap = *arguments.bootstrap;
  if (kafka.bootstrap.empty())
    return complain(kWrongUse, "name the brokers with --bootstrap HOST:PORT or a --config FILE that does");
  source::KafkaSettings settings;
  settings.bootstrap = kafka.bootstrap;
  settings.client_id = kafka.client_id;
  settings.extra = kafka.settings;
  auto specs = sink::pipeline_topics(kafka.inputs, kafka.outputs, kafka.changelog, arguments.partitions,
                                           arguments.replication);
  if (kafka.repartition) {
    for (std::size_t input = 0; input < kafka.inputs.size(); ++input) specs[input].takes_any_partitions = true;
    specs.push_back({kafka.repartition_topic, arguments.partitions, arguments.replication});
  }
  auto results = sink::create_topics(specs, settings);
  if (!results) return complain(kFailed, results.error().message);
  if (arguments.is_json) {
    base::JsonWriter json;
    json.begin_list();
    for (const sink::TopicResult& result : *results) {
      json.begin_map();
      json.field("message", result.message);
      json.field("outcome", kOutcomes.at(static_cast<std::size_t>(result.outcome)));
      json.field("topic", result.name);
      json.end_map();
    }
    json.end_list();
    fmt::print("{}\n", json.text());
  } else {
    for (const sink::TopicResult& result : *results) {
      fmt::print("{:<24} {:<8} {}\n", result.name, kOutcomes.at(static_cast<std::size_t>(result.outcome)),
                 result.message);
    }
  }
  return sink::usable(*results) ? kDone : kFailed;
}

}  // namespace

void add_topics(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<TopicsArguments>();
  CLI::App* topics = app.add_subcommand("topics", "Topics of a pipeline on Kafka");
  topics->require_subcommand(1);
  CLI::App* create =
      topics->add_subcommand("create", "Make what is missing, check what is there; nothing is ever changed or deleted");
  create->footer(
      "Input topics need one number of partitions, all of them: that of the customers' key. Outputs are compacted.");
  create->add_option("--config", arguments->config, "A configuration as for `troth run`: its brokers and topic names")
      ->type_name("FILE");
  create->add_option("--bootstrap", arguments->bootstrap, "Brokers")->type_name("HOST:PORT");
  create->add_option("--partitions", arguments->partitions, "Partitions of every topic")
      ->check(CLI::Range(1, base::limits::kPartitions))
      ->capture_default_str();
  create->add_option("--replication", arguments->replication, "Copies of every partition")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  create->add_flag("--json", arguments->is_json, "JSON instead of text");
  create->callback([arguments, &action] { action = [arguments] { return run_create(*arguments); }; });
}

}  // namespace troth::app
