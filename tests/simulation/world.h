// World: what outlives the simulated process, and fails it: a store and a sink that refuse, tear, lose what was not
// synced, fill up, or answer nothing any more because the process is dead. All chance comes from one Dice, so a run can be
// repeated to the step. A crash is an error that every later call answers, too: nothing reaches the disk after it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/app/shop_dice.h"
#include "engine/task/sink.h"
#include "engine/task/store.h"
#include "tests/simulation/marks.h"

namespace troth::simulation {

/// Begins every error that the world makes up: any other error is a finding.
inline constexpr std::string_view kMadeUp = "simulated: ";

/// A computer: its disk, and whether the process on it lives.
struct Machine {
  using Stored = std::map<std::string, std::string, std::less<>>;
  Stored stored;
  bool is_dead = false;
  bool is_store_broken = false;  // until the next life
  int full_for = 0;              // calls

  /// A new life of the process.
  void begin_life() { is_dead = is_store_broken = false; }
};

class World {
 public:
  World(std::uint64_t seed, int trouble_permille) : dice(seed), trouble_permille_(trouble_permille) {}

  app::Dice dice;
  std::vector<std::string>* trace = nullptr;

  /// From now on nothing goes wrong any more.
  void calm() { trouble_permille_ = 0; }
  [[nodiscard]] bool is_calm() const { return trouble_permille_ == 0; }
  [[nodiscard]] bool has_trouble() { return trouble_permille_ > 0 && dice.permille(trouble_permille_); }
  /// Kills the process between two of the driver's calls, sometimes.
  [[nodiscard]] bool crashes_here(Machine& machine);
  void kill(Machine& machine, Mark how);
  void tell(const std::string& what) {
    if (trace != nullptr) trace->push_back(what);
  }
  [[nodiscard]] base::Error error(Mark what);
  [[nodiscard]] static base::Error dead() { return {std::string(kMadeUp) + "the process is dead"}; }

 private:
  int trouble_permille_;
};

class SimulatedStore final : public task::Store {
 public:
  SimulatedStore(World& world, Machine& machine) : world_(world), machine_(machine) {}
  [[nodiscard]] base::Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] base::Status scan(std::string_view from, std::string_view to,
                                  const std::function<bool(std::string_view, std::string_view)>& each) const override;
  [[nodiscard]] base::Status commit(const task::Batch& batch) override;

 private:
  void apply(const task::Batch& batch);
  World& world_;
  Machine& machine_;
};

/// Lines of files, cut back to a mark at start.
struct Files {
  std::vector<task::Outgoing> lines;
  std::size_t synced = 0;
  /// After a crash what was not synced may be gone.
  void survive_crash(World& world);
};

class SimulatedSink final : public task::Sink {
 public:
  SimulatedSink(World& world, Machine& machine, Files& files) : world_(world), machine_(machine), files_(files) {}
  [[nodiscard]] base::Status restore(std::string_view mark) override;
  [[nodiscard]] base::Status write(const std::vector<task::Outgoing>& records) override;
  [[nodiscard]] base::Result<std::string> make_durable() override;

 private:
  World& world_;
  Machine& machine_;
  Files& files_;
};

/// Tells the trace what goes out.
void tell_records(World& world, const std::vector<task::Outgoing>& records, std::size_t count);

}  // namespace troth::simulation
