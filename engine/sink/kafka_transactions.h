// KafkaTransactions: exactly once on Kafka. What a commit sends – outputs, changelog rows, and the input positions with the
// commit's id as their metadata – goes as one transaction under the membership of the very assignment it was made in. One
// transactional producer serves all partitions of the instance. Driven by one thread; health() may be called from any.
//
// Who is kept from writing: a twin or predecessor of this process by `transactional.id` (whoever opens last, wins); a member
// that the group has left behind by its generation, which comes from the consumer and is never made up.
//
// After an error the outcome is unknown: destroy this object, open a new one (which ends or finishes what was open), join
// again, and let recovery compare (task/recovery.h). Only what the library calls retriable is tried again in here.
//
// With `outputs_at_once`, outputs are written by a second producer before the transaction, so that whoever reads them does not
// wait for it: at least once, with the same bytes again after a crash; state and positions stay exact.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/kafka_group.h"
#include "engine/source/kafka_health.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/transactions.h"

namespace troth::sink {

struct KafkaTransactionsOptions {
  source::KafkaSettings kafka;
  std::string transactional_id;  // the same at each start of an instance, and of no other
  /// By stream; the last one takes the dead letters.
  std::vector<std::string> topics = {"trust.scores", "trust.alerts", "trust.promises", "trust.deadletter"};
  std::optional<std::string> changelog = "trust.changelog";  // nothing: none is written
  std::int32_t partitions = 0;                               // that the changelog must have: those of the inputs
  bool outputs_at_once = false;
  int transaction_timeout_ms = 30'000;
  int start_timeout_ms = 30'000;  // to find the cluster, and to end what a predecessor left open
};

class KafkaTransactions final : public task::Transactions {
 public:
  /// Finds the cluster, checks the topics and ends what a predecessor left open.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaTransactions>> open(KafkaTransactionsOptions options);
  /// Leaves an open transaction to its successor.
  ~KafkaTransactions() override;
  KafkaTransactions(const KafkaTransactions&) = delete;
  KafkaTransactions& operator=(const KafkaTransactions&) = delete;

  /// Before anything else: the group whose positions these are. It must outlive what is asked of this object.
  void attach(source::KafkaGroup& group);

  [[nodiscard]] bool has_changelog() const override;
  [[nodiscard]] base::Result<std::vector<std::int64_t>> deliver(
      const std::vector<task::PartitionDelivery>& parts) override;
  [[nodiscard]] base::Result<std::optional<task::CommitId>> committed(std::int32_t partition) override;
  [[nodiscard]] base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                  const EachRow& each) override;

  [[nodiscard]] source::KafkaHealth health() const;

 private:
  class Impl;
  explicit KafkaTransactions(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// How a commit's id stands in the metadata of offsets. Pure functions.
[[nodiscard]] std::string offset_metadata(const task::CommitId& id);
[[nodiscard]] std::optional<task::CommitId> read_offset_metadata(const std::string& text);

}  // namespace troth::sink
