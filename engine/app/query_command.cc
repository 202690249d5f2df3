// `troth query`, `troth explain`, `troth top`: questions to a state directory.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "engine/app/at_risk.h"
#include "engine/app/command.h"
#include "engine/app/customer_text.h"
#include "engine/app/exit_code.h"
#include "engine/app/state_reader.h"
#include "engine/base/json.h"
#include "operators/record/json.h"

namespace troth::app {
namespace {

struct QueryArguments {
  std::string customer, tenant = "default", state;
  std::optional<std::string> as_of, policy;
  std::size_t count = 20;
  std::size_t rows = 30;
  bool is_json = false;
};

void add_state_options(CLI::App& command, QueryArguments& arguments) {
  command.add_option("--state", arguments.state, "The state directory of a replay or a run, also while it is running")
      ->required()
      ->type_name("DIR");
  command.add_option("--as-of", arguments.as_of, "At this time, not before the state's own; default: the state's")
      ->check(time_text());
  command.add_option("--policy", arguments.policy, "Another policy than the state's own")->type_name("FILE");
  command.add_flag("--json", arguments.is_json, "JSON instead of text");
}

/// Opens the state and finds the time asked for; an exit code if that fails.
struct Opened {
  std::unique_ptr<StateReader> reader;
  event::TimeUs t = 0;
  int code = kDone;
};
Opened open_state(const QueryArguments& arguments) {
  Opened opened;
  auto reader = StateReader::open(arguments.state, arguments.policy);
  if (!reader) {
    opened.code = complain(kWrongUse, reader.error().message);
    return opened;
  }
  opened.reader = std::move(*reader);
  tell_if_in_use(*opened.reader, arguments.state);
  const event::TimeUs tau = opened.reader->tau();
  opened.t = arguments.as_of ? time_of(*arguments.as_of) : tau;
  if (opened.t < tau) {
    opened.code = complain(kWrongUse, fmt::format("--as-of {}: the state {} stands at {} and cannot go back; replay "
                                                  "the log with this --as-of and --snapshot instead",
                                                  *arguments.as_of, arguments.state, event::format_time(tau)));
  }
  return opened;
}

int run_query(const QueryArguments& arguments, bool explains) {
  const Opened opened = open_state(arguments);
  if (opened.code != kDone) return opened.code;
  const Terminal terminal(1);
  auto found =
      opened.reader->read_customer(arguments.tenant, arguments.customer, opened.t, [&](const operators::View& view) {
        if (arguments.is_json) {
          fmt::print("{}\n",
                     operators::score_record(view, explains ? operators::Detail::kFull : operators::Detail::kQuery));
        } else {
          fmt::print("{}{}", customer_text(view, terminal),
                     explains ? waterfall_text(view, terminal, arguments.rows) : "");
        }
      });
  if (!found) return complain(kFailed, found.error().message);
  if (!*found) {
    return complain(kNotFound, fmt::format("customer '{}' of tenant '{}' was never heard of in {} (or was erased); "
                                           "`troth top --state {}` lists some that are there",
                                           arguments.customer, arguments.tenant, arguments.state, arguments.state));
  }
  return kDone;
}

std::string top_json(const std::vector<AtRisk>& top) {
  base::JsonWriter json;
  json.begin_list();
  for (const AtRisk& each : top) {
    json.begin_map();
    json.field("alerts", each.firing);
    json.field("customer", each.customer);
    json.field("score", each.score);
    json.key("severity");
    if (each.severity < 0) json.null();
    else json.integer(each.severity);
    json.field("tenant", each.tenant);
    json.field("tier", each.tier);
    json.key("worst");
    if (each.worst.empty()) json.null();
    else json.string(each.worst);
    json.end_map();
  }
  json.end_list();
  return std::move(json).take();
}

int run_top(const QueryArguments& arguments) {
  const Opened opened = open_state(arguments);
  if (opened.code != kDone) return opened.code;
  const auto top = most_at_risk(opened.reader->instance(), opened.t, arguments.count);
  if (!top) return complain(kFailed, top.error().message);
  if (arguments.is_json) {
    fmt::print("{}\n", top_json(*top));
  } else {
    fmt::print("{}", at_risk_text(*top, Terminal(1)));
  }
  return kDone;
}

}  // namespace

void add_query(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<QueryArguments>();
  CLI::App* command = app.add_subcommand("query", "Where a customer stands");
  command->add_option("CUSTOMER", arguments->customer, "Customer id")->required();
  command->add_option("--tenant", arguments->tenant, "Tenant")->capture_default_str();
  add_state_options(*command, *arguments);
  command->callback([arguments, &action] { action = [arguments] { return run_query(*arguments, false); }; });
}

void add_explain(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<QueryArguments>();
  CLI::App* command = app.add_subcommand("explain", "Why a customer stands there: every reason, to the last point");
  command->add_option("CUSTOMER", arguments->customer, "Customer id")->required();
  command->add_option("--tenant", arguments->tenant, "Tenant")->capture_default_str();
  command
      ->add_option("--rows", arguments->rows,
                   "Reasons shown; the smallest beyond them are summed (--json has them all)")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  add_state_options(*command, *arguments);
  command->callback([arguments, &action] { action = [arguments] { return run_query(*arguments, true); }; });
}

void add_top(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<QueryArguments>();
  CLI::App* command = app.add_subcommand("top", "The customers most at risk: worst alert first, then least trust");
  command->add_option("-n,--count", arguments->count, "How many")->check(CLI::Range(1, 10'000))->capture_default_str();
  add_state_options(*command, *arguments);
  command->callback([arguments, &action] { action = [arguments] { return run_top(*arguments); }; });
}

}  // namespace troth::app
