// FakeSink: keeps what is written; like files it can be cut back to a mark, and fail. It outlives the instances that write
// to it.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "engine/task/sink.h"

namespace troth::task::testing {

class FakeSink final : public Sink {
 public:
  base::Status restore(std::string_view mark) override {
    ++restores;
    const std::size_t size = mark.empty() ? 0 : static_cast<std::size_t>(std::stoull(std::string(mark)));
    TROTH_ASSERT(size <= records.size());
    records.resize(size);
    return base::success();
  }
  base::Status write(const std::vector<Outgoing>& more) override {
    if (fails_write_in > 0 && --fails_write_in == 0) return base::Error{"the sink cannot be written to"};
    records.insert(records.end(), more.begin(), more.end());
    return base::success();
  }
  base::Result<std::string> make_durable() override {
    if (fails_durable_in > 0 && --fails_durable_in == 0) return base::Error{"the sink cannot be synced"};
    return std::to_string(records.size());
  }

  std::vector<Outgoing> records;
  int restores = 0;
  int fails_write_in = 0;    // 1: the next write fails
  int fails_durable_in = 0;
};

}  // namespace troth::task::testing
