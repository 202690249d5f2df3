#include "tests/simulation/broker.h"

#include <map>

namespace troth::simulation {

void Broker::compact(std::size_t partition) {
  std::map<std::string_view, std::size_t> last;
  std::vector<Row>& rows = partitions[partition].changelog;
  for (std::size_t i = 0; i < rows.size(); ++i) last[rows[i].key] = i;
  std::vector<bool> stays(rows.size(), false);
  for (const auto& [key, at] : last) stays[at] = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!stays[i]) rows[i] = {};
  }
}

base::Result<std::vector<std::int64_t>> SimulatedTransactions::deliver(const std::vector<task::PartitionDelivery>& parts) {
  if (machine_.is_dead) return World::dead();
  if (membership_.generation != broker_.generation) return world_.error(Mark::kFenced);
  if (!world_.has_trouble()) return take(parts);
  switch (world_.dice.below(5)) {
    case 0: world_.kill(machine_, Mark::kCrashBeforeTransaction); return World::dead();
    case 1: world_.kill(machine_, Mark::kCrashInTransaction); return World::dead();
    case 2: take(parts), world_.kill(machine_, Mark::kCrashAfterTransaction); return World::dead();
    case 3: return world_.error(Mark::kTransactionRefused);
    default: take(parts); return world_.error(Mark::kTransactionOutcomeUnknown);
  }
}

std::vector<std::int64_t> SimulatedTransactions::take(const std::vector<task::PartitionDelivery>& parts) {
  std::vector<std::int64_t> end_marks;
  for (const task::PartitionDelivery& part : parts) {
    check(part);
    Broker::Partition& partition = broker_.partitions[static_cast<std::size_t>(part.partition)];
    tell_records(world_, *part.outputs, part.outputs->size());
    broker_.sent.insert(broker_.sent.end(), part.outputs->begin(), part.outputs->end());
    for (const task::ChangelogRow& row : part.rows) {
      partition.changelog.push_back({row.key, row.value ? std::optional(std::string(*row.value)) : std::nullopt});
    }
    end_marks.push_back(static_cast<std::int64_t>(partition.changelog.size()) - 1);
    partition.taken = part.commit;
    partition.offsets = part.next_offsets;
    world_.tell("taken: partition " + std::to_string(part.partition) + " commit " + std::to_string(part.commit.number) + " of " + part.commit.writer);
  }
  return end_marks;
}

/// Exactly once: the owner's commits, each the next one, and no position goes back.
void SimulatedTransactions::check(const task::PartitionDelivery& part) {
  const Broker::Partition& partition = broker_.partitions[static_cast<std::size_t>(part.partition)];
  const auto complain = [&](const std::string& what) {
    if (!broker_.violation) broker_.violation = "partition " + std::to_string(part.partition) + ": " + what;
  };
  if (partition.owner != membership_.machine) complain("committed by who does not own it");
  const std::uint64_t before = partition.taken ? partition.taken->number : 0;
  if (part.commit.number != before + 1) complain("commit " + std::to_string(part.commit.number) + " follows commit " + std::to_string(before));
  for (std::size_t input = 0; input < partition.offsets.size(); ++input) {
    if (part.next_offsets[input] < partition.offsets[input]) complain("the position of an input goes back");
  }
}

base::Result<std::optional<task::CommitId>> SimulatedTransactions::committed(std::int32_t partition) {
  if (machine_.is_dead) return World::dead();
  if (world_.has_trouble() && world_.dice.percent(20)) return world_.error(Mark::kPositionsNotRead);
  return broker_.partitions[static_cast<std::size_t>(partition)].taken;
}

base::Result<bool> SimulatedTransactions::read_changelog(std::int32_t partition, std::int64_t from, bool, const EachRow& each) {
  const std::vector<Broker::Row>& rows = broker_.partitions[static_cast<std::size_t>(partition)].changelog;
  for (auto at = static_cast<std::size_t>(std::max<std::int64_t>(from, 0)); at < rows.size(); ++at) {
    if (machine_.is_dead) return World::dead();
    if (world_.has_trouble() && world_.dice.percent(10)) {
      if (world_.dice.percent(50)) return world_.error(Mark::kChangelogNotRead);
      world_.kill(machine_, Mark::kCrashInRestore);
      return World::dead();
    }
    if (rows[at].key.empty()) continue;
    std::optional<std::string_view> value;
    if (rows[at].value) value = *rows[at].value;
    auto goes_on = each(static_cast<std::int64_t>(at), static_cast<std::int64_t>(rows.size()), rows[at].key, value);
    if (!goes_on) return goes_on.error();
    if (!*goes_on) return true;
  }
  return false;
}

}  // namespace troth::simulation
