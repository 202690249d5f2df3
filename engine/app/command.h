// Commands: each adds itself to the command line and answers an exit code when it was chosen. Main thread.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/event/time.h"

namespace troth::app {

/// What the chosen command will do once the whole line is parsed.
using Action = std::function<int()>;

void add_demo(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_query(CLI::App& app, Action& action);
void add_explain(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);
void add_validate(CLI::App& app, Action& action);
void add_config(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_topics(CLI::App& app, Action& action);
void add_backup(CLI::App& app, Action& action);
void add_restore(CLI::App& app, Action& action);
void add_redrive(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);

/// Says to people on standard error what went wrong, and answers `code`.
int complain(int code, const std::string& message);

/// Checks of option values, for CLI11.
[[nodiscard]] CLI::Validator time_text();
[[nodiscard]] event::TimeUs time_of(const std::string& text);

}  // namespace troth::app
