// One state directory copied into another, as a command: what `troth backup` and `troth restore` have in common. Main
// thread.
#pragma once

#include <string>

namespace troth::app {

struct StateCopying {
  std::string from, to;
  std::string done;  // for people: "backed up", "restored"
  bool is_json = false;
};

/// Checks both directories, copies, says what came of it; the exit code.
[[nodiscard]] int run_state_copying(const StateCopying& copying);

}  // namespace troth::app
