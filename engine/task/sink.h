// Sink: where outputs go that are made durable before the commit and cut back to the committed mark at start: files. What
// can take a commit whole or not at all is no Sink but Transactions. Driven by one thread.
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

  /// At start: bring the sink to the committed mark (empty: to the very beginning).
  [[nodiscard]] virtual base::Status restore(std::string_view mark) = 0;

  /// Takes records in order; may buffer.
  [[nodiscard]] virtual base::Status write(const std::vector<Outgoing>& records) = 0;

  /// Everything written so far is on disk; answers the mark to commit.
  [[nodiscard]] virtual base::Result<std::string> make_durable() = 0;
};

}  // namespace troth::task
