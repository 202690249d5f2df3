// Metrics: what the engine tells of itself, as the text that Prometheus reads. The driver publishes plain structs,
// about once a second or per commit; each scrape renders the last ones. Nothing is counted per event here, so the cost
// does not depend on the traffic; what depends on the moment (delay, readiness, memory) is looked up at the scrape, so
// that it does not stand still when the driver does.
//
// publish() is for one thread, the driver's; text() for any. The only place that knows prometheus-cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/task/model.h"
#include "engine/task/statistics.h"
#include "engine/task/tally.h"

namespace troth::observe {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";
/// Series of lag by input and partition; beyond that it is summed by input.
inline constexpr std::size_t kLagSeriesMax = 4'096;

/// Versions for build_info.
struct Build {
  std::string troth;
  std::string librdkafka;
  std::string rocksdb;
};

struct Lag {
  std::uint16_t input = 0;  // index into MetricsOptions::inputs
  std::int32_t partition = 0;
  std::int64_t records = 0;
};

/// What went wrong, and was mended, since the process started.
struct Troubles {
  std::uint64_t source_errors = 0;
  std::uint64_t store_errors = 0;
  std::uint64_t sink_errors = 0;
  std::uint64_t restarts = 0;
  std::map<std::string, std::uint64_t> recoveries = {};  // of partitions taken over, by how
  std::uint64_t restored_rows = 0;
};

/// How a member of a group stands. Partitions are those that it was given.
struct GroupFigures {
  std::vector<std::pair<std::string, std::uint64_t>> recoveries;  // since the process started, by how: fixed words
  std::uint64_t restored_rows = 0;                                // since the process started
  std::uint64_t standby_rows = 0;                                 // of copies of others' partitions, likewise
  std::size_t waiting_partitions = 0;                             // not restored yet
  double restore_left_seconds = 0;                                // of the partition at hand, by the rate so far
  std::vector<bool> is_silent;                                    // by input
  std::size_t held_keys = 0;                                      // while a source is silent
};

struct MetricsOptions {
  Build build;
  std::vector<std::string> inputs;           // names from the configuration, by index
  std::span<const task::CounterSpec> model;  // of the model's counters; must outlive the Metrics
  std::function<bool()> is_ready;            // thread-safe; nothing: not shown
};

class Metrics {
 public:
  /// `clock`: the wall clock that engine time is compared with.
  Metrics(const base::Clock& clock, MetricsOptions options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Takes over the figures. The first call only says where the stored totals stand: make it right after opening.
  void publish(const task::Tally& tally, const task::Statistics& statistics, std::vector<Lag> lags,
               const Troubles& troubles);

  /// Of a member of a group; also while nothing can be published because a partition is being restored.
  void tell_group(GroupFigures figures);

  /// The exposition text; before the first publish only what is known without it.
  [[nodiscard]] std::string text() const;

 private:
  struct Progress;  // counters of this process, made from the totals published
  struct Snapshot;
  class Page;  // one answer being put together

  const base::Clock& clock_;
  const MetricsOptions options_;
  const double started_seconds_;
  std::unique_ptr<Progress> progress_;  // publisher's own
  mutable std::mutex mutex_;            // guards the pointer; what it points to never changes
  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const GroupFigures> group_;  // none: not a member of any
};

}  // namespace troth::observe
