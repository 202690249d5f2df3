// `troth run`: the live pipeline, by a configuration file. Restarts itself after what passes; drains on SIGTERM.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "engine/app/command.h"
#include "engine/app/config.h"
#include "engine/app/exit_code.h"
#include "engine/app/pipeline.h"
#include "engine/app/stop_signal.h"
#include "engine/base/limits.h"
#include "engine/observe/log.h"

namespace troth::app {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(500);
constexpr auto kLongestPause = std::chrono::seconds(10);

/// Sleeps, but not through a stop.
void pause_for(std::chrono::milliseconds time, const StopSignal& signal) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!signal.asked() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

int run(const std::string& config_file) {
  auto config = read_config(config_file);
  if (!config) return complain(kWrongUse, config.error().message);
  auto policy = load_policy(config->policy, config->overlay);
  if (!policy) return complain(kWrongUse, policy.error().message);
  std::string erasure_key;
  if (config->erasure_key_file) {
    auto key = read_small_file(*config->erasure_key_file, base::limits::kConfigurationBytes);
    if (!key) return complain(kWrongUse, key.error().message);
    erasure_key = std::move(*key);
  }
  observe::LogOptions log;
  log.format = config->log_json ? observe::LogFormat::kJson : observe::LogFormat::kText;
  log.level = config->log_level == "warning" ? "warn" : config->log_level;
  if (const auto set_up = observe::set_up_log(log); !set_up) return complain(kWrongUse, set_up.error().message);

  const StopSignal signal;
  const base::SystemClock clock(config->clock_offset_us);
  Observers observers(clock, config->kafka ? config->kafka->inputs : config->files->inputs);
  if (config->http_host) {
    if (const auto served = observers.serve(*config->http_host, config->http_port); !served)
      return complain(kWrongUse, served.error().message);
    spdlog::info("serving /metrics, /healthz and /readyz at http://{}:{}", *config->http_host, observers.port());
  }
  if (config->clock_offset_us != 0)
    spdlog::warn("the wall clock is shifted: this is a rehearsal, at {}", event::format_time(clock.now()));

  const std::function<bool()> stop = [&] { return signal.asked(); };
  const PipelineParts parts{*config, *policy, erasure_key, clock, observers, stop};
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstPause);
  bool was_ready_once = false;
  for (;;) {
    bool was_ready = false;
    const auto error = config->kafka ? run_kafka_pipeline(parts, was_ready) : run_file_pipeline(parts, was_ready);
    if (!error) return kDone;
    was_ready_once = was_ready_once || was_ready;
    // Before it ever worked, a failure is most likely a wrong configuration: say so and end, rather than try for ever.
    if (error->is_fatal) return complain(was_ready_once ? kFailed : kWrongUse, error->message);
    if (!was_ready_once) return complain(kFailed, error->message);
    if (signal.asked()) return complain(kFailed, "while draining: " + error->message);
    ++observers.troubles.restarts;
    if (was_ready) pause = kFirstPause;
    spdlog::error("{}; opening everything anew in {} ms", error->message, pause.count());
    pause_for(pause, signal);
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
      "SIGTERM drains: what was read is committed and delivered, then it exits with 0. The file is described in "
      "schemas/config.json.");
  command->add_option("--config", *config, "Configuration, YAML")->required()->type_name("FILE");
  command->callback([config, &action] { action = [config] { return run(*config); }; });
}

}  // namespace troth::app
