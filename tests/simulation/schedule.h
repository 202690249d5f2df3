// Schedule: what one simulated run is made of, all of it drawn from one seed: a history of several customers, the log that
// holds it (topics × partitions, with duplicates, disorder, silence and bursts), how it is read, and how often what goes
// wrong. A schedule that fails can be made shorter by leaving records out; the rest stays as it was.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/task/record.h"
#include "operators/policy/policy.h"

namespace troth::simulation {

using event::TimeUs;

enum class Mode : std::uint8_t {
  kFilesFixed,     // files, epochs of a fixed number of events: the same bytes
  kFilesAdaptive,  // files, epochs as commits fall: the same last records
  kTopics,         // live: partitions, wall clock, outbox, assignments
};

/// A record of the log. `produced`: the wall time at which it appears in its topic.
struct Logged {
  task::Decoded decoded;
  TimeUs produced = 0;
  bool is_duplicate = false, is_late_by_design = false;
};

/// A log: records by input and partition, in order of offsets (files: partition 0 only).
using Log = std::vector<std::vector<std::vector<Logged>>>;

struct Schedule {
  std::uint64_t seed = 0;
  Mode mode{};
  std::int32_t partitions = 1;
  std::vector<std::string> inputs;
  std::int64_t epoch_events = 0;           // fixed epochs only
  std::size_t cache_bytes = 0;             // so small that states leave it, or ample
  std::size_t dirty_bytes_max = 0;         // so small that commits happen within a close, or ample
  std::size_t keys_per_slice = 0;
  int trouble_permille = 0;                // chance of trouble at each call of store or sink
  std::shared_ptr<const operators::Policy> policy, later_policy;  // the second from some restart on
  std::string overlay;                     // YAML that makes `policy` of the built-in one
  Log log;
  TimeUs begin = 0, end = 0;               // least and greatest event time within the plan
  TimeUs as_of = 0;                        // at which all is compared
  bool has_erasure = false;
  bool has_caps = false;                   // what a cap refuses depends on the order of arrival

  [[nodiscard]] std::size_t size() const;
  /// Without the records at [from, to) in order of input, partition, offset; offsets close up.
  [[nodiscard]] Schedule without(std::size_t from, std::size_t to) const;
};

/// Draws a schedule. The same seed gives the same one on every machine.
[[nodiscard]] Schedule draw(std::uint64_t seed);

/// One line per record: time, where it stands, type, customer, name.
[[nodiscard]] std::string told(const Schedule& schedule);

}  // namespace troth::simulation
