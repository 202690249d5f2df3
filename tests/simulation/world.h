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

class World {
 public:
  World(std::uint64_t seed, int trouble_permille, bool wants_outbox)
      : dice(seed), trouble_permille_(trouble_permille), wants_outbox_(wants_outbox) {}

  // What is on the disk or on the other side -------------------------------------------------------------------------
  std::map<std::string, std::string, std::less<>> stored;
  std::vector<task::Outgoing> sent;  // files: lines; topics: records
  std::size_t synced = 0;            // of `sent`: files only

  app::Dice dice;
  std::vector<std::string>* trace = nullptr;

  /// A new life of the process: what was not synced may be gone.
  void begin_life();
  /// From now on nothing goes wrong any more.
  void calm() { trouble_permille_ = 0, full_for_ = 0; }
  [[nodiscard]] bool is_calm() const { return trouble_permille_ == 0; }
  [[nodiscard]] bool is_dead() const { return is_dead_; }
  [[nodiscard]] bool wants_outbox() const { return wants_outbox_; }
  /// Kills the process between two of the driver's calls, sometimes.
  [[nodiscard]] bool crashes_here();
  void kill(Mark how);
  void tell(const std::string& what) { if (trace != nullptr) trace->push_back(what); }

 private:
  friend class SimulatedStore;
  friend class SimulatedSink;
  [[nodiscard]] bool has_trouble() { return trouble_permille_ > 0 && dice.permille(trouble_permille_); }
  [[nodiscard]] base::Error error(Mark what);
  [[nodiscard]] base::Error dead() const { return {std::string(kMadeUp) + "the process is dead"}; }

  int trouble_permille_;
  bool wants_outbox_;
  bool is_dead_ = false;
  bool is_store_broken_ = false;  // until the next life
  int full_for_ = 0;              // calls
};

class SimulatedStore final : public task::Store {
 public:
  explicit SimulatedStore(World& world) : world_(world) {}
  [[nodiscard]] base::Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] base::Status scan(std::string_view from, std::string_view to,
                                  const std::function<bool(std::string_view, std::string_view)>& each) const override;
  [[nodiscard]] base::Status commit(const task::Batch& batch) override;

 private:
  void apply(const task::Batch& batch);
  World& world_;
};

/// Lines of files, cut back to a mark at start; or records of topics, delivered from the outbox.
class SimulatedSink final : public task::Sink {
 public:
  explicit SimulatedSink(World& world) : world_(world) {}
  [[nodiscard]] bool wants_outbox() const override { return world_.wants_outbox(); }
  [[nodiscard]] base::Status restore(std::string_view mark) override;
  [[nodiscard]] base::Status write(const std::vector<task::Outgoing>& records) override;
  [[nodiscard]] base::Result<std::string> make_durable() override;

 private:
  World& world_;
};

}  // namespace troth::simulation
