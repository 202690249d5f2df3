// `troth completion SHELL`: a completion script, made from the command line as it is, so that it cannot fall behind.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "engine/app/command.h"
#include "engine/app/exit_code.h"

namespace troth::app {
namespace {

struct Words {
  std::string command;  // "replay", "topics create"
  std::string description;
  std::vector<std::string> options;  // "--state"
  std::vector<std::string> nested;   // subcommands
};

void collect(const CLI::App& app, const std::string& path, std::vector<Words>& all) {
  Words words{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.options.push_back("--" + name);
  }
  const auto nested = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* each : nested) words.nested.push_back(each->get_name());
  all.push_back(words);
  for (const CLI::App* each : nested)
    collect(*each, path.empty() ? each->get_name() : path + " " + each->get_name(), all);
}

std::string bash_script(const std::vector<Words>& all) {
  std::string cases;
  for (const Words& words : all) {
    cases += fmt::format("    '{}') words='{} {}' ;;\n", words.command, fmt::join(words.nested, " "),
                         fmt::join(words.options, " "));
  }
  return fmt::format(R"(# bash completion for troth:  source <(troth completion bash)
_troth() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in -*) break ;; *) command="${{command:+$command }}${{COMP_WORDS[i]}}" ;; esac
    case $command in topics) ;; *) break ;; esac
  done
  case $command in
{}  esac
  if [[ $current == -* || -z $command || $command == topics ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _troth troth
)",
                     cases);
}

std::string fish_script(const std::vector<Words>& all) {
  std::string script = "# fish completion for troth:  troth completion fish | source\n";
  for (const Words& words : all) {
    if (words.command.empty()) continue;
    const std::size_t split = words.command.find(' ');
    if (split == std::string::npos) {
      script +=
          fmt::format("complete -c troth -n __fish_use_subcommand -a {} -d '{}'\n", words.command, words.description);
    } else {
      script += fmt::format("complete -c troth -n '__fish_seen_subcommand_from {}' -a {} -d '{}'\n",
                            words.command.substr(0, split), words.command.substr(split + 1), words.description);
    }
    for (const std::string& option : words.options) {
      script += fmt::format("complete -c troth -n '__fish_seen_subcommand_from {}' -l {}\n",
                            words.command.substr(0, split), option.substr(2));
    }
  }
  return script;
}

std::string zsh_script(const std::vector<Words>& all) {
  return "#compdef troth\n# zsh completion for troth:  source <(troth completion zsh)\nautoload -U +X bashcompinit && "
         "bashcompinit\n" +
         bash_script(all);
}

}  // namespace

void add_completion(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for your shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app, &action] {
    action = [shell, &app] {
      std::vector<Words> all;
      collect(app, "", all);
      fmt::print("{}", *shell == "bash" ? bash_script(all) : *shell == "zsh" ? zsh_script(all) : fish_script(all));
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace troth::app
