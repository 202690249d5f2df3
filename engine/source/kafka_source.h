// KafkaSource: the inputs of the engine as topics of Kafka, read as a member of a consumer group. All topics have the
// same number of partitions, and the same partition of each goes to the same member (`range` assignor), so that one
// partition of the engine is one slice through all topics. Input i is topic i.
//
// One thread drives it, for all calls but health(), which any thread may ask.
//
// Positions belong to the driver. The client stores none that counts, and reads nothing before it was told where from:
//
//          poll: kAssigned            seek() of every partition
//   Idle ──────────────────▶ Held ─────────────────────────────▶ Running
//    ▲                         │                                    │
//    │  next poll() or close() │ poll: kRevoked / kLost             │ poll: kRevoked / kLost
//    └──────────────── Leaving ◀────────────────────────────────────┘
//
// Held: the group waits for us. Restore quickly, and go on calling poll(): it brings no records, but the group takes a
// member for dead that does not poll for `max.poll.interval.ms`.
//
// Leaving: after kRevoked the partitions are still ours until the next call of poll(), so the driver closes its epochs
// and commits before that call. After kLost another member may own them already, so the driver discards.
//
// A rebalance takes all partitions away and gives new ones: a partition that stays is revoked and assigned again.
//
// Promises:
//
// No record is skipped in silence. A position that is no longer in the log, a damaged record set and a number of
// partitions that changed are final errors. For duplicates and gaps see kafka_position.h.
//
// No callback of the client touches a record: at most one rebalance step happens within a poll, and nothing of the new
// assignment is read before it is over.
//
// A broker that is away is no error: poll() goes on bringing nothing, and health() tells. An outage longer than
// `session.timeout.ms` costs the partitions (kLost), so that an engine that is cut off does not go on telling the time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/kafka_group.h"
#include "engine/source/kafka_health.h"
#include "engine/source/kafka_position.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/source.h"

namespace troth::source {

struct KafkaSourceOptions {
  KafkaSettings kafka;
  std::string group = "troth";
  /// `group.instance.id`: a restart under the same name gets the same partitions without a rebalance. Empty: none.
  std::string instance;
  std::vector<std::string> topics = {"orders", "deliveries", "complaints", "reviews", "customers"};
  /// An input at its end is behind again once a record has more than this after it (kafka_position.h).
  std::int64_t behind_records = 10'000;
  int start_timeout_ms = 30'000;  // to find the cluster
  int workers = 1;                // that take the records: the more, the more is read ahead
};

class KafkaSource final : public task::Source, public KafkaGroup {
 public:
  /// Finds the cluster, checks the topics and joins the group.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaSource>> open(KafkaSourceOptions options);
  /// Leaves as close() does.
  ~KafkaSource() override;
  KafkaSource(const KafkaSource&) = delete;
  KafkaSource& operator=(const KafkaSource&) = delete;

  [[nodiscard]] const std::vector<std::string>& inputs() const override;
  [[nodiscard]] base::Result<std::size_t> poll(std::vector<task::Arrival>& out, std::size_t max,
                                               int timeout_ms) override;

  /// Partitions of each topic.
  [[nodiscard]] std::int32_t partitions() const;

  /// After kAssigned: where to read from, by input; −1: from the beginning. Reading begins once every assigned
  /// partition has its positions. Also allowed while running: reads again from there (the driver went back to what is
  /// durable); what poll() answered before does not count then.
  [[nodiscard]] base::Status seek(std::int32_t partition, const std::vector<std::int64_t>& next_offsets);

  /// Stops and continues reading one input of one partition. The few arrivals that did not fit into the last poll() may
  /// still come after pause(). Before reading has begun, and for what is paused (or not) already, they do nothing.
  [[nodiscard]] base::Status pause(std::uint16_t input, std::int32_t partition);
  [[nodiscard]] base::Status resume(std::uint16_t input, std::int32_t partition);

  [[nodiscard]] const std::vector<std::string>& topics() const override { return inputs(); }
  [[nodiscard]] KafkaMembership membership() const override;
  [[nodiscard]] base::Result<std::optional<std::string>> committed_metadata(std::int32_t partition,
                                                                           int timeout_ms) override;

  /// Records that the whole topic has now, all partitions together, as the broker tells; nothing: it does not answer in
  /// time. Asks the broker for each partition.
  [[nodiscard]] std::optional<std::int64_t> topic_end(std::uint16_t input, int timeout_ms) const;

  /// Records not yet read, as far as the broker told with its last answer. Nothing: not known yet, or not ours.
  [[nodiscard]] std::optional<std::int64_t> lag(std::uint16_t input, std::int32_t partition) const;

  [[nodiscard]] KafkaHealth health() const;
  [[nodiscard]] KafkaOffsetCounts counts() const;

  /// Leaves the group. The client library may hang here: after the deadline it is abandoned with its threads, and the
  /// error says that the process should end. poll() must not be called any more.
  [[nodiscard]] base::Status close(int deadline_ms = 5'000);

 private:
  class Impl;
  explicit KafkaSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::source
