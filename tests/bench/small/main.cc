// bench_small: the engine with the small model, and the means to measure it and its peer. tests/bench/peers calls it.
//
//   bench_small run BOOTSTRAP PREFIX INPUT STATE COMMIT_MS [NAME=VALUE …]
//       the engine, with settings of the Kafka client; topics PREFIXscores, PREFIXalerts …; ends by SIGTERM
//   bench_small fill BOOTSTRAP TOPIC EVENTS CUSTOMERS
//   bench_small discard|parse|decode BOOTSTRAP TOPIC
//   bench_small watch BOOTSTRAP GROUP TOPIC EVENTS PID
//   bench_small drive BOOTSTRAP TOPIC ALERTS EVENTS_PER_S PROBES_PER_S WARM_UP_S SECONDS CUSTOMERS
//   bench_small first-alert BOOTSTRAP TOPIC ALERTS
//   bench_small offline STATE EVENTS CUSTOMERS PER_COMMIT    the engine without Kafka; µs an event by phase
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/app/pipeline.h"
#include "engine/app/stop_signal.h"
#include "engine/observe/log.h"
#include "tests/bench/small/offline.h"
#include "tests/bench/small/small_model.h"
#include "tests/bench/small/wire.h"

namespace troth::bench {
namespace {

using base::Error;
using base::Status;
using Words = std::vector<std::string>;

std::uint64_t number(const std::string& word) { return std::strtoull(word.c_str(), nullptr, 10); }

app::Config config_of(const Words& words) {
  app::Config config;
  config.state = words[4];
  config.catch_up_commit_us = static_cast<event::TimeUs>(number(words[5])) * 1'000;
  app::KafkaConfig kafka;
  kafka.bootstrap = words[1];
  kafka.group = words[2] + "group";
  kafka.instance = "bench";
  kafka.inputs = {words[3]};
  kafka.outputs = {words[2] + "scores", words[2] + "alerts", words[2] + "deadletters"};
  kafka.changelog = words[2] + "changelog";
  kafka.settings = {{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"}, {"compression.codec", "lz4"}};
  for (std::size_t i = 6; i < words.size(); ++i) {
    const std::size_t equals = std::min(words[i].find('='), words[i].size());
    kafka.settings[words[i].substr(0, equals)] = words[i].substr(std::min(equals + 1, words[i].size()));
  }
  config.kafka = kafka;
  return config;
}

/// As `troth run` does it, with another model and without opening anew after a failure.
Status run(const Words& words) {
  const app::Config config = config_of(words);
  auto policy = app::load_policy(std::nullopt, std::nullopt);  // kept beside the state; it judges nothing here
  if (!policy) return policy.error();
  if (Status set_up = observe::set_up_log({}); !set_up) return set_up;
  const SmallModel model;
  const app::StopSignal signal;
  const base::SystemClock clock;
  app::Observers observers(clock, config.kafka->inputs);
  const std::function<bool()> stop = [&] { return signal.asked(); };
  const app::PipelineParts parts{config, *policy, model, clock, observers, stop};
  bool was_ready = false;
  if (const auto error = app::run_kafka_pipeline(parts, was_ready)) return Error{error->message};
  return base::success();
}

Status print_filled(const Words& words) {
  auto filled = fill(words[1], words[2], number(words[3]), number(words[4]));
  if (!filled) return filled.error();
  fmt::print(R"({{"events":{},"bytes":{}}})" "\n", filled->events, filled->bytes);
  return base::success();
}

Status print_read(const Words& words) {
  const Depth depth = words[0] == "discard" ? Depth::kDiscard : words[0] == "parse" ? Depth::kParse : Depth::kDecode;
  auto read = read_bare(words[1], words[2], depth);
  if (!read) return read.error();
  fmt::print(R"({{"events":{},"cpu_us":{:.1f},"seconds":{:.3f}}})" "\n", read->events, read->cpu_us, read->seconds);
  return base::success();
}

Status print_driven(const Words& words) {
  const auto real = [&](std::size_t at) { return std::strtod(words[at].c_str(), nullptr); };
  auto answered = drive(words[1], words[2], words[3], {real(4), real(5), real(6), real(7), number(words[8])});
  if (!answered) return answered.error();
  fmt::print(R"({{"events_per_second":{:.0f},"lost":{},"latencies_ms":[{:.2f}]}})" "\n", answered->events_per_second,
             answered->lost, fmt::join(answered->latencies_ms, ","));
  return base::success();
}

Status print_offline(const Words& words) {
  auto run = run_offline(words[1], number(words[2]), number(words[3]), number(words[4]));
  if (!run) return run.error();
  const double events = static_cast<double>(run->events);
  const auto phase = [&](std::uint64_t ns) { return static_cast<double>(ns) / events / 1e3; };
  fmt::print(R"({{"events":{},"cpu_us":{:.2f},"decode_us":{:.2f},"apply_us":{:.2f},"settle_us":{:.2f},"encode_us":{:.2f},)"
             R"("store_us":{:.2f},"sink_us":{:.2f}}})" "\n",
             run->events, run->cpu_us / events, run->decode_us / events, phase(run->phases.apply_ns),
             phase(run->phases.settle_ns), phase(run->phases.encode_ns), phase(run->phases.store_ns),
             phase(run->phases.sink_ns));
  return base::success();
}

Status carry_out(const Words& words) {
  const std::string what = words.empty() ? "" : words[0];
  if (what == "run" && words.size() >= 6) return run(words);
  if (what == "fill" && words.size() == 5) return print_filled(words);
  if ((what == "discard" || what == "parse" || what == "decode") && words.size() == 3) return print_read(words);
  if (what == "watch" && words.size() == 6)
    return watch(words[1], words[2], words[3], number(words[4]), std::atoi(words[5].c_str()));
  if (what == "drive" && words.size() == 9) return print_driven(words);
  if (what == "first-alert" && words.size() == 4) return first_alert(words[1], words[2], words[3]);
  if (what == "offline" && words.size() == 5) return print_offline(words);
  return Error{"the head of tests/bench/small/main.cc says how this is called; tests/bench/peers does it for you"};
}

}  // namespace
}  // namespace troth::bench

int main(int argc, char** argv) {
  const auto done = troth::bench::carry_out({argv + 1, argv + argc});
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().message);
  return 1;
}
