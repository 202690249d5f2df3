// KafkaChangelog: reads one partition of the changelog topic at a time, from an offset on, committed records only. A consumer
// of its own, which is no member of any group. Any one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/transactions.h"

namespace troth::sink {

class KafkaChangelog final : public task::Changelog {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaChangelog>> open(const source::KafkaSettings& settings,
                                                                          std::string topic);
  ~KafkaChangelog() override;
  KafkaChangelog(const KafkaChangelog&) = delete;
  KafkaChangelog& operator=(const KafkaChangelog&) = delete;

  [[nodiscard]] base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                  const EachRow& each) override;

 private:
  class Impl;
  explicit KafkaChangelog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::sink
