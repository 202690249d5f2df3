// troth: the command line. Parses, runs the chosen command, answers its exit code.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/state/rocks_store.h"

int main(int argc, char** argv) {
  using namespace troth::app;
  CLI::App app{
      "Troth: customer trust, computed live.\nReads orders, deliveries, complaints and reviews; keeps a trust score "
      "per customer, says why, and alerts\nthe service team while the customer can still be kept."};
  app.name("troth");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("troth {}\n{}", TROTH_VERSION, troth::state::rocksdb_description()));
  app.footer("`troth COMMAND --help` says more about a command. Start with `troth demo`.");
  Action action;
  add_demo(app, action);
  add_run(app, action);
  add_replay(app, action);
  add_query(app, action);
  add_explain(app, action);
  add_top(app, action);
  add_validate(app, action);
  add_inspect(app, action);
  add_topics(app, action);
  add_completion(app, action);
  try {
    app.parse(argc, argv);
    return action();
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "troth: {}\nTry `troth --help`, or `troth COMMAND --help`.\n", error.what());
    return kWrongUse;
  } catch (const std::exception& error) {
    return complain(kFailed, error.what());
  }
}
