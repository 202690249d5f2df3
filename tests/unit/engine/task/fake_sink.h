// FakeSink: keeps what is written. Like files it can be cut back to a mark; like Kafka it can want an outbox and
// acknowledge, or fail to. It outlives the instances that write to it.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "engine/task/sink.h"

namespace troth::task::testing {

class FakeSink final : public Sink {
 public:
  explicit FakeSink(bool wants_outbox = false) : wants_outbox_(wants_outbox) {}

  bool wants_outbox() const override { return wants_outbox_; }
  base::Status restore(std::string_view mark) override {
    ++restores;
    if (wants_outbox_) return base::success();
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
    if (fails_durable_in > 0 && --fails_durable_in == 0) return base::Error{"the sink does not acknowledge"};
    return wants_outbox_ ? std::string() : std::to_string(records.size());
  }

  std::vector<Outgoing> records;
  int restores = 0;
  int fails_write_in = 0;    // 1: the next write fails
  int fails_durable_in = 0;

 private:
  bool wants_outbox_;
};

}  // namespace troth::task::testing
