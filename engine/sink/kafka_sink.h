// KafkaSink: output streams as topics of Kafka, at least once: what a commit's outbox holds is written after the commit,
// before the transaction that says so (KafkaTransactions with `outputs_at_once`). One thread drives it; health() may be called from any.
//
// Promises:
// * Records of one key arrive in the order of write(), also across retries: the producer is idempotent, never gives a
//   record up for time, and is not replaced while it is of use. So a delivery that is repeated ends with the same last
//   record of each key.
// * A full queue is back-pressure: write() waits, up to its deadline.
// * Key and value are the bytes given, and there is nothing else: a record written again is the same again. Its
//   partition is that of the key by murmur2, as for inputs and files; records without a key go anywhere.
//
// After an error: restore(), then write() again what is not acknowledged. An error of make_durable() that says "not yet
// acknowledged" may also be answered by calling make_durable() again; nothing was dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/kafka_health.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/sink.h"

namespace troth::sink {

struct KafkaSinkOptions {
  source::KafkaSettings kafka;
  /// By stream; the last one takes the dead letters.
  std::vector<std::string> topics = {"trust.scores", "trust.alerts", "trust.promises", "trust.deadletter"};
  int start_timeout_ms = 30'000;    // to find the cluster
  int write_timeout_ms = 30'000;    // to wait for room in the queue
  int durable_timeout_ms = 30'000;  // to wait for acknowledgements
};

class KafkaSink final : public task::Sink {
 public:
  /// Finds the cluster; refuses if a topic is missing; makes each topic known to the client, since the first record to
  /// an unknown one may take a second.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaSink>> open(KafkaSinkOptions options);
  /// Drops what is not acknowledged: the outbox has it.
  ~KafkaSink() override;
  KafkaSink(const KafkaSink&) = delete;
  KafkaSink& operator=(const KafkaSink&) = delete;

  [[nodiscard]] base::Status restore(std::string_view mark) override;
  [[nodiscard]] base::Status write(const std::vector<task::Outgoing>& records) override;
  [[nodiscard]] base::Result<std::string> make_durable() override;

  /// Records taken and not yet acknowledged or refused.
  [[nodiscard]] std::uint64_t outstanding() const;
  [[nodiscard]] source::KafkaHealth health() const;

 private:
  class Impl;
  explicit KafkaSink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::sink
