// Outbox: outputs that are durable with the state but not yet known to be delivered. A commit puts them in, in chunks;
// after the commit they go to the sink; once acknowledged, their chunks are deleted with the next commit. So nothing is
// lost by a crash in between: at start the chunks found are sent again (at least once, equal bytes; promise P4).
//
// Owned by its instance, driver's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/sink.h"
#include "engine/task/store.h"

namespace troth::task {

class Outbox {
 public:
  /// At start: sends what the store holds, waits for the acknowledgement.
  [[nodiscard]] base::Status redeliver(const Store& store, Sink& sink);

  /// Puts records into the batch, behind all earlier ones, and the deletions of what was delivered before.
  void write(Batch& batch, const std::vector<Outgoing>& records);
  /// Everything written so far has been acknowledged.
  void acknowledge();

  /// Delivered, and still in the store.
  [[nodiscard]] std::size_t chunks_to_delete() const { return delivered_.size(); }

 private:
  std::uint64_t next_sequence_ = 0;
  std::vector<std::uint64_t> in_delivery_;
  std::vector<std::uint64_t> delivered_;
};

}  // namespace troth::task
