// `troth restore`: a backup made a state directory again.
#include <memory>

#include "engine/app/command.h"
#include "engine/app/state_copying.h"

namespace troth::app {

void add_restore(CLI::App& app, Action& action) {
  auto copying = std::make_shared<StateCopying>();
  copying->done = "restored";
  CLI::App* command = app.add_subcommand("restore", "Make a state directory from a backup; the backup stays");
  command->footer(
      "On Kafka, `troth run` then takes what followed the backup from the changelog. With files it reads on from\n"
      "where the backup stood, and cuts the output files back to there.");
  command->add_option("--from", copying->from, "The backup: a whole one, its checksums are verified")
      ->required()
      ->type_name("BACKUP");
  command->add_option("--state", copying->to, "The new state directory: must not exist, or be empty")
      ->required()
      ->type_name("DIR");
  command->add_flag("--json", copying->is_json, "The summary as JSON");
  command->callback([copying, &action] { action = [copying] { return run_state_copying(*copying); }; });
}

}  // namespace troth::app
