// KafkaChangelog: reads one partition of the changelog topic at a time, from an offset on, committed records only. A consumer
// of its own, which is no member of any group. Driver's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/transactions.h"

namespace troth::sink {

class KafkaChangelog {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaChangelog>> open(const source::KafkaSettings& settings,
                                                                          std::string topic);
  ~KafkaChangelog();
  KafkaChangelog(const KafkaChangelog&) = delete;
  KafkaChangelog& operator=(const KafkaChangelog&) = delete;

  /// As Transactions::read_changelog().
  [[nodiscard]] base::Result<bool> read(std::int32_t partition, std::int64_t from, bool waits,
                                        const task::Transactions::EachRow& each);

 private:
  class Impl;
  explicit KafkaChangelog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::sink
