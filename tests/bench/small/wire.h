// Wire: the benchmark's own way to Kafka, apart from the engine's: it fills the input topic, reads it bare, sends load
// and probes, waits for alerts, and watches how far a group has come. So no peer is measured by its own means.
// Each call is made by one thread and ends by its deadline; errors are values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace troth::bench {

struct Filled {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};
/// Everyday traffic of so many customers, keyed by customer; then in each partition an event that is later than every
/// deadline, so that both peers fire them all.
[[nodiscard]] base::Result<Filled> fill(const std::string& bootstrap, const std::string& topic, std::uint64_t events,
                                        std::uint64_t customers);

enum class Depth : std::uint8_t { kDiscard, kParse, kDecode };  // simdjson; the engine's decoder
struct Read {
  std::uint64_t events = 0;
  double cpu_us = 0;  // of the process, from the first message to the last
  double seconds = 0;
};
/// The whole topic, to its end.
[[nodiscard]] base::Result<Read> read_bare(const std::string& bootstrap, const std::string& topic, Depth depth);

/// Prints a line of JSON every 50 ms until the group has committed `events` records of the topic: how many so far, and
/// what the process has used. The group's member need not exist yet.
[[nodiscard]] base::Status watch(const std::string& bootstrap, const std::string& group, const std::string& topic,
                                 std::uint64_t events, int pid);

struct Load {
  double events_per_second = 0;  // of traffic without alerts
  double probes_per_second = 0;  // promises that are broken when they are made
  double warm_up_s = 0;          // whose probes do not count
  double seconds = 0;
  std::uint64_t customers = 0;
};
struct Answered {
  std::vector<double> latencies_ms;  // from before a probe was handed to the producer until its alert was read
  std::uint64_t lost = 0;            // no alert within 5 s after the last of them
  double events_per_second = 0;      // as it was reached
};
[[nodiscard]] base::Result<Answered> drive(const std::string& bootstrap, const std::string& topic,
                                           const std::string& alerts, const Load& load);

/// Sends 20 probes, prints `sent`, waits for the alert of any, and prints the wall time at which it was read (µs).
[[nodiscard]] base::Status first_alert(const std::string& bootstrap, const std::string& topic,
                                       const std::string& alerts);

}  // namespace troth::bench
