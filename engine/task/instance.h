// Instance: all tasks of one process over one store, with one way out. It spreads records over its tasks, runs the tasks on
// worker threads, and makes their progress durable together: one batch, one sync, for state, timers, positions, tallies
// and outputs (promises P3 and P4).
//
// The way out is a Sink, made durable before the commit and cut back at start (files); or Transactions, which take after
// the commit what the commit's outbox holds (Kafka), and with which each partition is made to agree when it is assigned.
//
// Life: open() → offer()/news()/advance_wall() …, commit() whenever wants_commit() says so, when idle, and at least every
// few seconds → at the end of a replay commit(position), then advance_to(t) → destroyed. Destroying it without a commit is
// what a crash does: nothing is lost but the work since the last commit.
//
// Crash-only: after the first error (store, sink, damage) every call answers that error. Close the store, open anew.
//
// Called by one thread, the driver's. With several workers offer() hands records to bounded queues, and an error of a
// worker is answered by a later call; every other call waits first until all that was offered is done (a barrier).
// Reads no clock: the driver tells the wall clock by advance_wall().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/task/meta.h"
#include "engine/task/model.h"
#include "engine/task/record.h"
#include "engine/task/recovery.h"
#include "engine/task/sink.h"
#include "engine/task/source.h"
#include "engine/task/statistics.h"
#include "engine/task/store.h"
#include "engine/task/tally.h"
#include "engine/task/transactions.h"

namespace troth::task {

class Crew;
class Feed;
struct TaskContext;

struct InstanceOptions {
  std::int32_t partitions = 16;
  int workers = 1;  // 1: everything runs on the caller's thread; N > 1: N threads, tasks spread by partition % N
  std::optional<std::int64_t> epoch_events;  // fixed epochs (tests); nothing: adaptive. Not with follow_wall_clock
  std::optional<TimeUs> horizon;             // future guard; nothing: none. Ignored when live
  bool follow_wall_clock = false;            // live: τ follows the wall once caught up; the horizon is the wall clock
  std::vector<std::string> inputs;           // names of inputs, by index
  bool partitions_by_key = true;             // files: murmur2 of the subject; false (Kafka): Record::origin.partition
  bool refuses_wrong_partition = false;      // Kafka: events whose key belongs to another partition are dead letters
  std::string writer;                        // with Transactions: a new name at each opening (meta.h, CommitId)
  RecoveryOptions recovery;                  // with Transactions
  std::size_t cache_bytes = std::size_t{256} << 20U;      // decoded states kept although they are committed
  std::size_t dirty_bytes_max = std::size_t{256} << 20U;  // uncommitted states and outputs; half of it asks for a commit
  TimeUs commit_us = 100'000;  // live: between two commits; what comes after a longer rest is committed at once
  TimeUs catch_up_commit_us = event::kSecond;  // live: between two commits while it catches up, when nobody waits
  std::size_t keys_per_slice = 1'024;  // that a task settles between two looks at the memory in use
};

/// An input of a partition that is so far ahead of the others that the source must pause it.
struct InputAhead {
  std::int32_t partition = 0;
  std::uint16_t input = 0;
  friend bool operator==(const InputAhead&, const InputAhead&) = default;
};

class Instance {
 public:
  /// Opens or creates. Brings the sink to the committed mark. Refuses a store of another format, foundation, number of
  /// partitions or inputs. With partitions_by_key all tasks are loaded; else none
  /// is until assign(). Options' horizon is used only at creation; the stored one wins. Does not change the store of a
  /// model of another version yet (so that a query may look at it): its keys are settled again before the next record.
  [[nodiscard]] static base::Result<std::unique_ptr<Instance>> open(const KeyedModel& model, Store& store, Sink& sink,
                                                                    InstanceOptions options);
  /// The same with Transactions in the sink's place; not with partitions_by_key, nor for a state that has written files.
  [[nodiscard]] static base::Result<std::unique_ptr<Instance>> open(const KeyedModel& model, Store& store,
                                                                    Transactions& transactions,
                                                                    InstanceOptions options);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// The blob given at the last commit; empty: from the start.
  [[nodiscard]] std::string source_position() const { return meta_.source_position; }
  /// The horizon in force; live: the wall clock last told.
  [[nodiscard]] std::optional<TimeUs> horizon() const;

  /// Records in reading order. `last_of_input`: the input is at its end once this record is taken (files); no news of it
  /// is needed then. A record of an ended file means that the file has grown: the input is open again. A record of a
  /// partition that is not ours, or below its next offset, is dropped (Kafka). Live: tell the wall clock first.
  [[nodiscard]] base::Status offer(Decoded decoded, bool last_of_input = false);
  /// Of ends, for one partition or all (−1), in order with the records; of assignments as assign() and revoke() do.
  [[nodiscard]] base::Status news(const InputNews& news);

  /// Whether it is time for commit(): by uncommitted bytes or events; live also by time, or because timers are due.
  /// The driver of a replay also commits every few seconds, a live one as soon as it is idle and has_uncommitted().
  [[nodiscard]] bool wants_commit() const;
  /// Whether a commit now would make anything durable that is not so yet.
  [[nodiscard]] bool has_uncommitted() const;
  /// Makes everything offered durable, with the source's position after it. Adaptive epochs are all closed first, in
  /// slices with a commit of their own where memory asks for it; fixed epochs stay open.
  [[nodiscard]] base::Status commit(std::string source_position);

  /// End of a replay: raises τ of all tasks to `t` (never lowers it), closes all epochs, commits. Everything offered must
  /// have been committed: there is no position here for what came after.
  [[nodiscard]] base::Status advance_to(TimeUs t);
  /// Live: tells the wall clock. τ of caught-up tasks follows it; if that makes timers due, wants_commit() is true and
  /// the next commit settles them. Call it before the first offer, then at least every 100 ms.
  [[nodiscard]] base::Status advance_wall(TimeUs now);

  /// Live: a source that has fallen silent altogether holds τ of all tasks, and with it what only time would say; what is
  /// told by the other inputs goes on. Until told otherwise, for partitions assigned later, too.
  [[nodiscard]] base::Status set_silent(std::uint16_t input, bool is_silent);
  /// Keys that are held by it.
  [[nodiscard]] base::Result<std::size_t> held_keys() const;

  [[nodiscard]] TimeUs greatest_tau() const;
  [[nodiscard]] TimeUs least_tau() const;
  [[nodiscard]] Tally tally() const;
  [[nodiscard]] Statistics statistics() const;

  /// Every live key with its state as of now, in key order within a partition, partitions ascending. Read-only, and no
  /// other call of the instance from within.
  [[nodiscard]] base::Status for_each_key(
      const std::function<base::Status(std::int32_t partition, std::string_view key, KeyState& state)>& each);
  /// Null: never heard of, or erased. Read-only; valid until the next call of the instance.
  [[nodiscard]] base::Result<KeyState*> find(std::string_view key, std::string_view subject);

  /// Kafka: makes store and Transactions agree on a partition (recovery.h) and loads its task; answers the next offset to
  /// read of each input (−1: none yet, read from the start). All its inputs are taken for behind until news says otherwise. Again for a task that is loaded: the same answer.
  [[nodiscard]] base::Result<std::vector<std::int64_t>> assign(std::int32_t partition);
  /// What assign() last had to do for each partition that it was called for.
  [[nodiscard]] const std::map<std::int32_t, Recovered>& recoveries() const { return recoveries_; }
  /// Kafka: closes the epoch of the partition, commits it and forgets it; lost: forgets at once and writes nothing. Of
  /// several that go together, commit() before the first spares a commit for each.
  [[nodiscard]] base::Status revoke(std::int32_t partition, bool lost);
  /// Kafka: inputs to be paused now; all others may run. A pause ends at half the bound, so it does not flutter.
  [[nodiscard]] std::vector<InputAhead> inputs_ahead() const;

 private:
  struct Order;  // a record or an end, for one feed
  using Feeds = std::vector<Feed*>;

  Instance(const KeyedModel& model, Store& store, Sink* sink, Transactions* transactions, InstanceOptions options,
           InstanceMeta meta);

  [[nodiscard]] static base::Result<std::unique_ptr<Instance>> open(const KeyedModel& model, Store& store, Sink* sink,
                                                                    Transactions* transactions,
                                                                    InstanceOptions options);
  [[nodiscard]] base::Status start(bool is_new);
  [[nodiscard]] base::Status load(std::int32_t partition);
  void share_cache();
  [[nodiscard]] Feed* feed_of(std::int32_t partition) const;
  [[nodiscard]] Feeds all_feeds() const;
  [[nodiscard]] std::size_t worker_of(const Feed& feed) const;

  // Towards the workers. Const, since a reader of state waits for them, too: what was offered counts as done.
  [[nodiscard]] Order& new_order(Feed& feed) const;
  void give_full(const Feed& feed) const;
  void give_end(std::int32_t partition, std::uint16_t input, bool at_end) const;
  void post_orders(std::size_t worker) const;
  [[nodiscard]] base::Status carry_out(std::vector<Order>& orders) const;
  [[nodiscard]] static base::Status carry_out(Order& order);
  void settle_down() const;
  [[nodiscard]] base::Status barrier() const;
  [[nodiscard]] base::Status run_on(const Feeds& feeds, const std::function<base::Status(Feed&)>& job) const;
  void publish_bytes(Feed& feed) const;

  [[nodiscard]] base::Status resettle();
  [[nodiscard]] base::Status close_epochs(const Feeds& feeds, const std::string& source_position);
  [[nodiscard]] base::Status settle_in_slices(const Feeds& feeds, const std::string& source_position);
  [[nodiscard]] base::Status store_commit(const Feeds& feeds, const std::string& source_position);
  struct Part;  // what a task gives to a commit
  void write_outbox(Part& part, Batch& batch) const;
  [[nodiscard]] base::Status deliver(std::vector<Part>& parts, const Batch& batch);
  [[nodiscard]] base::Status failed(base::Error error);

  const KeyedModel& model_;
  Store& store_;
  Sink* const sink_;                  // one of the two
  Transactions* const transactions_;
  const InstanceOptions options_;
  InstanceMeta meta_;  // as committed
  std::unique_ptr<TaskContext> context_;

  std::map<std::int32_t, std::unique_ptr<Feed>> feeds_;  // by partition
  std::map<std::int32_t, Recovered> recoveries_;
  std::vector<bool> ended_;                              // files: inputs at their end
  std::vector<bool> is_silent_;                          // live: sources that have fallen silent, by input
  bool is_resettling_ = false;                           // some task may have to settle all its keys first

  TimeUs wall_ = -1;  // as last told; −1: not yet
  TimeUs last_commit_wall_ = 0;
  bool is_caught_up_ = false;  // live: every task was when the wall clock was told
  bool is_timer_due_ = false;  // live: of a task that is caught up
  bool has_news_ = false;
  std::uint64_t events_since_commit_ = 0;
  std::uint64_t next_number_ = 1;  // of records offered

  mutable std::vector<std::vector<Order>> orders_;  // by worker, gathered until they are worth a job
  mutable std::atomic<std::int64_t> uncommitted_bytes_{0};
  mutable std::atomic<std::uint64_t> apply_ns_{0};
  mutable std::atomic<std::uint64_t> settle_ns_{0};
  Statistics statistics_;       // what is known at commits
  PhaseTimes since_commit_;     // encode, store, sink
  std::unique_ptr<Crew> crew_;  // last: its threads end before what they use
};

}  // namespace troth::task
