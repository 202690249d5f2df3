// `troth run`: the live pipeline, by a configuration file. Restarts itself after what passes; drains on SIGTERM; on
// SIGHUP it reads policy and secrets again and, if they are good and others, closes cleanly and opens anew under them.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/app/pipeline.h"
#include "engine/app/run_inputs.h"
#include "engine/app/stop_signal.h"
#include "engine/observe/log.h"
#include "operators/trust_model.h"

namespace troth::app {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(500);
constexpr auto kLongestPause = std::chrono::seconds(10);

/// Sleeps, but not through a signal.
void pause_for(std::chrono::milliseconds time, const StopSignal& signal, const ReloadSignal& reload) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!signal.asked() && !reload.asked() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

int run(const std::string& config_file) {
  ReloadSignal reload;  // first: a SIGHUP that comes early must not end the process
  const Environment environment = process_environment();
  auto loaded = load_run_inputs(config_file, environment);
  if (!loaded) return complain(kWrongUse, loaded.error().message);
  Reloader reloader(std::move(*loaded), config_file, environment);
  const Config& start = reloader.inputs().config;
  observe::LogOptions log;
  log.format = start.log_json ? observe::LogFormat::kJson : observe::LogFormat::kText;
  log.level = start.log_level == "warning" ? "warn" : start.log_level;
  if (const auto set_up = observe::set_up_log(log); !set_up) return complain(kWrongUse, set_up.error().message);
  for (const std::string& warning : start.warnings) spdlog::warn("{}", warning);
  for (const std::string& variable : start.overridden_by) spdlog::info("{} is taken from the environment", variable);
  spdlog::info("policy {}", reloader.inputs().policy.policy->hash());

  const StopSignal signal;
  const base::SystemClock clock(start.clock_offset_us);
  Observers observers(clock, start.kafka ? topics_read(*start.kafka) : start.files->inputs);
  if (start.http_host) {
    if (const auto served = observers.serve(*start.http_host, start.http_port); !served)
      return complain(kWrongUse, served.error().message);
    spdlog::info("serving /metrics, /healthz and /readyz at http://{}:{}", *start.http_host, observers.port());
  }
  if (start.clock_offset_us != 0)
    spdlog::warn("the wall clock is shifted: this is a rehearsal, at {}", event::format_time(clock.now()));

  bool is_reloading = false;
  const std::function<bool()> stop = [&] {
    is_reloading = is_reloading || (reload.take() && reloader.read_again());
    return is_reloading || signal.asked();
  };
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstPause);
  bool was_ready_once = false;
  for (;;) {
    // Also after a failure: other secrets may be what helps.
    if (is_reloading || (reload.take() && reloader.read_again())) reloader.adopt();
    is_reloading = false;
    const RunInputs& inputs = reloader.inputs();
    const operators::TrustModel model(inputs.policy.policy, inputs.erasure_key);
    const PipelineParts parts{inputs.config, inputs.policy, model, clock, observers, stop};
    bool was_ready = false;
    const auto error = inputs.config.kafka ? run_kafka_pipeline(parts, was_ready) : run_file_pipeline(parts, was_ready);
    was_ready_once = was_ready_once || was_ready;
    if (!error && is_reloading && !signal.asked()) continue;
    if (!error) return kDone;
    // Before it ever worked, a failure is most likely a wrong configuration: say so and end, rather than try for ever.
    if (error->is_final) return complain(kFailed, error->message);
    if (error->is_fatal) return complain(was_ready_once ? kFailed : kWrongUse, error->message);
    if (!was_ready_once) return complain(kFailed, error->message);
    if (signal.asked()) return complain(kFailed, "while draining: " + error->message);
    ++observers.troubles.restarts;
    if (was_ready) pause = kFirstPause;
    spdlog::error("{}; opening everything anew in {} ms", error->message, pause.count());
    pause_for(pause, signal, reload);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
    if (signal.asked()) return kDone;
  }
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto config = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("run", "The live pipeline: Kafka topics or growing files in, scores and alerts out");
  command->footer(
      "SIGTERM drains: what was read is committed and delivered, then it exits with 0. SIGHUP reads policy, overlay\n"
      "and secrets again; bad ones are refused and the old ones stay. The file is described in schemas/config.json;\n"
      "variables TROTH_CONFIG__… of the environment go over it; `troth config check FILE` says what holds.");
  command->add_option("--config", *config, "Configuration, YAML")->required()->type_name("FILE");
  command->callback([config, &action] { action = [config] { return run(*config); }; });
}

}  // namespace troth::app
