#include "tests/simulation/world.h"

#include <algorithm>

namespace troth::simulation {

void World::begin_life() {
  if (is_dead_ && !wants_outbox_ && sent.size() > synced) {
    const auto kept = synced + static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(sent.size() - synced) + 1));
    if (kept < sent.size()) mark(Mark::kUnsyncedLinesLost);
    sent.resize(kept);
  }
  is_dead_ = false;
  is_store_broken_ = false;
}

bool World::crashes_here() {
  if (trouble_permille_ == 0 || !dice.permille(trouble_permille_ / 4 + 1)) return false;
  kill(Mark::kCrashBetweenCalls);
  return true;
}

void World::kill(Mark how) {
  mark(how);
  tell("CRASH: " + std::string(kMarkWords[static_cast<std::size_t>(how)]));
  is_dead_ = true;
}

base::Error World::error(Mark what) {
  mark(what);
  tell("trouble: " + std::string(kMarkWords[static_cast<std::size_t>(what)]));
  return {std::string(kMadeUp) + std::string(kMarkWords[static_cast<std::size_t>(what)])};
}

// ------------------------------------------------------------------------------------------------------------ store

base::Result<std::optional<std::string>> SimulatedStore::get(std::string_view key) const {
  if (world_.is_dead_) return world_.dead();
  const auto found = world_.stored.find(key);
  if (found == world_.stored.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

base::Status SimulatedStore::scan(std::string_view from, std::string_view to,
                                  const std::function<bool(std::string_view, std::string_view)>& each) const {
  if (world_.is_dead_) return world_.dead();
  if (world_.has_trouble() && world_.dice.percent(5)) return world_.error(Mark::kReadFails);
  for (auto at = world_.stored.lower_bound(from); at != world_.stored.end() && at->first < to; ++at) {
    if (!each(at->first, at->second)) break;
  }
  return base::success();
}

base::Status SimulatedStore::commit(const task::Batch& batch) {
  if (world_.is_dead_) return world_.dead();
  if (world_.is_store_broken_) return base::Error{std::string(kMadeUp) + "the store is to be opened again"};
  if (world_.full_for_ > 0) {
    --world_.full_for_;
    world_.is_store_broken_ = true;
    return world_.error(Mark::kDiskFull);
  }
  if (!world_.has_trouble()) {
    apply(batch);
    return base::success();
  }
  switch (world_.dice.below(7)) {
    case 0: world_.kill(Mark::kCrashBeforeCommit); return world_.dead();
    case 1: apply(batch), world_.kill(Mark::kCrashAfterCommit); return world_.dead();
    case 2: world_.kill(Mark::kTornCommitLost); return world_.dead();
    case 3: apply(batch), world_.kill(Mark::kTornCommitKept); return world_.dead();
    case 4: world_.is_store_broken_ = true; return world_.error(Mark::kCommitRefused);
    case 5: apply(batch), world_.is_store_broken_ = true; return world_.error(Mark::kCommitOutcomeUnknown);
    default:
      world_.full_for_ = static_cast<int>(world_.dice.below(4));
      world_.is_store_broken_ = true;
      return world_.error(Mark::kDiskFull);
  }
}

void SimulatedStore::apply(const task::Batch& batch) {
  for (const task::Batch::Change& change : batch.changes()) {
    if (change.value) {
      world_.stored.insert_or_assign(change.key, *change.value);
    } else {
      world_.stored.erase(change.key);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------- sink

base::Status SimulatedSink::restore(std::string_view mark) {
  if (world_.is_dead_) return world_.dead();
  if (world_.wants_outbox()) return base::success();
  const std::size_t size = mark.empty() ? 0 : static_cast<std::size_t>(std::stoull(std::string(mark)));
  if (size > world_.sent.size()) return base::Error{"the sink has lost lines that were committed"};
  world_.sent.resize(size);
  world_.synced = std::min(world_.synced, size);
  return base::success();
}

base::Status SimulatedSink::write(const std::vector<task::Outgoing>& records) {
  if (world_.is_dead_) return world_.dead();
  const auto append = [&](std::size_t count) {
    for (std::size_t i = 0; i < count && world_.trace != nullptr; ++i) {
      world_.tell("  out " + std::to_string(records[i].stream) + ' ' + records[i].key.value_or("null") + ' ' + records[i].value.value_or("null").substr(0, 60));
    }
    world_.sent.insert(world_.sent.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
  };
  if (!world_.has_trouble()) {
    append(records.size());
    return base::success();
  }
  append(static_cast<std::size_t>(world_.dice.below(static_cast<std::int64_t>(records.size()) + 1)));
  if (world_.dice.percent(50)) return world_.error(Mark::kSinkWriteFails);
  world_.kill(Mark::kCrashInSinkWrite);
  return world_.dead();
}

base::Result<std::string> SimulatedSink::make_durable() {
  if (world_.is_dead_) return world_.dead();
  const bool has_trouble = world_.has_trouble();
  if (has_trouble && world_.dice.percent(30)) return world_.error(world_.wants_outbox() ? Mark::kAcknowledgementLost : Mark::kSinkSyncFails);
  if (has_trouble && world_.dice.percent(50)) {
    world_.kill(Mark::kCrashBeforeSinkSync);
    return world_.dead();
  }
  world_.synced = world_.sent.size();
  if (has_trouble) {
    world_.kill(Mark::kCrashAfterSinkSync);
    return world_.dead();
  }
  return world_.wants_outbox() ? std::string() : std::to_string(world_.sent.size());
}

}  // namespace troth::simulation
