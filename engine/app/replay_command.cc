// `troth replay`: options, progress line, summary.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/app/policy_source.h"
#include "engine/app/replay.h"
#include "engine/app/terminal.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"

namespace troth::app {
namespace {

struct ReplayArguments {
  std::vector<std::string> files;
  std::optional<std::string> policy, overlay, state, out, horizon, snapshot, erasure_key;
  std::vector<std::string> as_of;
  std::int32_t partitions = 16;
  int workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::optional<std::int64_t> epoch_events;
  bool is_json = false, is_strict = false;
};

std::string progress_line(const ReplayProgress& progress, const Terminal& terminal) {
  const double rate = progress.seconds > 0 ? static_cast<double>(progress.events) / progress.seconds : 0;
  std::string line = fmt::format("{} events  {}/s  ", grouped(static_cast<std::int64_t>(progress.events)),
                                 grouped(static_cast<std::int64_t>(rate)));
  line += terminal.paint(Terminal::Ink::kBold, event::format_time(progress.event_time).substr(0, 10));
  line += fmt::format("  {} alerts", grouped(progress.alerts));
  if (progress.is_closing) return line + "  closing";
  if (progress.bytes_total > 0 && progress.bytes_used > 0) {
    const double share = static_cast<double>(progress.bytes_used) / static_cast<double>(progress.bytes_total);
    line += fmt::format("  {:3.0f} %  {} left", share * 100, span(progress.seconds * (1 - share) / share));
  }
  return line;
}

int run_replay(const ReplayArguments& arguments) {
  ReplayOptions options;
  auto policy = load_policy(arguments.policy, arguments.overlay);
  if (!policy) return complain(kWrongUse, policy.error().message);
  options.policy = std::move(*policy);
  if (arguments.erasure_key) {
    auto key = read_small_file(*arguments.erasure_key, base::limits::kConfigurationBytes);
    if (!key) return complain(kWrongUse, key.error().message);
    options.erasure_key = *key;
  }
  options.files = arguments.files;
  options.state = arguments.state;
  options.out = arguments.out;
  options.snapshot = arguments.snapshot;
  options.partitions = arguments.partitions;
  options.workers = arguments.workers;
  options.epoch_events = arguments.epoch_events;
  for (const std::string& text : arguments.as_of) options.as_of.push_back(time_of(text));
  std::sort(options.as_of.begin(), options.as_of.end());
  options.as_of.erase(std::unique(options.as_of.begin(), options.as_of.end()), options.as_of.end());
  if (!arguments.horizon) {
    options.horizon = base::SystemClock().now();
  } else if (*arguments.horizon != "none") {
    options.horizon = time_of(*arguments.horizon);
  }

  Terminal messages(2);
  const auto result =
      replay(options, [&](const ReplayProgress& progress) { messages.progress(progress_line(progress, messages)); });
  messages.end_progress();
  if (const auto* error = std::get_if<ReplayError>(&result))
    return complain(error->is_wrong_use ? kWrongUse : kFailed, error->message);
  const auto& summary = std::get<Summary>(result);
  if (arguments.is_json) {
    fmt::print("{}\n", summary_json(summary));
  } else {
    fmt::print("{}", summary_text(summary, Terminal(1)));
  }
  return arguments.is_strict && summary.tally.refused_in_all() > 0 ? kHadDeadLetters : kDone;
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* command = app.add_subcommand("replay", "Compute history out of files, at full speed");
  command->footer(
      "FILES hold one CloudEvent a line; gzip and zstd are recognised by content. Several files are merged by time.\n"
      "With --state the same command again goes on where the last one stopped, also after a crash.\n\n"
      "  troth replay history.ndjson.zst\n"
      "  troth replay orders.ndjson deliveries.ndjson --out results --snapshot customers.ndjson\n"
      "  troth replay history.ndjson --as-of 2026-01-01T00:00:00Z --snapshot new_year.ndjson\n"
      "  troth replay history.ndjson --overlay harsher.yaml --json        (what would another policy have done?)");
  command->add_option("FILES", arguments->files, "Event files; - or none: standard input")
      ->check([](const std::string&) { return std::string{}; });
  command->add_option("--policy", arguments->policy, "Policy, YAML; default: the one built in")->type_name("FILE");
  command->add_option("--overlay", arguments->overlay, "A second policy, merged over the first")->type_name("FILE");
  command->add_option("--state", arguments->state, "Keep the state here, and go on from it; default: a temporary one")
      ->type_name("DIR");
  command->add_option("--out", arguments->out, "Write scores, alerts, promises and deadletters.ndjson here")
      ->type_name("DIR");
  command
      ->add_option("--as-of", arguments->as_of,
                   "Where customers stand at this time; repeatable; default: the greatest event time")
      ->check(time_text())
      ->allow_extra_args(false);
  command
      ->add_option("--horizon", arguments->horizon,
                   "Events later than this are refused as future; none: nothing is; default: now, kept in the state")
      ->check([](const std::string& text) {
        return text == "none" ? std::string{} : time_text()(const_cast<std::string&>(text));
      })
      ->type_name("TIME|none");
  command->add_option("--snapshot", arguments->snapshot, "Every customer's full record at each --as-of, a line each")
      ->type_name("FILE");
  command
      ->add_option("--partitions", arguments->partitions, "Partitions that customers are spread over, as Kafka would")
      ->check(CLI::Range(1, base::limits::kPartitions))
      ->capture_default_str();
  command->add_option("--workers", arguments->workers, "Threads; default: the cores")
      ->check(CLI::Range(1, base::limits::kWorkers));
  command
      ->add_option("--epoch-events", arguments->epoch_events,
                   "Close every epoch of a partition after exactly so many of its events")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command->add_option("--erasure-key", arguments->erasure_key, "Key under which erased customers are remembered")
      ->type_name("FILE");
  command->add_flag("--strict", arguments->is_strict, "Exit 4 if there were dead letters");
  command->add_flag("--json", arguments->is_json, "The summary as one JSON object");
  command->callback([arguments, &action] { action = [arguments] { return run_replay(*arguments); }; });
}

}  // namespace troth::app
