// `troth demo`: the first thing to try: a simulated shop, watched day by day. Needs nothing but this program.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

#include "engine/app/at_risk.h"
#include "engine/app/command.h"
#include "engine/app/customer_text.h"
#include "engine/app/demo_play.h"
#include "engine/app/demo_screen.h"
#include "engine/app/exit_code.h"
#include "engine/app/stop_signal.h"
#include "engine/base/clock.h"

namespace troth::app {
namespace {

using Stopwatch = std::chrono::steady_clock;
using Ink = Terminal::Ink;

constexpr std::size_t kReasonsShown = 12;
constexpr std::size_t kAtRiskShown = 5;

struct DemoArguments {
  ShopOptions shop;
  double speed = 12;  // simulated days a second
  std::optional<std::string> state, events;
  bool is_fast = false, is_json = false;
};

/// The events alone, for replays and pipes.
int write_events(const DemoArguments& arguments) {
  const bool to_stdout = *arguments.events == "-";
  std::FILE* file = to_stdout ? stdout : std::fopen(arguments.events->c_str(), "wb");
  const auto failed = [&] {
    return complain(kFailed, fmt::format("{}: cannot be written: {}", *arguments.events, std::strerror(errno)));
  };
  if (file == nullptr) return failed();
  bool is_written = true;
  for (const ShopEvent& event : simulate_shop(arguments.shop)) {
    is_written = is_written && std::fwrite(event.json.data(), 1, event.json.size(), file) == event.json.size() &&
                 std::fputc('\n', file) != EOF;
  }
  is_written = std::fflush(file) == 0 && is_written;
  if (!to_stdout) is_written = std::fclose(file) == 0 && is_written;
  return is_written ? kDone : failed();
}

/// Sleeps until then, unless it is to stop.
void wait_until(Stopwatch::time_point then, const StopSignal& stop) {
  constexpr auto kNap = std::chrono::milliseconds(20);
  while (!stop.asked() && Stopwatch::now() < then)
    std::this_thread::sleep_for(std::min<Stopwatch::duration>(kNap, then - Stopwatch::now()));
}

std::string hints_text(const DemoArguments& arguments, const std::string& customer, const Terminal& terminal) {
  std::string text = "\n" + terminal.paint(Ink::kBold, "What to try next") + "\n";
  const auto hint = [&](std::string_view command, std::string_view what) {
    text += fmt::format("  {:<58} {}\n", command, terminal.paint(Ink::kDim, what));
  };
  if (arguments.state) {
    hint(fmt::format("troth explain {} --state {}", customer, *arguments.state), "every reason, to the last point");
    hint(fmt::format("troth top --state {}", *arguments.state), "who is most at risk");
  } else {
    hint("troth demo --state demo-state", "keep the state, then explain and top");
  }
  hint("troth demo --events shop.ndjson", "the same events as a file …");
  const bool is_ahead = arguments.shop.start + arguments.shop.days * event::kDay > base::SystemClock().now();
  hint(fmt::format("troth replay shop.ndjson{}", is_ahead ? " --horizon none" : ""), "… computed at full speed");
  hint("troth replay YOUR-HISTORY.ndjson", "your own: one CloudEvent a line");
  text += "  The README tells how to connect Kafka and how to write a policy of your own.\n";
  return text;
}

base::Result<std::string> end_text(const DemoArguments& arguments, DemoPlay& play, const Summary& summary) {
  const Terminal terminal(1);
  std::string text = "\n" + summary_text(summary, terminal);
  const auto top = most_at_risk(play.instance(), play.now(), kAtRiskShown);
  if (!top) return top.error();
  if (top->empty()) return text;
  text += "\n" + terminal.paint(Ink::kBold, "Most at risk") + "\n" + at_risk_text(*top, terminal);
  const AtRisk& worst = top->front();
  auto state = play.instance().find(operators::TrustModel::key(worst.tenant, worst.customer), worst.customer);
  if (!state) return state.error();
  if (*state != nullptr) {
    operators::TrustModel::read_at(**state, play.now(), [&](const operators::View& view) {
      text += "\n" + customer_text(view, terminal) + waterfall_text(view, terminal, kReasonsShown);
    });
  }
  return text + hints_text(arguments, worst.customer, terminal);
}

int play_shop(const DemoArguments& arguments) {
  const StopSignal stop;
  auto policy = load_policy(std::nullopt, std::nullopt);
  if (!policy) return complain(kFailed, policy.error().message);
  const bool is_watched = !arguments.is_json;
  auto play = DemoPlay::open(arguments.shop, std::move(*policy), arguments.state, is_watched);
  if (!play) return complain(kWrongUse, play.error().message);

  DemoScreen screen(arguments.shop);
  const auto start = Stopwatch::now();
  const auto a_day =
      std::chrono::duration_cast<Stopwatch::duration>(std::chrono::duration<double>(1 / arguments.speed));
  // Nobody reads any more (a closed pipe): that ends the demo as politely as Ctrl-C does.
  bool is_read = !is_watched || screen.open();
  for (auto next = start + a_day; is_read && !stop.asked() && !(*play)->at_end(); next += a_day) {
    const auto day = (*play)->play_day();
    if (!day) return complain(kFailed, day.error().message);
    if (!is_watched) continue;
    is_read = screen.show(*day);
    if (!arguments.is_fast) wait_until(next, stop);
  }
  is_read = is_read && screen.close();
  if (!is_read) return kDone;

  Summary summary = (*play)->summary();
  summary.seconds = std::chrono::duration<double>(Stopwatch::now() - start).count();
  measure_process(summary);
  std::string text;
  if (arguments.is_json) {
    text = summary_json(summary) + "\n";
  } else {
    auto ended = end_text(arguments, **play, summary);
    if (!ended) return complain(kFailed, ended.error().message);
    text = std::move(*ended);
    if (!(*play)->at_end()) {
      text += arguments.state ? "\nStopped. The same command goes on from here.\n"
                              : "\nStopped. With --state DIR the same command would go on from here.\n";
    }
  }
  return say(text) ? kDone : kFailed;
}

}  // namespace

void add_demo(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<DemoArguments>();
  CLI::App* command = app.add_subcommand("demo", "Watch a simulated shop win and lose trust; needs nothing");
  command->footer(
      "The shop is simulated, the engine is real. The same seed gives the same shop on every machine.\n\n"
      "  troth demo\n"
      "  troth demo --seed 7 --speed 2\n"
      "  troth demo --state demo-state && troth top --state demo-state\n"
      "  troth demo --customers 5000 --days 90 --events shop.ndjson && troth replay shop.ndjson");
  command->add_option("--customers", arguments->shop.customers, "How many customers")
      ->check(CLI::Range(1, kShopCustomersMax))
      ->capture_default_str();
  command->add_option("--days", arguments->shop.days, "How many days")
      ->check(CLI::Range(1, kShopDaysMax))
      ->capture_default_str();
  command->add_option("--seed", arguments->shop.seed, "Another seed, another shop")->capture_default_str();
  command->add_option("--speed", arguments->speed, "Simulated days a second")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  command->add_flag("--fast", arguments->is_fast, "No waiting");
  command->add_option("--state", arguments->state, "Keep the state here, and go on from it; default: a temporary one")
      ->type_name("DIR");
  command->add_option("--events", arguments->events, "Only write the events, a line each; -: standard output")
      ->type_name("FILE");
  command->add_flag("--json", arguments->is_json, "Only the summary, as one JSON object, without waiting");
  command->callback([arguments, &action] {
    action = [arguments] { return arguments->events ? write_events(*arguments) : play_shop(*arguments); };
  });
}

}  // namespace troth::app
