// Meta: what the store knows of the instance and of each task besides the states of keys, and its stored form. Plain data
// and pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/time.h"
#include "engine/task/tally.h"

namespace troth::task {

/// Version of everything in keys.h and here. Another one is refused: never guessed at.
inline constexpr std::uint64_t kStoreFormat = 2;

/// Names the content of a partition after a commit: its number, and who wrote it. A number alone proves nothing, since two
/// stores may both have a commit N; every opening of a store is a writer of its own (decision 0008).
struct CommitId {
  std::uint64_t number = 0;  // 0: before the first
  std::string writer;        // ASCII without ';'; empty: none
  friend bool operator==(const CommitId&, const CommitId&) = default;
};

struct InstanceMeta {
  std::string foundation;  // of the model
  std::int32_t partitions = 0;
  bool partitions_by_key = true;
  std::vector<std::string> inputs;
  std::optional<event::TimeUs> horizon;
  std::string source_position;
  std::string sink_mark;
};

[[nodiscard]] std::string encode_meta(const InstanceMeta& meta);
[[nodiscard]] base::Result<InstanceMeta> decode_instance_meta(std::string_view bytes);

struct InputMeta {
  event::TimeUs greatest = 0;     // greatest time of events that count for τ
  bool at_end = false;
  std::int64_t next_offset = -1;  // −1: none yet; Kafka only
};

struct TaskMeta {
  event::TimeUs tau = 0;
  std::vector<InputMeta> inputs;
  Tally tally;
  std::vector<std::string> counter_names;  // of tally.counters: a later model may have others
  std::uint64_t epoch = 0;                 // epochs closed so far
  std::int64_t epoch_records = 0;          // records read in the open one
  std::uint64_t erased_keys = 0;
  std::string settled_under;               // version of the model under which every key has been settled
  std::string resettling_under;            // version under which they are being settled again; empty: none
  std::string resettled_to;                // keys up to here are done
  std::vector<std::string> unsettled;      // keys that took an event in the open epoch, ascending
  CommitId commit, previous;               // which this is, and the one before
  std::int64_t changelog_position = -1;    // an offset behind which all of this commit's rows are; −1: not known
};

[[nodiscard]] std::string encode_meta(const TaskMeta& meta);
/// The same with the names of the counters from elsewhere: there are many, and they never change.
[[nodiscard]] std::string encode_meta(const TaskMeta& meta, const std::vector<std::string>& counter_names);
[[nodiscard]] base::Result<TaskMeta> decode_task_meta(std::string_view bytes);

}  // namespace troth::task
