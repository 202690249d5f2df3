// KafkaRedrive: takes dead letters from their topic and sends records to the input topics, each exactly once: a
// transaction holds the records and, as the position of a consumer group, how far the letters are read. Who is killed
// in between has done the whole transaction or nothing of it, and who starts again goes on behind the last one.
//
// The letters are those that are there when it is opened: what is refused anew is not read again in the same run. One
// at a time by group: whoever opens last wins, the other one's next transaction is refused.
//
// Used by `troth redrive`. Driven by one thread. After an error open anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/source/kafka_settings.h"

namespace troth::sink {

/// Where a redriven record came from first: TOPIC/PARTITION/OFFSET.
inline constexpr const char* kRedrivenHeader = "troth-redriven-from";

struct RedriveRecord {
  std::string topic;                // one of the inputs
  std::int32_t partition = -1;      // of a record without a key; −1, or more than there are: any
  std::optional<std::string> key;   // decides on the partition
  std::string value;
  std::string from;                 // for the header
};

struct RedriveLetter {
  std::optional<std::string> key, value;
};

struct KafkaRedriveOptions {
  source::KafkaSettings kafka;
  std::string group;                   // of the positions; no other program may use it
  std::string transactional_id;        // one for each group
  std::vector<std::string> inputs;
  std::optional<std::string> letters;  // the topic to be read; nothing: what is sent comes from elsewhere
  bool from_beginning = false;         // of the topic; the group's positions are set back
  bool only_reads = false;             // nothing is sent and no position moves
  int transaction_timeout_ms = 30'000;
  int start_timeout_ms = 30'000;       // to find the cluster, and to end what a predecessor left open
};

class KafkaRedrive {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaRedrive>> open(KafkaRedriveOptions options);
  ~KafkaRedrive();
  KafkaRedrive(const KafkaRedrive&) = delete;
  KafkaRedrive& operator=(const KafkaRedrive&) = delete;

  /// The next letters, at most `max`, of each partition in their order. None: all that were there at opening are read.
  [[nodiscard]] base::Result<std::vector<RedriveLetter>> read(std::size_t max);
  /// One transaction: the records, and positions behind all that read() has answered so far.
  [[nodiscard]] base::Status send(const std::vector<RedriveRecord>& records);

 private:
  class Impl;
  explicit KafkaRedrive(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::sink
