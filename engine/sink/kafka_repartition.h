// KafkaRepartition: routes events through a topic that is keyed by customer, for producers that chose the partition by something
// else (the order, say). A stage of its own before the engine, as a member of a group of its own: what it has read and what
// it has written are one transaction, so every record is routed once, whoever crashes. It has no state.
//
//   orders ─┐                                     ┌ partition 0 ─▶ the engine's task 0
//   reviews ┼▶ route: partition of the customer ──┼ partition 1 ─▶ …
//   …      ─┘  (bytes, key and headers as they came, and a header that says from where)
//
// Keeping time: the routed topic mixes partitions that are read at different speeds, by several members. So that nothing is
// found late for that reason, each position that is committed tells the time it stands at, every member looks about once a
// second at what the others have told, and pauses what is ahead of the slowest by more than half the lateness. And only when
// all of them are at their ends, caught_up() says so: until then the engine must not take the end of the routed topic for the
// end of what has happened.
//
// One thread of its own does all that; the other calls are for any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/source/kafka_settings.h"
#include "engine/task/record.h"

namespace troth::sink {

/// The header that says where a routed record came from: topic/partition/offset.
inline constexpr const char* kCameFromHeader = "troth-came-from";
[[nodiscard]] std::string came_from_text(const task::CameFrom& from);
[[nodiscard]] std::optional<task::CameFrom> read_came_from(const std::string& text);

struct KafkaRepartitionOptions {
  source::KafkaSettings kafka;
  std::string group;             // of this stage
  std::string instance;          // group.instance.id; empty: none
  std::string transactional_id;  // the same at each start of an instance, and of no other
  std::vector<std::string> inputs;
  std::string topic;             // routed to
  event::TimeUs ahead_us = 0;    // that a partition may be ahead of the slowest
  int transaction_timeout_ms = 30'000;
  int start_timeout_ms = 30'000;
};

/// What decides a record's way, as the event says it; nothing: it is none.
struct Route {
  std::optional<std::string> subject;
  std::optional<event::TimeUs> time;
};

class KafkaRepartition {
 public:
  /// Finds the cluster and joins its group. `route` is called on the thread of this stage.
  [[nodiscard]] static base::Result<std::unique_ptr<KafkaRepartition>> open(
      KafkaRepartitionOptions options, std::function<Route(const task::Record&)> route);
  /// Ends its thread, after the transaction at hand.
  ~KafkaRepartition();
  KafkaRepartition(const KafkaRepartition&) = delete;
  KafkaRepartition& operator=(const KafkaRepartition&) = delete;

  /// Why it has ended; nothing: it works.
  [[nodiscard]] std::optional<base::Error> failure() const;
  /// All partitions of all inputs, of this member and the others, were at their ends when last told.
  [[nodiscard]] bool is_caught_up() const;
  /// Records routed since it was opened.
  [[nodiscard]] std::uint64_t routed() const;

 private:
  class Impl;
  explicit KafkaRepartition(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace troth::sink
