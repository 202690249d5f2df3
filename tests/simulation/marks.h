// Marks: how often each fault was fired and each way of recovery was taken. The runner prints them and fails below a
// floor: a fault that never happened was never survived. One process, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// X(name, words)
#define TROTH_SIMULATION_MARKS(X)                                             \
  X(DisorderWithin, "event told late, within the lateness")                   \
  X(DisorderBeyond, "event told at or beyond the lateness")                   \
  X(Duplicate, "event told twice")                                            \
  X(SilentInput, "an input without a record")                                 \
  X(BadRecord, "a record that is no event")                                   \
  X(FutureEvent, "an event years ahead")                                      \
  X(CrashBetweenCalls, "crash between two calls of the driver")               \
  X(CrashBeforeCommit, "crash before the batch reached the disk")             \
  X(CrashAfterCommit, "crash after the batch was durable, before the answer") \
  X(TornCommitLost, "crash within the batch: it is not there")                \
  X(TornCommitKept, "crash within the sync: the batch is there")              \
  X(CommitRefused, "the commit fails, nothing written")                       \
  X(CommitOutcomeUnknown, "the commit fails, but was written")                \
  X(DiskFull, "the disk is full for a while")                                 \
  X(ReadFails, "a read of the store fails")                                   \
  X(SinkWriteFails, "a write to the sink fails after a part of it")           \
  X(SinkSyncFails, "the sink cannot be made durable")                         \
  X(CrashInSinkWrite, "crash within a write to the sink")                     \
  X(CrashBeforeSinkSync, "crash before the sink's sync")                      \
  X(CrashAfterSinkSync, "crash between the sink's sync and the commit")       \
  X(UnsyncedLinesLost, "lines that were not synced are gone after a crash")   \
  X(CrashBeforeTransaction, "crash between the commit and its transaction")   \
  X(CrashInTransaction, "crash within a transaction")                         \
  X(CrashAfterTransaction, "crash after a transaction was taken")             \
  X(TransactionRefused, "a transaction fails, nothing taken")                 \
  X(TransactionOutcomeUnknown, "a transaction fails, but was taken")          \
  X(Fenced, "a transaction refused because the group has gone on")            \
  X(PositionsNotRead, "the group's positions cannot be read")                 \
  X(ChangelogNotRead, "the changelog cannot be read to its end")              \
  X(CrashInRestore, "crash while restoring from the changelog")               \
  X(Stopped, "a process stopped for a while")                                 \
  X(Zombie, "a stopped process that goes on after it was expelled")           \
  X(Expelled, "a silent member expelled from the group")                      \
  X(Compaction, "a changelog compacted")                                      \
  X(DiskLost, "a machine that comes back without its disk")                   \
  X(OldDisk, "a machine that comes back with an old copy of its disk")        \
  X(OthersDisk, "a machine that comes back with another one's disk")          \
  X(RecoveredNew, "recovery: a new partition")                                \
  X(RecoveredGoOn, "recovery: gone on with")                                  \
  X(RecoveredSendAgain, "recovery: the outbox sent again")                    \
  X(RecoveredCatchUp, "recovery: caught up from the changelog")               \
  X(RecoveredRebuild, "recovery: rebuilt from the changelog")                 \
  X(CrashInRecovery, "crash while opening again")                             \
  X(CleanRestart, "stopped and started in good order")                        \
  X(PolicyChange, "started again under another policy")                       \
  X(Handover, "a partition handed over and taken back")                       \
  X(Loss, "a partition lost, then taken back")                                \
  X(Redelivery, "records below the next offset delivered again")              \
  X(EndTold, "an input told to be at its end")                                \
  X(EndWithdrawn, "an input that was at its end has more")                    \
  X(LateRefused, "an event refused as late")

namespace troth::simulation {

enum class Mark : std::uint8_t {
#define TROTH_MARK_NAME(name, words) k##name,
  TROTH_SIMULATION_MARKS(TROTH_MARK_NAME)
#undef TROTH_MARK_NAME
  kCount
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Mark::kCount)> kMarkWords = {
#define TROTH_MARK_WORDS(name, words) words,
    TROTH_SIMULATION_MARKS(TROTH_MARK_WORDS)
#undef TROTH_MARK_WORDS
};

inline std::array<std::uint64_t, kMarkWords.size()> marks{};
inline void mark(Mark which) { ++marks[static_cast<std::size_t>(which)]; }

}  // namespace troth::simulation
