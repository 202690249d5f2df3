// KafkaHealth: whether a Kafka client can reach its cluster, since when, and what it last complained of. The keeper is
// written by the thread that polls the client and read by any.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "engine/base/clock.h"

namespace troth::source {

struct KafkaHealth {
  bool connected = false;
  base::TimeUs since = 0;  // when `connected` last changed
  std::string last_error;  // empty: none so far; stays after the connection is back
  base::TimeUs last_error_at = 0;
};

class KafkaHealthKeeper {
 public:
  void set_connected(bool connected) {
    const std::lock_guard lock(mutex_);
    if (health_.connected == connected && health_.since != 0) return;
    health_.connected = connected;
    health_.since = clock_.now();
  }
  void note_error(std::string text) {
    const std::lock_guard lock(mutex_);
    health_.last_error = std::move(text);
    health_.last_error_at = clock_.now();
  }
  [[nodiscard]] KafkaHealth get() const {
    const std::lock_guard lock(mutex_);
    return health_;
  }

 private:
  base::SystemClock clock_;  // for people only: nothing is decided by it
  mutable std::mutex mutex_;
  KafkaHealth health_;
};

}  // namespace troth::source
