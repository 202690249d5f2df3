// Recovery: makes the store and the other side agree on a partition before it is worked on. Each combination of what the
// store holds and what was last taken there has one answer:
//
//   taken there                     the store                    answer
//   ──────────────────────────────  ───────────────────────────  ─────────────────────────────────────────────────────────
//   nothing                         nothing                      kNew: from the beginning
//   the store's commit              –                            kGoOn
//   the store's previous commit     its last one was not taken   kSendAgain: the outbox, same bytes
//   a later one of the same line    behind: others worked on     kCatchUp: the rows that followed, from the changelog
//   anything else                   another line, or nothing     kRebuild: dropped, and all rows from the changelog
//
// Of the same line: the changelog shows the store's commit, and behind it the one that was taken. Where it does not show it
// (it was never taken, or compaction has removed its end mark), nothing is guessed: kRebuild is always right. What was taken
// is forgotten by Kafka after a while (`offsets.retention.minutes`) or if the group has another name; then the changelog's
// last end mark says it. Without a changelog there is nothing to catch up from: an error that says what to do.
//
// A crash in here is harmless. A rebuild begins by dropping the record of the task, which the last batch brings back: without it,
// it begins anew. Catching up leaves the old record until the last batch: begun anew, it takes the same rows over again.
//
// A standby copy of a partition that is not ours is kept near by follow(): what it has taken when the partition comes to us
// need not be read then.
//
// recover() is run by the driver's thread, in Instance::assign(); follow() by any, while nobody else works on the partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "engine/base/result.h"
#include "engine/task/store.h"
#include "engine/task/transactions.h"

namespace troth::task {

enum class Recovery : std::uint8_t { kNew, kGoOn, kSendAgain, kCatchUp, kRebuild };
inline constexpr std::size_t kRecoveries = 5;
[[nodiscard]] std::string_view recovery_name(Recovery recovery);

struct RecoveryProgress {
  std::int32_t partition = 0;
  std::uint64_t rows = 0;     // taken over so far
  std::int64_t position = 0;  // in the changelog
  std::int64_t end = 0;       // of the changelog, as far as known
};

struct RecoveryOptions {
  std::size_t batch_bytes = std::size_t{64} << 20U;  // of rows held in memory before they are written
  std::function<base::Status(const RecoveryProgress&)> on_progress;  // may stop it by an error; may be empty
};

struct Recovered {
  Recovery how = Recovery::kNew;
  std::uint64_t rows = 0;
};

[[nodiscard]] base::Result<Recovered> recover(Store& store, Transactions& transactions, std::int32_t partition,
                                              const RecoveryOptions& options);

/// Takes over all that others have committed of a partition that is not ours, as far as the changelog shows it now; sends
/// nothing. `rows` of the answer: how many.
[[nodiscard]] base::Result<Recovered> follow(Store& store, Changelog& changelog, std::int32_t partition,
                                             const RecoveryOptions& options);

}  // namespace troth::task
