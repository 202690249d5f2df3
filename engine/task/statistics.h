// Statistics: how an instance is doing, for metrics and `inspect`. Measured only; nothing here influences a result.
// Plain data, copied out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/event/time.h"

namespace troth::task {

/// Where the time of an epoch goes. Of phases that run on several workers it is the sum of their times.
struct PhaseTimes {
  std::uint64_t apply_ns = 0;   // judging and applying records, closing of fixed epochs apart
  std::uint64_t settle_ns = 0;  // closing epochs
  std::uint64_t encode_ns = 0;  // writing dirty keys into the batch
  std::uint64_t store_ns = 0;   // the synced commit of the store
  std::uint64_t sink_ns = 0;    // writing outputs and waiting until they are durable or acknowledged

  void add(const PhaseTimes& other) {
    apply_ns += other.apply_ns;
    settle_ns += other.settle_ns;
    encode_ns += other.encode_ns;
    store_ns += other.store_ns;
    sink_ns += other.sink_ns;
  }
};

struct PartitionStatistics {
  std::int32_t partition = 0;
  event::TimeUs tau = 0;
  std::uint64_t epoch = 0;                // epochs closed so far
  std::vector<event::TimeUs> greatest;    // greatest counted event time, by input
  std::vector<bool> at_end;               // by input
  std::vector<std::int64_t> next_offset;  // by input; −1: none yet (Kafka only)
  std::vector<std::size_t> merge_ahead;   // records that wait for the heads of slower inputs, by input
  std::size_t cached_keys = 0;
  std::size_t unsettled_keys = 0;
};

struct Statistics {
  PhaseTimes total;        // since the instance was opened
  PhaseTimes last_commit;  // between the commit before the last and the last
  std::uint64_t commits = 0;
  std::uint64_t last_commit_events = 0;   // records offered in the last commit
  std::uint64_t last_commit_bytes = 0;    // of its batch
  std::uint64_t last_commit_outputs = 0;  // records handed to the sink
  std::uint64_t keys_settled = 0;
  std::uint64_t cache_hits = 0;
  std::uint64_t cache_misses = 0;
  std::size_t events_in_flight = 0;  // offered and not committed yet
  std::size_t dirty_bytes = 0;       // decoded states that wait for the commit
  std::size_t output_bytes = 0;      // outputs that wait for the commit
  std::size_t cached_bytes = 0;      // decoded states that could be evicted
  std::size_t outbox_chunks = 0;     // acknowledged chunks whose deletion rides in the next commit
  std::vector<PartitionStatistics> partitions;
};

}  // namespace troth::task
