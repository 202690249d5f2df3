// Broker: the other side of a consumer group in the simulator: positions with their commit's id, a changelog for each
// partition, generations that fence who was left behind, transactions that are taken whole, refused, broken off, or taken
// without the answer reaching anybody. It also holds each transaction against what exactly once means.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/task/transactions.h"
#include "tests/simulation/world.h"

namespace troth::simulation {

inline constexpr int kNobody = -1;

struct Broker {
  struct Row {
    std::string key;  // empty: compacted away
    std::optional<std::string> value;
  };
  struct Partition {
    std::optional<task::CommitId> taken;
    std::vector<std::int64_t> offsets;
    std::vector<Row> changelog;
    int owner = kNobody;  // machine
  };

  int generation = 0;
  std::vector<Partition> partitions;
  std::vector<task::Outgoing> sent;
  std::optional<std::string> violation;  // the first

  /// Of each key only the last row stays.
  void compact(std::size_t partition);
};

/// What a member knows of the group: kept with the assignment, as the adapter keeps it.
struct Membership {
  int machine = kNobody;
  int generation = 0;
};

class SimulatedTransactions final : public task::Transactions {
 public:
  SimulatedTransactions(World& world, Machine& machine, Broker& broker, const Membership& membership)
      : world_(world), machine_(machine), broker_(broker), membership_(membership) {}

  [[nodiscard]] bool has_changelog() const override { return true; }
  [[nodiscard]] base::Result<std::vector<std::int64_t>> deliver(const std::vector<task::PartitionDelivery>& parts) override;
  [[nodiscard]] base::Result<std::optional<task::CommitId>> committed(std::int32_t partition) override;
  [[nodiscard]] base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool waits, const EachRow& each) override;

 private:
  std::vector<std::int64_t> take(const std::vector<task::PartitionDelivery>& parts);
  void check(const task::PartitionDelivery& part);

  World& world_;
  Machine& machine_;
  Broker& broker_;
  const Membership& membership_;
};

}  // namespace troth::simulation
