// troth: the command line. Parses, runs the chosen command, answers its exit code.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"
#include "engine/state/rocks_store.h"

int main(int argc, char** argv) {
  using namespace troth::app;
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its write, not a death
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
  add_config(app, action);
  add_inspect(app, action);
  add_topics(app, action);
  add_backup(app, action);
  add_restore(app, action);
  add_redrive(app, action);
  add_completion(app, action);
  try {
    app.parse(argc, argv);
    const int code = action();
    // An answer that did not arrive is no success: what is buffered meets a full disk only here.
    if (code == kDone && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
      return complain(kFailed, "standard output: cannot be written. Check the disk or the pipe, then start again.");
    }
    return code;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "troth: {}\nTry `troth --help`, or `troth COMMAND --help`.\n", error.what());
    return kWrongUse;
  } catch (const std::exception& error) {
    return complain(kFailed, error.what());
  }
}
