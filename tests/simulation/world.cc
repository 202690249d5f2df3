#include "tests/simulation/world.h"

#include <algorithm>

namespace troth::simulation {

bool World::crashes_here(Machine& machine) {
  if (trouble_permille_ == 0 || !dice.permille(trouble_permille_ / 4 + 1)) return false;
  kill(machine, Mark::kCrashBetweenCalls);
  return true;
}

void World::kill(Machine& machine, Mark how) {
  mark(how);
  tell("CRASH: " + std::string(kMarkWords[static_cast<std::size_t>(how)]));
  machine.is_dead = true;
}

base::Error World::error(Mark what) {
  mark(what);
  tell("trouble: " + std::string(kMarkWords[static_cast<std::size_t>(what)]));
  return {std::string(kMadeUp) + std::string(kMarkWords[static_cast<std::size_t>(what)])};
}

// ------------------------------------------------------------------------------------------------------------ store

base::Result<std::optional<std::string>> SimulatedStore::get(std::string_view key) const {
  if (machine_.is_dead) return World::dead();
  const auto found = machine_.stored.find(key);
  if (found == machine_.stored.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

base::Status SimulatedStore::scan(std::string_view from, std::string_view to,
                                  const std::function<bool(std::string_view, std::string_view)>& each) const {
  if (machine_.is_dead) return World::dead();
  if (world_.has_trouble() && world_.dice.percent(5)) return world_.error(Mark::kReadFails);
  for (auto at = machine_.stored.lower_bound(from); at != machine_.stored.end() && at->first < to; ++at) {
    if (!each(at->first, at->second)) break;
  }
  return base::success();
}

base::Status SimulatedStore::commit(const task::Batch& batch) {
  if (machine_.is_dead) return World::dead();
  if (machine_.is_store_broken) return base::Error{std::string(kMadeUp) + "the store is to be opened again"};
  if (machine_.full_for > 0 && !world_.is_calm()) {
    --machine_.full_for;
    machine_.is_store_broken = true;
    return world_.error(Mark::kDiskFull);
  }
  if (!world_.has_trouble()) {
    apply(batch);
    return base::success();
  }
  switch (world_.dice.below(7)) {
    case 0: world_.kill(machine_, Mark::kCrashBeforeCommit); return World::dead();
    case 1: apply(batch), world_.kill(machine_, Mark::kCrashAfterCommit); return World::dead();
    case 2: world_.kill(machine_, Mark::kTornCommitLost); return World::dead();
    case 3: apply(batch), world_.kill(machine_, Mark::kTornCommitKept); return World::dead();
    case 4: machine_.is_store_broken = true; return world_.error(Mark::kCommitRefused);
    case 5: apply(batch), machine_.is_store_broken = true; return world_.error(Mark::kCommitOutcomeUnknown);
    default:
      machine_.full_for = static_cast<int>(world_.dice.below(4));
      machine_.is_store_broken = true;
      return world_.error(Mark::kDiskFull);
  }
}

void SimulatedStore::apply(const task::Batch& batch) {
  Machine::Stored& stored = machine_.stored;
  for (const auto& [from, to] : batch.ranges()) stored.erase(stored.lower_bound(from), stored.lower_bound(to));
  for (const task::Batch::Change& change : batch.changes()) {
    if (change.value) {
      stored.insert_or_assign(change.key, *change.value);
    } else {
      stored.erase(change.key);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------- sink

void Files::survive_crash(World& world) {
  if (lines.size() <= synced) return;
  const auto kept = synced + static_cast<std::size_t>(world.dice.below(static_cast<std::int64_t>(lines.size() - synced) + 1));
  if (kept < lines.size()) mark(Mark::kUnsyncedLinesLost);
  lines.resize(kept);
}

void tell_records(World& world, const std::vector<task::Outgoing>& records, std::size_t count) {
  for (std::size_t i = 0; i < count && world.trace != nullptr; ++i) {
    world.tell("  out " + std::to_string(records[i].stream) + ' ' + records[i].key.value_or("null") + ' ' + records[i].value.value_or("null").substr(0, 60));
  }
}

base::Status SimulatedSink::restore(std::string_view mark) {
  if (machine_.is_dead) return World::dead();
  const std::size_t size = mark.empty() ? 0 : static_cast<std::size_t>(std::stoull(std::string(mark)));
  if (size > files_.lines.size()) return base::Error{"the sink has lost lines that were committed"};
  files_.lines.resize(size);
  files_.synced = std::min(files_.synced, size);
  return base::success();
}

base::Status SimulatedSink::write(const std::vector<task::Outgoing>& records) {
  if (machine_.is_dead) return World::dead();
  const auto append = [&](std::size_t count) {
    tell_records(world_, records, count);
    files_.lines.insert(files_.lines.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
  };
  if (!world_.has_trouble()) {
    append(records.size());
    return base::success();
  }
  append(static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(records.size()) + 1)));
  if (world_.dice.percent(50)) return world_.error(Mark::kSinkWriteFails);
  world_.kill(machine_, Mark::kCrashInSinkWrite);
  return World::dead();
}

base::Result<std::string> SimulatedSink::make_durable() {
  if (machine_.is_dead) return World::dead();
  const bool has_trouble = world_.has_trouble();
  if (has_trouble && world_.dice.percent(30)) return world_.error(Mark::kSinkSyncFails);
  if (has_trouble && world_.dice.percent(50)) {
    world_.kill(machine_, Mark::kCrashBeforeSinkSync);
    return World::dead();
  }
  files_.synced = files_.lines.size();
  if (has_trouble) {
    world_.kill(machine_, Mark::kCrashAfterSinkSync);
    return World::dead();
  }
  return std::to_string(files_.lines.size());
}

}  // namespace troth::simulation
