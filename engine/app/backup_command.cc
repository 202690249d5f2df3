// `troth backup`: a copy of a state directory, also while `troth run` is using it.
#include <memory>

#include "engine/app/command.h"
#include "engine/app/state_copying.h"

namespace troth::app {

void add_backup(CLI::App& app, Action& action) {
  auto copying = std::make_shared<StateCopying>();
  copying->done = "backed up";
  CLI::App* command =
      app.add_subcommand("backup", "Copy a state directory as it stands after some commit, also while a run uses it");
  command->footer(
      "The run is not disturbed, nor is its directory written to. The copy is a whole state directory: ask it with\n"
      "`troth query`, bring it back with `troth restore`. A copy that broke off is refused by both: delete it.");
  command->add_option("--state", copying->from, "The state directory")->required()->type_name("DIR");
  command->add_option("--to", copying->to, "Where the copy goes: must not exist, or be empty")
      ->required()
      ->type_name("NEWDIR");
  command->add_flag("--json", copying->is_json, "The summary as JSON");
  command->callback([copying, &action] { action = [copying] { return run_state_copying(*copying); }; });
}

}  // namespace troth::app
