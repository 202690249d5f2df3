// Sink: where outputs go. Files are made durable before the commit and cut back to the committed mark at start; Kafka
// gets what the outbox holds after the commit. Driven by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace troth::task {

/// A record on its way out. `stream` indexes the model's streams; the one after the last is the dead letters.
struct Outgoing {
  std::uint8_t stream = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
};

class Sink {
 public:
  virtual ~Sink() = default;

  /// True: records go through the outbox (stored with the state, delivered after the commit, deleted when
  /// acknowledged). False: write() + make_durable() before the commit, and the mark is part of the commit.
  [[nodiscard]] virtual bool wants_outbox() const = 0;

  /// At start: bring the sink to the committed mark (empty: to the very beginning).
  [[nodiscard]] virtual base::Status restore(std::string_view mark) = 0;

  /// Takes records in order; may buffer. With an outbox: begins delivery.
  [[nodiscard]] virtual base::Status write(const std::vector<Outgoing>& records) = 0;

  /// Without an outbox: everything written so far is on disk; answers the mark to commit.
  /// With an outbox: everything written so far is acknowledged by the other side (waits); the mark is empty.
  [[nodiscard]] virtual base::Result<std::string> make_durable() = 0;
};

}  // namespace troth::task
