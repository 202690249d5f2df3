// Runs Prometheus' own checker over what the engine writes. Test code only.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace troth::observe {

struct CommandResult {
  int status = -1;
  std::string output;
};

inline CommandResult run(const std::string& command) {
  CommandResult result;
  std::FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4'096];
  for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) result.output.append(buffer, got);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

inline bool has_promtool() { return run("command -v promtool").status == 0; }

/// What `promtool check metrics` says to a page.
inline CommandResult check_metrics(const std::string& page) {
  const std::string path = testing::TempDir() + "troth_metrics_" + std::to_string(getpid()) + ".txt";
  std::ofstream(path) << page;
  CommandResult result = run("promtool check metrics < " + path);
  std::remove(path.c_str());
  return result;
}

}  // namespace troth::observe

#define TROTH_NEEDS_PROMTOOL()           \
  if (!::troth::observe::has_promtool()) \
  GTEST_SKIP() << "SKIPPED: promtool is not installed (Debian: package prometheus); nothing was checked by it"
