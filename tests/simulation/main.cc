// simulate: plays schedules by their seeds and prints what it found as one JSON object, the last line of its output.
//
//   simulate --from 0 --to 20000            the schedules of these seeds
//   simulate --bug NAME --from 0 --to 10000 with a planted bug, until it is found (builds with TROTH_PLANTED_BUGS)
//   simulate --bugs                          the names of the planted bugs, one a line, each with what it does wrong
//   simulate --trace SEED                    one schedule, every step told
//   simulate --facts DIR --from 0 --to 100   for the oracle: events, policy and what the plain run says of them, by seed
//
// Schedules run in a child process, so that an assertion (a finding like any other) costs one schedule and not the run. A
// failing schedule is made shorter by leaving records out while it still fails.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/planted.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/run.h"
#include "tests/simulation/schedule.h"

namespace troth::simulation {
namespace {

/// Findings after which a run ends: more would say the same.
constexpr std::size_t kFindingsMax = 3;
constexpr auto kShrinkFor = std::chrono::seconds(20);

/// What a child tells its parent, in memory that both see.
struct Shared {
  std::uint64_t next_seed;
  std::uint64_t schedules, records, lives;
  bool is_found;
  char violation[4'096];
  std::array<std::uint64_t, kMarkWords.size()> marks;
};

Shared* share() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  TROTH_ASSERT(memory != MAP_FAILED);
  return new (memory) Shared{};
}

void note(Shared& shared, const std::string& violation) {
  shared.is_found = true;
  const std::size_t size = std::min(violation.size(), sizeof shared.violation - 1);
  std::memcpy(shared.violation, violation.data(), size);
  shared.violation[size] = '\0';
}

/// Runs `job` in a child; how it died, if it did.
template <typename Job>
std::optional<std::string> in_child(bool is_quiet, const Job& job) {
  std::fflush(nullptr);
  const pid_t child = fork();
  TROTH_ASSERT(child >= 0);
  if (child == 0) {
    if (is_quiet && std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
    job();
    _exit(0);
  }
  int status = 0;
  TROTH_ASSERT(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return "died of signal " + std::to_string(WTERMSIG(status)) + " (an assertion, if it is 6)";
  if (WEXITSTATUS(status) != 0) return "exit " + std::to_string(WEXITSTATUS(status));
  return std::nullopt;
}

/// Whether the schedule fails, and how.
std::optional<std::string> failure_of(const Schedule& schedule) {
  Shared* shared = share();
  auto death = in_child(true, [&] {
    if (const Outcome outcome = run(schedule); outcome.violation) note(*shared, *outcome.violation);
  });
  std::optional<std::string> failure = std::move(death);
  if (!failure && shared->is_found) failure = shared->violation;
  munmap(shared, sizeof(Shared));
  return failure;
}

Schedule shrunk(Schedule schedule) {
  const auto until = std::chrono::steady_clock::now() + kShrinkFor;
  for (std::size_t piece = schedule.size() / 2; piece > 0;) {
    bool is_shorter = false;
    for (std::size_t from = 0; from < schedule.size() && std::chrono::steady_clock::now() < until; from += piece) {
      const Schedule shorter = schedule.without(from, from + piece);
      if (shorter.size() == schedule.size() || !failure_of(shorter)) continue;
      schedule = shorter;
      is_shorter = true;
      from -= std::min(from, piece);
    }
    if (std::chrono::steady_clock::now() >= until) break;
    if (!is_shorter || piece > schedule.size()) piece = std::min(piece / 2, schedule.size() / 2);
  }
  return schedule;
}

struct Finding {
  std::uint64_t seed;
  std::string violation;
};

struct Options {
  std::uint64_t from = 0, to = 1'000;
  std::string bug;
  bool shrinks = true;
};

void print_finding(const Finding& finding, bool shrinks) {
  std::cout << "seed " << finding.seed << ": " << finding.violation << '\n';
  if (!shrinks) return;
  const Schedule small = shrunk(draw(finding.seed));
  std::cout << "  the same with " << small.size() << " records: " << failure_of(small).value_or("(does not fail alone)") << '\n'
            << told(small);
}

int play(const Options& options) {
  Shared* shared = share();
  shared->next_seed = options.from;
  std::vector<Finding> findings;
  while (shared->next_seed < options.to && findings.size() < (options.bug.empty() ? kFindingsMax : 1)) {
    shared->is_found = false;
    const auto death = in_child(!options.bug.empty(), [&] {
      marks = shared->marks;
      while (shared->next_seed < options.to && !shared->is_found) {
        const Outcome outcome = run(draw(shared->next_seed));
        shared->marks = marks;
        ++shared->schedules;
        shared->records += outcome.records;
        shared->lives += outcome.lives;
        if (outcome.violation) note(*shared, *outcome.violation);
        if (!outcome.violation) ++shared->next_seed;
      }
    });
    if (!death && !shared->is_found) break;
    findings.push_back({shared->next_seed, death ? *death : shared->violation});
    if (options.bug.empty()) print_finding(findings.back(), options.shrinks);
    ++shared->next_seed;
  }
  base::JsonWriter json;
  json.begin_map();
  json.field("bug", options.bug);
  json.field("findings", static_cast<std::int64_t>(findings.size()));
  json.field("first_seed", findings.empty() ? std::int64_t{-1} : static_cast<std::int64_t>(findings.front().seed));
  json.field("first_violation", findings.empty() ? std::string() : findings.front().violation.substr(0, 300));
  json.field("lives", static_cast<std::int64_t>(shared->lives));
  json.key("marks");
  json.begin_list();
  for (std::size_t i = 0; i < kMarkWords.size(); ++i) {
    json.begin_map();
    json.field("count", static_cast<std::int64_t>(shared->marks[i]));
    json.field("name", kMarkWords[i]);
    json.end_map();
  }
  json.end_list();
  json.field("records", static_cast<std::int64_t>(shared->records));
  json.field("schedules", static_cast<std::int64_t>(shared->schedules));
  json.end_map();
  std::cout << std::move(json).take() << '\n';
  return findings.empty() ? 0 : 1;
}

int trace(std::uint64_t seed) {
  const Schedule schedule = draw(seed);
  std::cout << told(schedule) << std::flush;
  std::vector<std::string> steps;
  const auto death = in_child(false, [&] {
    const Outcome outcome = run(schedule, &steps);
    for (const std::string& step : steps) std::cout << step << '\n';
    std::cout << (outcome.violation ? "VIOLATION: " + *outcome.violation : std::string("nothing wrong")) << std::endl;
  });
  if (death) std::cout << *death << '\n';
  return 0;
}

/// Files for the oracle, and the list of its jobs.
int facts(const Options& options, const std::filesystem::path& folder) {
  std::ofstream jobs(folder / "jobs.ndjson");
  for (std::uint64_t seed = options.from; seed < options.to; ++seed) {
    const Schedule schedule = draw(seed);
    if (schedule.has_caps) continue;
    const Plain said = plain(schedule);
    const std::string name = (folder / std::to_string(seed)).string();
    const auto write = [](const std::string& path, const std::vector<std::string>& lines) {
      std::ofstream out(path);
      for (const std::string& line : lines) out << line << '\n';
    };
    write(name + ".ndjson", said.events);
    write(name + ".expected", said.snapshot);
    write(name + ".yaml", {schedule.overlay});
    jobs << R"({"files":[")" << name << R"(.ndjson"],"overlay":")" << name << R"(.yaml","as_of":[")"
         << event::format_time(schedule.as_of) << R"("],"snapshot":")" << name << R"(.found"})" << '\n';
  }
  return 0;
}

int main_of(int argc, char** argv) {
  CLI::App app("Plays simulated schedules of the engine and the model");
  Options options;
  std::optional<std::uint64_t> traced;
  std::optional<std::string> facts_folder;
  bool lists_bugs = false;
  app.add_option("--from", options.from, "first seed");
  app.add_option("--to", options.to, "the seed behind the last");
  app.add_option("--bug", options.bug, "a planted bug");
  app.add_option("--trace", traced, "tell every step of this seed");
  app.add_option("--facts", facts_folder, "write facts for the oracle into this folder");
  app.add_flag("--bugs", lists_bugs, "list the planted bugs");
  app.add_flag("!--no-shrink", options.shrinks, "do not make failing schedules shorter");
  CLI11_PARSE(app, argc, argv);
#ifdef TROTH_PLANTED_BUGS
  for (const base::planted::Description& each : base::planted::kBugs) {
    if (lists_bugs) std::cout << each.name << '\t' << each.what << '\n';
    if (options.bug == each.name) base::planted::chosen = each.bug;
  }
  const bool has_bug = base::planted::chosen != base::planted::Bug::none;
#else
  const bool has_bug = false;
#endif
  if (lists_bugs) return 0;
  if (!options.bug.empty() && !has_bug) {
    std::cerr << "no planted bug has the name " << options.bug << " in this build: see --bugs; they need -DTROTH_PLANTED_BUGS=ON\n";
    return 2;
  }
  if (facts_folder) return facts(options, *facts_folder);
  return traced ? trace(*traced) : play(options);
}

}  // namespace
}  // namespace troth::simulation

int main(int argc, char** argv) { return troth::simulation::main_of(argc, argv); }
