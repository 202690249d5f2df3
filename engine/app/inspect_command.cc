// `troth inspect`: what a state directory holds: inputs, time, accounting, per partition.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/app/state_reader.h"
#include "engine/app/terminal.h"
#include "engine/base/json.h"

namespace troth::app {
namespace {

struct InspectArguments {
  std::string state;
  bool is_json = false;
};

std::string inspect_json(StateReader& reader) {
  const task::Tally tally = reader.instance().tally();
  const task::Statistics statistics = reader.instance().statistics();
  base::JsonWriter json;
  json.begin_map();
  json.field("applied", tally.applied);
  json.field("dead_letters", tally.refused_in_all());
  json.field("duplicates", tally.duplicates);
  json.field("events", tally.read);
  json.key("horizon");
  if (reader.meta().horizon) json.string(event::format_time(*reader.meta().horizon));
  else json.null();
  json.key("inputs");
  json.begin_list();
  for (const std::string& input : reader.meta().inputs) json.string(input);
  json.end_list();
  json.key("partitions");
  json.begin_list();
  for (const task::PartitionStatistics& each : statistics.partitions) {
    json.begin_map();
    json.field("epochs", each.epoch);
    json.field("partition", each.partition);
    json.field("tau", event::format_time(each.tau));
    json.field("unsettled_keys", each.unsettled_keys);
    json.end_map();
  }
  json.end_list();
  json.field("policy", reader.policy().hash());
  json.field("tau", event::format_time(reader.tau()));
  json.end_map();
  return std::move(json).take();
}

int run_inspect(const InspectArguments& arguments) {
  auto reader = StateReader::open(arguments.state, std::nullopt);
  if (!reader) return complain(kWrongUse, reader.error().message);
  tell_if_in_use(**reader, arguments.state);
  if (arguments.is_json) {
    fmt::print("{}\n", inspect_json(**reader));
    return kDone;
  }
  const Terminal terminal(1);
  const task::Tally tally = (*reader)->instance().tally();
  fmt::print("{}\n", terminal.paint(Terminal::Ink::kBold, arguments.state));
  fmt::print("  stands at  {}\n  policy     {}\n  inputs     {}\n", event::format_time((*reader)->tau()),
             (*reader)->policy().hash(), fmt::join((*reader)->meta().inputs, ", "));
  fmt::print("  events     {} read = {} applied + {} duplicates + {} dead letters\n\n",
             grouped(static_cast<std::int64_t>(tally.read)), grouped(static_cast<std::int64_t>(tally.applied)),
             grouped(static_cast<std::int64_t>(tally.duplicates)),
             grouped(static_cast<std::int64_t>(tally.refused_in_all())));
  fmt::print("{}\n", terminal.paint(Terminal::Ink::kDim, fmt::format("{:>9}  {:<27}  {:>8}  {:>9}", "partition",
                                                                     "engine time", "epochs", "unsettled")));
  for (const task::PartitionStatistics& each : (*reader)->instance().statistics().partitions) {
    fmt::print("{:>9}  {:<27}  {:>8}  {:>9}\n", each.partition, event::format_time(each.tau),
               grouped(static_cast<std::int64_t>(each.epoch)), each.unsettled_keys);
  }
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand("inspect", "What a state directory holds: inputs, engine time, accounting");
  command->add_option("--state", arguments->state, "The state directory")->required()->type_name("DIR");
  command->add_flag("--json", arguments->is_json, "JSON instead of text");
  command->callback([arguments, &action] { action = [arguments] { return run_inspect(*arguments); }; });
}

}  // namespace troth::app
