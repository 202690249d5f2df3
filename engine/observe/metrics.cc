#include "engine/observe/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "engine/base/assert.h"
#include "engine/event/event.h"
#include "engine/observe/histogram.h"
#include "engine/observe/metric_names.h"
#include "engine/observe/monotone.h"

namespace troth::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::array kPhaseNames{"apply", "settle", "encode", "store", "sink"};
using Phases = std::array<std::uint64_t, kPhaseNames.size()>;

Phases by_index(const task::PhaseTimes& times) {
  return {times.apply_ns, times.settle_ns, times.encode_ns, times.store_ns, times.sink_ns};
}

double seconds_of(base::TimeUs time) { return static_cast<double>(time) / 1e6; }

MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return MetricType::Counter;
    case MetricKind::kGauge:
      return MetricType::Gauge;
    case MetricKind::kHistogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

/// File names may hold any byte, and one label that is not UTF-8 makes Prometheus refuse the whole page.
std::string label_text(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 0x20 && c < 0x7f && c != '%') {
      out += c;
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    }
  }
  return out;
}

std::optional<double> resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return std::nullopt;
  unsigned long long pages = 0;
  const int found = std::fscanf(file, "%*u %llu", &pages);
  std::fclose(file);
  if (found != 1) return std::nullopt;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::vector<std::int32_t> partitions_of(const task::Statistics& statistics) {
  std::vector<std::int32_t> out;
  for (const task::PartitionStatistics& each : statistics.partitions) out.push_back(each.partition);
  return out;
}

}  // namespace

struct Metrics::Progress {
  bool is_based = false;
  std::vector<std::int32_t> partitions;  // whose totals these are

  // From the tally, which is stored with the state of the partitions.
  Monotone read, applied, duplicates;
  std::array<Monotone, event::kReasonCount> refused;
  std::vector<Monotone> model;

  // From the statistics, which start at 0 with each opening.
  Monotone commits, settled, hits, misses;
  std::uint64_t last_commits = 0;
  Phases last_phases{};
  std::array<Histogram, kPhaseNames.size()> phases;
  std::uint64_t outputs = 0;

  void take(const task::Tally& tally, std::size_t model_counters) {
    const auto each = [this](Monotone& counter, std::int64_t total) {
      if (is_based)
        counter.follow(total);
      else
        counter.rebase(total);
    };
    each(read, static_cast<std::int64_t>(tally.read));
    each(applied, static_cast<std::int64_t>(tally.applied));
    each(duplicates, static_cast<std::int64_t>(tally.duplicates));
    for (std::size_t i = 0; i < refused.size(); ++i) each(refused[i], static_cast<std::int64_t>(tally.refused[i]));
    model.resize(model_counters);
    for (std::size_t i = 0; i < model.size(); ++i) each(model[i], i < tally.counters.size() ? tally.counters[i] : 0);
  }

  void take(const task::Statistics& statistics) {
    commits.follow_run(statistics.commits);
    settled.follow_run(statistics.keys_settled);
    hits.follow_run(statistics.cache_hits);
    misses.follow_run(statistics.cache_misses);
    take_commits(statistics);
  }

  /// Of several commits since the last publish each is taken to have lasted the mean: count and sum stay exact.
  void take_commits(const task::Statistics& statistics) {
    if (statistics.commits < last_commits) {
      last_commits = 0;
      last_phases = {};
    }
    const std::uint64_t times = statistics.commits - last_commits;
    if (times == 0) return;
    const Phases now = by_index(statistics.total);
    for (std::size_t i = 0; i < phases.size(); ++i) {
      const std::uint64_t spent = now[i] - std::min(now[i], last_phases[i]);
      phases[i].observe(static_cast<double>(spent) / 1e9 / static_cast<double>(times), times);
    }
    last_commits = statistics.commits;
    last_phases = now;
    outputs += statistics.last_commit_outputs;
  }
};

struct Metrics::Snapshot {
  task::Tally tally;
  task::Statistics statistics;
  std::vector<Lag> lags;
  Troubles troubles;
  Progress progress;
  base::TimeUs published_at = 0;
};

class Metrics::Page {
 public:
  explicit Page(const Metrics& metrics) : metrics_(metrics) {}

  void add_process() {
    const Build& build = metrics_.options_.build;
    add(metric::kBuild, 1, {{"librdkafka", build.librdkafka}, {"rocksdb", build.rocksdb}, {"version", build.troth}});
    add(metric::kProcessStart, metrics_.started_seconds_);
    if (const auto bytes = resident_bytes()) add(metric::kResident, *bytes);
    if (metrics_.options_.is_ready) add(metric::kReady, metrics_.options_.is_ready() ? 1 : 0);
  }

  void add_group(const GroupFigures& figures) {
    for (const auto& [how, times] : figures.recoveries) count(metric::kRecoveries, times, {{"how", how}});
    count(metric::kRestoredRows, figures.restored_rows);
    count(metric::kStandbyRows, figures.standby_rows);
    count(metric::kWaitingPartitions, figures.waiting_partitions);
    add(metric::kRestoreLeft, figures.restore_left_seconds);
    for (std::size_t input = 0; input < figures.is_silent.size(); ++input) {
      count(metric::kSilent, figures.is_silent[input] ? 1 : 0, {{"input", metrics_.options_.inputs[input]}});
    }
    count(metric::kHeldKeys, figures.held_keys);
  }

  void add(const Snapshot& snapshot) {
    add_records(snapshot);
    add_time(snapshot);
    add_commits(snapshot);
    add_held(snapshot.statistics);
    add_trouble(snapshot.troubles);
    add_model(snapshot);
    add(metric::kPublished, seconds_of(snapshot.published_at));
  }

  [[nodiscard]] std::string text() const {
    std::vector<MetricFamily> families;
    for (const auto& [name, family] : families_) families.push_back(family);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return std::move(out).str();
  }

 private:
  void add_records(const Snapshot& snapshot) {
    const Progress& progress = snapshot.progress;
    count(metric::kRead, progress.read.counted());
    count(metric::kApplied, progress.applied.counted());
    count(metric::kDuplicates, progress.duplicates.counted());
    count(metric::kStoredRecords, snapshot.tally.applied, {{"outcome", "applied"}});
    count(metric::kStoredRecords, snapshot.tally.duplicates, {{"outcome", "duplicate"}});
    for (std::size_t i = 0; i < event::kReasonCount; ++i) {
      const std::string reason(event::reason_name(static_cast<event::Reason>(i)));
      count(metric::kDeadLetters, progress.refused[i].counted(), {{"reason", reason}});
      count(metric::kStoredRecords, snapshot.tally.refused[i], {{"outcome", reason}});
    }
  }

  void add_time(const Snapshot& snapshot) {
    const base::TimeUs wall = metrics_.clock_.now();
    std::optional<base::TimeUs> least, greatest;
    for (const task::PartitionStatistics& each : snapshot.statistics.partitions) {
      add(metric::kEventTime, seconds_of(each.tau), {{"partition", std::to_string(each.partition)}});
      if (each.tau <= 0) continue;  // no event yet: nothing that could be delayed
      const base::TimeUs delay = wall - each.tau;
      least = std::min(least.value_or(delay), delay);
      greatest = std::max(greatest.value_or(delay), delay);
    }
    if (least) add(metric::kDelayLeast, seconds_of(*least));
    if (greatest) add(metric::kDelayGreatest, seconds_of(*greatest));
    add_lags(snapshot.lags);
  }

  void add_lags(const std::vector<Lag>& lags) {
    const bool by_partition = lags.size() <= kLagSeriesMax;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> sums;  // of names: one may be given twice
    for (const Lag& lag : lags) {
      TROTH_ASSERT(lag.input < metrics_.options_.inputs.size());
      sums[{label_text(metrics_.options_.inputs[lag.input]), by_partition ? lag.partition : -1}] += lag.records;
    }
    for (const auto& [series, records] : sums) {
      Labels labels{{"input", series.first}};
      if (by_partition) labels.push_back({"partition", std::to_string(series.second)});
      count(metric::kLag, records, std::move(labels));
    }
  }

  void add_commits(const Snapshot& snapshot) {
    const Progress& progress = snapshot.progress;
    count(metric::kCommits, progress.commits.counted());
    count(metric::kSettled, progress.settled.counted());
    count(metric::kCacheHits, progress.hits.counted());
    count(metric::kCacheMisses, progress.misses.counted());
    count(metric::kOutputs, progress.outputs);
    count(metric::kCommitBytes, snapshot.statistics.last_commit_bytes);
    for (std::size_t i = 0; i < kPhaseNames.size(); ++i) add_histogram(kPhaseNames[i], progress.phases[i]);
  }

  void add_histogram(const char* phase, const Histogram& histogram) {
    ClientMetric each;
    each.label = {{"phase", phase}};
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      cumulative += histogram.counts()[i];
      each.histogram.bucket.push_back({cumulative, Histogram::kBounds[i]});
    }
    each.histogram.sample_count = cumulative + histogram.counts().back();
    each.histogram.sample_sum = histogram.sum();
    family(metric::kPhase).metric.push_back(std::move(each));
  }

  void add_held(const task::Statistics& statistics) {
    std::size_t cached_keys = 0, unsettled = 0, ahead = 0;
    for (const task::PartitionStatistics& each : statistics.partitions) {
      cached_keys += each.cached_keys;
      unsettled += each.unsettled_keys;
      for (const std::size_t records : each.merge_ahead) ahead += records;
    }
    count(metric::kPartitions, statistics.partitions.size());
    count(metric::kInFlight, statistics.events_in_flight);
    count(metric::kMergeAhead, ahead);
    count(metric::kUnsettled, unsettled);
    count(metric::kCachedKeys, cached_keys);
    count(metric::kDirtyBytes, statistics.dirty_bytes);
    count(metric::kCachedBytes, statistics.cached_bytes);
    count(metric::kOutputBytes, statistics.output_bytes);
    count(metric::kOutboxChunks, statistics.outbox_chunks);
  }

  void add_trouble(const Troubles& troubles) {
    count(metric::kSourceErrors, troubles.source_errors);
    count(metric::kStoreErrors, troubles.store_errors);
    count(metric::kSinkErrors, troubles.sink_errors);
    count(metric::kRestarts, troubles.restarts);
  }

  void add_model(const Snapshot& snapshot) {
    for (std::size_t i = 0; i < metrics_.options_.model.size(); ++i) {
      const task::CounterSpec& spec = metrics_.options_.model[i];
      Labels labels;
      for (const auto& [name, value] : spec.labels) labels.push_back({name, value});
      const std::int64_t stored = i < snapshot.tally.counters.size() ? snapshot.tally.counters[i] : 0;
      const std::int64_t value = spec.is_gauge ? stored : snapshot.progress.model[i].counted();
      const MetricSpec named{spec.name.c_str(), spec.is_gauge ? MetricKind::kGauge : MetricKind::kCounter,
                             spec.help.c_str()};
      count(named, value, std::move(labels));
    }
  }

  template <typename T>
  void count(const MetricSpec& spec, T value, Labels labels = {}) {
    add(spec, static_cast<double>(value), std::move(labels));
  }

  void add(const MetricSpec& spec, double value, Labels labels = {}) {
    ClientMetric each;
    each.label = std::move(labels);
    if (spec.kind == MetricKind::kCounter)
      each.counter.value = value;
    else
      each.gauge.value = value;
    family(spec).metric.push_back(std::move(each));
  }

  MetricFamily& family(const MetricSpec& spec) {
    MetricFamily& family = families_[spec.name];
    if (family.metric.empty()) {
      family.name = spec.name;
      family.help = spec.help;
      family.type = type_of(spec.kind);
    }
    TROTH_ASSERT(family.type == type_of(spec.kind));
    return family;
  }

  const Metrics& metrics_;
  std::map<std::string_view, MetricFamily> families_;  // names are constants or the model's
};

Metrics::Metrics(const base::Clock& clock, MetricsOptions options)
    : clock_(clock),
      options_(std::move(options)),
      started_seconds_(seconds_of(base::SystemClock().now())),
      progress_(std::make_unique<Progress>()) {}

Metrics::~Metrics() = default;

void Metrics::publish(const task::Tally& tally, const task::Statistics& statistics, std::vector<Lag> lags,
                      const Troubles& troubles) {
  // Totals of other partitions than last time say nothing about what was done since.
  std::vector<std::int32_t> partitions = partitions_of(statistics);
  if (partitions != progress_->partitions) progress_->is_based = false;
  progress_->partitions = std::move(partitions);
  progress_->take(tally, options_.model.size());
  progress_->take(statistics);
  progress_->is_based = true;

  auto snapshot = std::make_shared<const Snapshot>(
      Snapshot{tally, statistics, std::move(lags), troubles, *progress_, clock_.now()});
  const std::lock_guard lock(mutex_);
  snapshot_.swap(snapshot);
}

void Metrics::tell_group(GroupFigures figures) {
  auto told = std::make_shared<const GroupFigures>(std::move(figures));
  const std::lock_guard lock(mutex_);
  group_.swap(told);
}

std::string Metrics::text() const {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const GroupFigures> group;
  {
    const std::lock_guard lock(mutex_);
    snapshot = snapshot_;
    group = group_;
  }
  Page page(*this);
  page.add_process();
  if (snapshot) page.add(*snapshot);
  if (group) page.add_group(*group);
  return page.text();
}

}  // namespace troth::observe
