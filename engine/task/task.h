// Task: one partition, as a single-threaded state machine. It judges and applies records, keeps the partition's engine
// time τ, closes epochs and writes what changed into a batch. It does not commit: its instance does, for all tasks.
//
//                                   offer(), set_at_end(), set_wall(), raise_tau()
//                                             ┌───────┐
//   load() ──────────────────────────────▶ ┌──▼───────┴──┐   begin_close()    ┌─────────────┐ ───┐ settle_some():
//      │ model of another version          │    OPEN     │ ─────────────────▶ │   CLOSING   │    │ keys are left
//      ▼                                   │ (an epoch)  │ ◀───────────────── │             │ ◀──┘
//   ┌──────────────┐  resettle_some():     └─────▲───────┘  settle_some():    └─────────────┘
//   │  RESETTLING  │ ────────────────────────────┘          no key is left: the next epoch
//   └──────────────┘  no key is left
//
// OPEN: an epoch collects the keys that took an event. With fixed epochs the task closes by itself after exactly N of its
// records were read, dead letters included. CLOSING settles these keys and every key whose timer is due, in ascending
// order of keys, in slices. RESETTLING settles every key of the partition, because the rules are others.
//
// write() may come in any state and changes none: what is not settled yet is written as a list. So a crash loses only
// what the last commit has not: a task loaded again stands in OPEN with that list, and closes at the same record, with the
// same outputs, as it would have without the crash. (In CLOSING, due timers need no list: they stay until settled.)
//
// Admission of a valid event (TRUST_MODEL: time; validation): wrong partition (for its key), erased,
// future, late by τ before this event; then it raises τ, and the model says whether it is applied, a duplicate or refused. The last event of an input is judged late as if the
// input were open, and applied under the τ of an ended input.
//
// Owned by its instance; run by one worker, or by the driver while that worker is idle. Reads the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/cache.h"
#include "engine/task/dead_letter.h"
#include "engine/task/meta.h"
#include "engine/task/model.h"
#include "engine/task/record.h"
#include "engine/task/sink.h"
#include "engine/task/statistics.h"
#include "engine/task/store.h"
#include "engine/task/tally.h"
#include "engine/task/timers.h"

namespace troth::task {

/// What is the same for all tasks of an instance, and outlives them.
struct TaskContext {
  const KeyedModel& model;
  const Store& store;
  const std::vector<std::string>& inputs;
  std::optional<std::int64_t> epoch_events;  // fixed epochs
  std::optional<TimeUs> horizon;             // of a replay
  bool follow_wall_clock = false;
  bool has_positions = false;                // keeps the next offset of each input and drops what lies below it
  std::int32_t partitions = 0;               // over which keys are spread
  bool refuses_wrong_partition = false;      // events whose key belongs to another partition
  std::string writer;                        // of commits from now on; empty where nobody asks
};

/// An output, and what it goes by among the outputs of all tasks of one commit.
struct TaskOutput {
  static constexpr std::uint64_t kBeforeRecords = 0;             // settling under another model's version did
  static constexpr std::uint64_t kAtCommit = ~std::uint64_t{0};  // the commit itself did
  std::uint64_t order = kAtCommit;  // number of the record that brought it about (from 1 on), or one of these
  Outgoing record;
};

class Task {
 public:
  /// From the store, or new. Live, and where positions are kept, every input is taken for not at its end.
  [[nodiscard]] static base::Result<std::unique_ptr<Task>> load(const TaskContext& context, std::int32_t partition,
                                                                std::size_t cache_bytes);

  // OPEN ------------------------------------------------------------------------------------------------------------
  /// `number` ascends with the reading order of the instance: outputs that this record brings about go by it.
  [[nodiscard]] base::Status offer(Decoded&& decoded, bool last_of_input, std::uint64_t number);
  // An event that is offered soon: its key is brought near, in steps with other work in between.
  [[nodiscard]] std::uint64_t prefetch(const Event& event) {
    context_.model.read_key(event, key_);
    return cache_.prefetch(key_);
  }
  void prefetch_entry(std::uint64_t key) const { (void)cache_.prefetch_entry(key); }
  void prefetch_state(std::uint64_t key) const {
    if (const KeyCache::Entry* entry = cache_.prefetch_entry(key)) entry->prefetch_state();
  }
  void prefetch_state(std::uint64_t key, unsigned step) const {
    if (const KeyCache::Entry* entry = cache_.prefetch_entry(key)) entry->prefetch_state(step);
  }
  void set_at_end(std::size_t input, bool at_end);
  /// Live: an input whose source has fallen silent holds τ at what it told last, though it is at its end: what it does not
  /// tell may have happened all the same. Not stored.
  void set_silent(std::size_t input, bool is_silent);
  /// Live: the wall clock, never back. It is the horizon, and τ once all inputs are at their end. That alone is nothing
  /// to be written: an idle task stays unchanged.
  void set_wall(TimeUs now);
  /// For good; never lowers it.
  void raise_tau(TimeUs t);
  [[nodiscard]] base::Result<bool> is_any_timer_due() { return timers_.is_any_due(tau_); }
  /// Keys that want to be settled by the wall clock, and are held because τ is.
  [[nodiscard]] base::Result<std::size_t> held_keys() const;

  /// OPEN → CLOSING.
  [[nodiscard]] base::Status begin_close();
  [[nodiscard]] bool is_closing() const { return phase_ == Phase::kClosing; }
  /// Settles at most `keys_max` keys. False: none is left, the task is OPEN again. `writes_next`: nothing is offered before
  /// the next write(), so what is settled may be encoded at once.
  [[nodiscard]] base::Result<bool> settle_some(std::size_t keys_max, bool writes_next = false);

  // RESETTLING ------------------------------------------------------------------------------------------------------
  [[nodiscard]] bool is_resettling() const { return phase_ == Phase::kResettling; }
  /// Settles the next `keys_max` keys. False: none is left, the task is OPEN.
  [[nodiscard]] base::Result<bool> resettle_some(std::size_t keys_max);

  // any state -------------------------------------------------------------------------------------------------------
  /// Puts what changed since the last write into the batch, and the outputs behind those in `out`.
  [[nodiscard]] base::Status write(Batch& batch, std::vector<TaskOutput>& out);
  /// Which commit the last write() was, or that of the store.
  [[nodiscard]] const CommitId& commit_id() const { return commit_; }
  /// The other side has taken the last write(); its changelog shows that at this offset (−1: there is none).
  void delivered(std::int64_t changelog_position) { changelog_position_ = changelog_position; }
  /// Whether write() would put anything.
  [[nodiscard]] bool has_changed() const { return has_changed_; }
  /// Bytes of states and outputs that wait for the commit.
  [[nodiscard]] std::size_t uncommitted_bytes() const { return cache_.dirty_bytes() + out_bytes_; }
  [[nodiscard]] std::size_t output_bytes() const { return out_bytes_; }

  [[nodiscard]] std::int32_t partition() const { return partition_; }
  [[nodiscard]] TimeUs tau() const { return tau_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  /// Every input is at its end.
  [[nodiscard]] bool is_caught_up() const;
  [[nodiscard]] bool is_at_end(std::size_t input) const { return inputs_[input].at_end; }
  [[nodiscard]] std::int64_t next_offset(std::size_t input) const { return inputs_[input].next_offset; }
  [[nodiscard]] const KeyCache& cache() const { return cache_; }
  [[nodiscard]] std::uint64_t keys_settled() const { return keys_settled_; }
  [[nodiscard]] PartitionStatistics statistics() const;
  /// Time spent in settling within offer(), that is of fixed epochs, since the last call.
  [[nodiscard]] std::uint64_t take_settle_ns() { return std::exchange(settle_ns_, 0); }

  [[nodiscard]] base::Status for_each_key(
      const std::function<base::Status(std::string_view key, KeyState& state)>& each) {
    return cache_.for_each(each);
  }
  /// Null: never heard of, or erased.
  [[nodiscard]] base::Result<KeyState*> find(std::string_view key);
  void set_cache_bytes(std::size_t bytes) { cache_.set_budget(bytes); }

 private:
  enum class Phase : std::uint8_t { kResettling, kOpen, kClosing };

  Task(const TaskContext& context, std::int32_t partition, std::size_t cache_bytes, TaskMeta meta);

  [[nodiscard]] base::Status judge(Event&& event, const Record& record, bool last_of_input);
  [[nodiscard]] bool is_in_wrong_partition(const Event& event) const;
  [[nodiscard]] std::optional<Reason> refusal_by_time(TimeUs time) const;
  void apply(KeyCache::Entry& entry, Event&& event, const Record& record);
  void refuse(const event::Rejection& rejection, const EventName& name, const Record& record);
  void erase(KeyCache::Entry& entry);
  void follow_inputs();
  /// A key that has to be settled: an entry that is dirty, so that it stays in memory, or else its name.
  struct ToSettle {
    KeyCache::Entry* entry = nullptr;
    std::string name;
    [[nodiscard]] std::string_view key() const { return entry != nullptr ? entry->key() : std::string_view(name); }
  };
  [[nodiscard]] std::vector<std::string> unsettled_keys() const;
  void unpin();
  void note_unsettled(KeyCache::Entry& entry);
  void forget_unsettled(KeyCache::Entry& entry);
  /// The entry of a key that has a state, as every key that has to be settled must.
  [[nodiscard]] base::Result<KeyCache::Entry*> entry_to_settle(std::string_view key);
  void prefetch_closing() const;
  void settle(KeyCache::Entry& entry);
  void set_timer(KeyCache::Entry& entry, TimeUs next);
  void take_effects();
  void put_out(Outgoing record);
  [[nodiscard]] base::Status close();
  [[nodiscard]] std::string encoded_meta() const;
  void number_commit();

  const TaskContext& context_;
  const std::int32_t partition_;
  const std::uint8_t dead_letters_;  // their stream
  const TimeUs lateness_us_;
  const TimeUs skew_us_;

  Phase phase_ = Phase::kOpen;
  TimeUs tau_ = 0;
  TimeUs wall_ = 0;
  std::vector<InputMeta> inputs_;
  std::vector<bool> is_silent_;  // by input
  Tally tally_;
  const std::vector<std::string> counter_names_;  // in the order of the tally's counters
  std::uint64_t epoch_ = 0;
  std::int64_t epoch_records_ = 0;
  CommitId commit_, previous_;
  std::int64_t changelog_position_ = -1;  // where the changelog shows the last commit that was delivered
  std::string resettled_to_;

  KeyCache cache_;
  Timers timers_;
  // What took an event and is not settled: since the last write() as entries, each of them dirty; from before it as keys.
  std::vector<KeyCache::Entry*> unsettled_entries_;  // those of them that are settled or erased meanwhile say so
  std::set<std::string, std::less<>> unsettled_;
  std::vector<ToSettle> closing_;  // what CLOSING has to settle, greatest first: taken from the back
  std::vector<TaskOutput> out_;
  std::size_t out_bytes_ = 0;

  bool has_changed_ = false;
  std::uint64_t order_ = TaskOutput::kAtCommit;  // of what the call at hand brings about
  std::uint64_t greatest_number_ = 0;            // of a record taken: merging may have changed the reading order
  Effects effects_;                              // of the call at hand
  std::string key_;                              // of the event at hand
  std::string source_, id_;  // of the event at hand, in case that it is refused after it was handed over
  std::uint64_t keys_settled_ = 0;
  std::uint64_t settle_ns_ = 0;
};

}  // namespace troth::task
