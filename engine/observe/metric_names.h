// Every metric of the engine, by name, kind and meaning: the one list. Names are `troth_<room>_<thing>_<unit>`; what
// the model counts comes on top, under the names that its CounterSpecs give (`troth_<model>_…`), and `process_…` are
// the names that every dashboard expects. Constants; any thread.
//
// Counters (`_total`) count since the process started, as rates need it: a stored total that fell back to the last
// commit after a crash would be read as a reset and counted all over again. What the state holds in all is a gauge.
// Labels are fixed words, partition numbers and names of inputs from the configuration; never a value of a record
// (P13).
#pragma once

#include <array>
#include <cstdint>

namespace troth::observe {

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct MetricSpec {
  const char* name;
  MetricKind kind;
  const char* help;
};

namespace metric {

using enum MetricKind;

// Records.
inline constexpr MetricSpec kRead{"troth_task_records_read_total", kCounter, "Records read."};
inline constexpr MetricSpec kApplied{"troth_task_records_applied_total", kCounter, "Records that count."};
inline constexpr MetricSpec kDuplicates{"troth_task_records_duplicate_total", kCounter,
                                        "Records that were there already and changed nothing."};
inline constexpr MetricSpec kDeadLetters{"troth_task_dead_letters_total", kCounter,
                                         "Records that were refused and sent to the dead letters, by reason."};
inline constexpr MetricSpec kStoredRecords{
    "troth_task_stored_records", kGauge,
    "Records that the state of the assigned partitions ever took, each once, by what became of it."};

// Time.
inline constexpr MetricSpec kLag{"troth_source_lag_records", kGauge,
                                 "Records at the source that are not read yet, by input and partition."};
inline constexpr MetricSpec kEventTime{"troth_task_event_time_seconds", kGauge,
                                       "Engine time of a partition, in seconds since 1970."};
inline constexpr MetricSpec kDelayLeast{"troth_task_event_time_delay_least_seconds", kGauge,
                                        "Wall clock less engine time, of the partition that is furthest on."};
inline constexpr MetricSpec kDelayGreatest{"troth_task_event_time_delay_greatest_seconds", kGauge,
                                           "Wall clock less engine time, of the partition that is furthest behind."};

// Commits.
inline constexpr MetricSpec kPhase{"troth_task_commit_phase_seconds", kHistogram,
                                   "Time per commit spent on a phase, summed over the workers."};
inline constexpr MetricSpec kCommits{"troth_task_commits_total", kCounter,
                                     "Commits: state, position and outputs durable."};
inline constexpr MetricSpec kSettled{"troth_task_keys_settled_total", kCounter,
                                     "Keys whose outputs were brought up to date."};
inline constexpr MetricSpec kOutputs{"troth_sink_outputs_total", kCounter, "Records handed to the sink."};
inline constexpr MetricSpec kCommitBytes{"troth_state_last_commit_bytes", kGauge,
                                         "Size of the batch of the last commit."};

// What is held.
inline constexpr MetricSpec kPartitions{"troth_task_partitions", kGauge, "Partitions that are assigned and loaded."};
inline constexpr MetricSpec kInFlight{"troth_task_events_in_flight", kGauge, "Records taken and not committed yet."};
inline constexpr MetricSpec kMergeAhead{"troth_task_merge_ahead_records", kGauge,
                                        "Records that wait for slower inputs of their partition."};
inline constexpr MetricSpec kUnsettled{"troth_task_unsettled_keys", kGauge,
                                       "Keys that wait for the end of their epoch."};
inline constexpr MetricSpec kCachedKeys{"troth_task_cached_keys", kGauge, "Keys whose state is decoded in memory."};
inline constexpr MetricSpec kDirtyBytes{"troth_task_dirty_bytes", kGauge, "Decoded states that wait for the commit."};
inline constexpr MetricSpec kCachedBytes{"troth_task_cached_bytes", kGauge, "Decoded states that could be dropped."};
inline constexpr MetricSpec kOutputBytes{"troth_task_output_bytes", kGauge, "Outputs that wait for the commit."};
inline constexpr MetricSpec kOutboxChunks{"troth_sink_outbox_chunks", kGauge,
                                          "Chunks of outputs that are acknowledged and still in the store."};
inline constexpr MetricSpec kCacheHits{"troth_task_cache_hits_total", kCounter, "States found in memory."};
inline constexpr MetricSpec kCacheMisses{"troth_task_cache_misses_total", kCounter, "States loaded from the store."};

// A member of a group.
inline constexpr MetricSpec kRecoveries{"troth_task_recoveries_total", kCounter,
                                        "Partitions taken over, by what had to be done for them."};
inline constexpr MetricSpec kRestoredRows{"troth_task_restored_rows_total", kCounter,
                                          "Rows of state taken over from the changelog."};
inline constexpr MetricSpec kStandbyRows{"troth_task_standby_rows_total", kCounter,
                                         "Rows taken over for copies of partitions that others own."};
inline constexpr MetricSpec kWaitingPartitions{"troth_task_restoring_partitions", kGauge,
                                               "Partitions that are assigned and not restored yet."};
inline constexpr MetricSpec kRestoreLeft{"troth_task_restore_left_seconds", kGauge,
                                         "Time until the partition at hand is restored, by the rate so far."};
inline constexpr MetricSpec kSilent{"troth_source_silent", kGauge,
                                    "1 if an input has said nothing anywhere for longer than it may; else 0."};
inline constexpr MetricSpec kHeldKeys{"troth_task_held_keys", kGauge,
                                      "Keys whose deadlines have passed while a source is silent: nothing is said of them."};

// Trouble.
inline constexpr MetricSpec kSourceErrors{"troth_source_errors_total", kCounter, "Errors of the source."};
inline constexpr MetricSpec kStoreErrors{"troth_state_errors_total", kCounter, "Errors of the store."};
inline constexpr MetricSpec kSinkErrors{"troth_sink_errors_total", kCounter, "Errors of the sink."};
inline constexpr MetricSpec kRestarts{"troth_app_restarts_total", kCounter,
                                      "Times that the engine was opened again from what is durable, in this process."};

// This process.
inline constexpr MetricSpec kReady{"troth_observe_ready", kGauge, "1 if ready, as /readyz says; else 0."};
inline constexpr MetricSpec kPublished{"troth_observe_published_timestamp_seconds", kGauge,
                                       "When the engine last told these figures; what it does not tell stands still."};
inline constexpr MetricSpec kBuild{"troth_app_build_info", kGauge, "Always 1; versions in the labels."};
inline constexpr MetricSpec kProcessStart{"process_start_time_seconds", kGauge, "When the process started."};
inline constexpr MetricSpec kResident{"process_resident_memory_bytes", kGauge,
                                      "Memory of the process that is resident."};

inline constexpr std::array kAll{
    kRead,        kApplied,       kDuplicates, kDeadLetters, kStoredRecords, kLag,         kEventTime,
    kDelayLeast,  kDelayGreatest, kPhase,      kCommits,     kSettled,       kOutputs,     kCommitBytes,
    kPartitions,  kInFlight,      kMergeAhead, kUnsettled,   kCachedKeys,    kDirtyBytes,  kCachedBytes,
    kOutputBytes, kOutboxChunks,  kCacheHits,  kCacheMisses, kSourceErrors,  kStoreErrors, kSinkErrors,
    kRecoveries,  kRestoredRows,  kStandbyRows, kWaitingPartitions, kRestoreLeft, kSilent, kHeldKeys,
    kRestarts,    kReady,         kPublished,  kBuild,       kProcessStart,  kResident,
};

}  // namespace metric
}  // namespace troth::observe
