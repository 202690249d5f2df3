// Exactly once with Transactions: whatever fails or moves, each commit is taken once, and a partition goes on with the state
// that belongs to what was taken: one test for each row of the table in recovery.h, then all of it at random.
#include "engine/base/limits.h"
#include "tests/unit/engine/task/fake_transactions.h"
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

/// A machine with a store of its own, over one other side.
struct Machine {
  Machine(FakeTransactions& shared, std::string machine_name) : other_side(&shared), name(std::move(machine_name)) {}

  /// Starts, or starts again without a commit, as after a crash.
  Instance& start() {
    instance.reset();
    InstanceOptions options = topics({"orders"}, 2);
    options.writer = name + std::to_string(++starts);
    options.recovery.batch_bytes = batch_bytes;
    instance = value(Instance::open(model, store, *other_side, options));
    return *instance;
  }
  /// Starts and takes partition 0; answers how.
  Recovery take_over() {
    (void)start();
    (void)value(instance->assign(0));
    ok(instance->news({InputNews::Kind::kAtEnd, 0, 0}));
    return instance->recoveries().at(0).how;
  }
  base::Status work(std::int64_t offset, const std::string& subject = "a") {
    Decoded decoded = added(model, subject, kStart + offset, numbered("e", static_cast<std::size_t>(offset)));
    decoded.record.origin = {0, 0, offset};
    decoded.event->origin = decoded.record.origin;
    if (auto offered = instance->offer(std::move(decoded)); !offered) return offered;
    return instance->commit("");
  }
  std::vector<std::int64_t> next() { return value(instance->assign(0)); }

  CounterModel model;
  MemoryStore store;
  FakeTransactions* other_side;
  std::string name;
  std::size_t batch_bytes = 1U << 20U;
  int starts = 0;
  std::unique_ptr<Instance> instance;
};

struct Recoveries : ::testing::Test {
  FakeTransactions other_side;
  Machine left{other_side, "left"};
  Machine right{other_side, "right"};

  [[nodiscard]] std::map<std::string, std::string> last_scores() const {
    std::map<std::string, std::string> last;
    for (const Outgoing& each : other_side.records) {
      if (each.stream == 0 && each.value) last[*each.key] = *each.value;
    }
    return last;
  }
};

TEST_F(Recoveries, a_partition_that_nobody_has_heard_of_begins_at_the_beginning) {
  EXPECT_EQ(left.take_over(), Recovery::kNew);
  EXPECT_EQ(left.next(), std::vector<std::int64_t>{-1});
}

TEST_F(Recoveries, what_was_taken_is_gone_on_with_and_not_sent_again) {
  EXPECT_EQ(left.take_over(), Recovery::kNew);
  ok(left.work(0));
  EXPECT_EQ(other_side.offsets.at(0), std::vector<std::int64_t>{1});
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);
  EXPECT_EQ(left.next(), std::vector<std::int64_t>{1});
  EXPECT_EQ(other_side.deliveries, 1);
}

TEST_F(Recoveries, a_commit_that_was_not_taken_is_sent_again_the_same) {
  (void)left.take_over();
  ok(left.work(0));
  other_side.fails_in = 1;
  EXPECT_FALSE(left.work(1, "b").ok());
  EXPECT_EQ(other_side.deliveries, 1);
  EXPECT_EQ(left.take_over(), Recovery::kSendAgain);
  EXPECT_EQ(other_side.deliveries, 2);
  EXPECT_EQ(left.next(), std::vector<std::int64_t>{2});
  EXPECT_EQ(other_side.offsets.at(0), std::vector<std::int64_t>{2});
  EXPECT_EQ(other_side.records.size(), 2U);
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);  // once
  ok(left.work(2));
  EXPECT_EQ(other_side.records.size(), 3U);
}

TEST_F(Recoveries, the_first_commit_of_all_is_sent_again_too) {
  (void)left.take_over();
  other_side.fails_in = 1;
  EXPECT_FALSE(left.work(0).ok());
  EXPECT_EQ(left.take_over(), Recovery::kSendAgain);
  EXPECT_EQ(other_side.records.size(), 1U);
}

TEST_F(Recoveries, a_commit_that_was_taken_unheard_is_not_sent_again) {
  (void)left.take_over();
  other_side.fails_in = 1;
  other_side.fails_after = true;
  EXPECT_FALSE(left.work(0).ok());
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);
  EXPECT_EQ(other_side.records.size(), 1U);
}

TEST_F(Recoveries, a_machine_without_a_store_rebuilds_the_partition_from_the_changelog) {
  (void)left.take_over();
  for (int i = 0; i < 5; ++i) ok(left.work(i, numbered("k", static_cast<std::size_t>(i % 3))));
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  EXPECT_EQ(right.next(), std::vector<std::int64_t>{5});
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
  ok(right.work(5));
  EXPECT_EQ(right.take_over(), Recovery::kGoOn);
}

TEST_F(Recoveries, a_rebuilt_partition_is_the_same_from_a_compacted_changelog) {
  (void)left.take_over();
  for (int i = 0; i < 9; ++i) ok(left.work(i, numbered("k", static_cast<std::size_t>(i % 2))));
  other_side.compact(0);
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
}

TEST_F(Recoveries, who_comes_back_after_another_has_worked_catches_up) {
  (void)left.take_over();
  for (int i = 0; i < 4; ++i) ok(left.work(i, "a"));
  (void)right.take_over();
  ok(right.work(4, "b"));
  ok(right.work(5, "a"));
  other_side.rows_read = 0;
  EXPECT_EQ(left.take_over(), Recovery::kCatchUp);
  EXPECT_LT(other_side.rows_read, other_side.changelog.at(0).size());  // not from the beginning
  EXPECT_EQ(left.next(), std::vector<std::int64_t>{6});
  EXPECT_EQ(counts(*left.instance), (std::map<std::string, std::size_t>{{"a", 5}, {"b", 1}}));
  ok(left.work(6));
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);
}

TEST_F(Recoveries, a_commit_that_another_has_worked_past_is_undone_by_a_rebuild) {
  (void)left.take_over();
  ok(left.work(0));
  other_side.fails_in = 1;
  EXPECT_FALSE(left.work(1, "only left has seen this commit").ok());
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  ok(right.work(1, "b"));  // the same number of a commit, by another writer
  ok(right.work(2, "b"));
  EXPECT_EQ(left.take_over(), Recovery::kRebuild);
  EXPECT_EQ(counts(*left.instance), (std::map<std::string, std::size_t>{{"a", 1}, {"b", 2}}));
}

TEST_F(Recoveries, an_old_copy_of_a_store_catches_up_with_its_own_line) {
  (void)left.take_over();
  ok(left.work(0));
  Batch copy;
  for (const auto& [key, bytes] : left.store.contents()) copy.put(key, bytes);
  ok(left.work(1));
  ok(left.work(2, "b"));
  ok(right.store.commit(copy));
  EXPECT_EQ(right.take_over(), Recovery::kCatchUp);
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
}

TEST_F(Recoveries, a_copy_whose_end_mark_was_compacted_away_is_rebuilt) {
  (void)left.take_over();
  ok(left.work(0));
  Batch copy;
  for (const auto& [key, bytes] : left.store.contents()) copy.put(key, bytes);
  ok(left.work(1));
  ok(left.work(2, "b"));
  other_side.compact(0);
  ok(right.store.commit(copy));
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
}

TEST_F(Recoveries, where_the_group_has_forgotten_the_changelog_tells) {
  (void)left.take_over();
  ok(left.work(0));
  ok(left.work(1));
  other_side.taken.clear();
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
}

TEST_F(Recoveries, a_state_whose_group_and_changelog_are_both_gone_is_not_guessed_at) {
  (void)left.take_over();
  ok(left.work(0));
  ok(left.work(1));
  other_side.taken.clear();
  other_side.changelog.clear();
  (void)left.start();
  const auto assigned = left.instance->assign(0);
  ASSERT_FALSE(assigned.ok());
  EXPECT_NE(assigned.error().message.find("renamed"), std::string::npos) << assigned.error().message;
}

TEST_F(Recoveries, a_changelog_that_was_cut_is_said_and_nothing_is_invented) {
  (void)left.take_over();
  ok(left.work(0));
  other_side.changelog.clear();
  (void)right.start();
  const auto assigned = right.instance->assign(0);
  ASSERT_FALSE(assigned.ok());
  EXPECT_NE(assigned.error().message.find("cut or made anew"), std::string::npos) << assigned.error().message;
}

TEST_F(Recoveries, without_a_changelog_another_ones_work_is_refused_with_the_remedy) {
  other_side.keeps_changelog = false;
  (void)left.take_over();
  ok(left.work(0));
  EXPECT_EQ(left.take_over(), Recovery::kGoOn);
  (void)right.start();
  const auto assigned = right.instance->assign(0);
  ASSERT_FALSE(assigned.ok());
  EXPECT_NE(assigned.error().message.find("kafka.changelog"), std::string::npos) << assigned.error().message;
}

TEST_F(Recoveries, a_rebuild_that_breaks_off_begins_anew) {
  (void)left.take_over();
  for (int i = 0; i < 20; ++i) ok(left.work(i, numbered("k", static_cast<std::size_t>(i))));
  right.batch_bytes = 1;  // every row is written by itself
  for (std::uint64_t commit = 1; commit < 12; ++commit) {
    (void)right.start();
    right.store.fail_commit(commit);
    EXPECT_FALSE(right.instance->assign(0).ok());
  }
  EXPECT_EQ(right.take_over(), Recovery::kRebuild);
  EXPECT_EQ(counts(*right.instance), counts(*left.instance));
}

TEST_F(Recoveries, a_catching_up_that_breaks_off_is_done_again) {
  (void)left.take_over();
  ok(left.work(0));
  (void)right.take_over();
  for (int i = 1; i < 20; ++i) ok(right.work(i, numbered("k", static_cast<std::size_t>(i))));
  left.batch_bytes = 1;
  (void)left.start();
  left.store.fail_commit(4);
  EXPECT_FALSE(left.instance->assign(0).ok());
  EXPECT_EQ(left.take_over(), Recovery::kCatchUp);
  EXPECT_EQ(counts(*left.instance), counts(*right.instance));
}

TEST_F(Recoveries, an_erased_key_stays_erased_for_who_takes_over) {
  (void)left.take_over();
  ok(left.work(0));
  Decoded decoded = erased(left.model, "a", kStart + 1, "gone");
  decoded.record.origin = {0, 0, 1};
  ok(left.instance->offer(std::move(decoded)));
  ok(left.instance->commit(""));
  (void)right.take_over();
  ok(right.work(2, "a"));
  EXPECT_EQ(right.instance->tally().refused[static_cast<std::size_t>(Reason::kErased)], 1U);
}

TEST_F(Recoveries, of_a_partition_not_restored_yet_nothing_is_answered) {
  (void)left.take_over();
  ok(left.work(0));
  (void)right.start();
  other_side.fails_read = true;
  EXPECT_FALSE(right.instance->assign(0).ok());
  EXPECT_FALSE(right.instance->commit("").ok());  // crash-only
}

TEST_F(Recoveries, progress_is_told_and_may_stop_it) {
  (void)left.take_over();
  const int kKeys = 12'000;
  for (int i = 0; i < kKeys; ++i) {
    Decoded decoded = added(left.model, numbered("k", static_cast<std::size_t>(i)), kStart + i, numbered("e", static_cast<std::size_t>(i)));
    decoded.record.origin = {0, 0, i};
    decoded.event->origin = decoded.record.origin;
    ok(left.instance->offer(std::move(decoded)));
  }
  ok(left.instance->commit(""));
  InstanceOptions options = topics({"orders"}, 2);
  options.writer = "w";
  options.recovery.on_progress = [](const RecoveryProgress& progress) -> base::Status {
    EXPECT_EQ(progress.partition, 0);
    EXPECT_EQ(progress.rows, 10'000U);
    EXPECT_GT(progress.end, progress.position);
    return base::Error{"enough"};
  };
  MemoryStore store;
  const auto instance = value(Instance::open(left.model, store, other_side, options));
  const auto assigned = instance->assign(0);
  ASSERT_FALSE(assigned.ok());
  EXPECT_EQ(assigned.error().message, "enough");
}

// ------------------------------------------------------------------------------------------------------------- outbox

TEST_F(Recoveries, nothing_leaves_before_the_commit_is_durable) {
  (void)left.take_over();
  left.store.fail_commit(1);
  EXPECT_FALSE(left.work(0).ok());
  EXPECT_EQ(other_side.deliveries, 0);
}

TEST_F(Recoveries, the_outbox_holds_the_last_commit_only_in_chunks_of_bounded_size) {
  (void)left.take_over();
  const auto chunks = [&] {
    std::size_t count = 0;
    for (const auto& [key, bytes] : left.store.contents()) {
      if (key.front() != 'O') continue;
      ++count;
      EXPECT_LE(bytes.size(), base::limits::kOutboxChunkBytes);
    }
    return count;
  };
  const std::string padding(1'000, 'k');
  for (int i = 0; i < 2'000; ++i) {
    Decoded decoded = added(left.model, padding + std::to_string(1'000 + i), kStart + i, numbered("e", static_cast<std::size_t>(i)));
    decoded.record.origin = {0, 0, i};
    decoded.event->origin = decoded.record.origin;
    ok(left.instance->offer(std::move(decoded)));
  }
  other_side.fails_in = 1;
  EXPECT_FALSE(left.instance->commit("").ok());
  EXPECT_GE(chunks(), 8U);
  EXPECT_EQ(left.take_over(), Recovery::kSendAgain);
  ASSERT_EQ(other_side.records.size(), 2'000U);
  for (std::size_t i = 0; i < 2'000; ++i) EXPECT_EQ(other_side.records[i].key, padding + std::to_string(1'000 + i));
  ok(left.work(2'000));
  EXPECT_EQ(chunks(), 1U);
  EXPECT_FALSE(left.instance->has_uncommitted());
}

TEST_F(Recoveries, null_keys_and_null_values_are_sent_again_as_such) {
  (void)left.take_over();
  Decoded gone = erased(left.model, "a", kStart, "1");
  gone.record.origin = {0, 0, 0};
  ok(left.instance->offer(std::move(gone)));
  Decoded bad = malformed("?");
  bad.record.origin = {0, 0, 1};
  ok(left.instance->offer(std::move(bad)));
  other_side.fails_in = 1;
  EXPECT_FALSE(left.instance->commit("").ok());
  EXPECT_EQ(left.take_over(), Recovery::kSendAgain);
  ASSERT_EQ(other_side.records.size(), 2U);
  EXPECT_EQ(other_side.records[0].value, std::nullopt);
  EXPECT_EQ(other_side.records[1].key, std::nullopt);
  EXPECT_EQ(other_side.records[1].stream, 2);
}

TEST_F(Recoveries, a_damaged_outbox_is_not_guessed_at) {
  (void)left.take_over();
  other_side.fails_in = 1;
  EXPECT_FALSE(left.work(0).ok());
  Batch batch;
  batch.put(keys::outbox_chunk(0, 0), "\x01\x07");
  ok(left.store.commit(batch));
  (void)left.start();
  EXPECT_FALSE(left.instance->assign(0).ok());
}

TEST_F(Recoveries, a_state_that_has_written_files_does_not_go_on_with_transactions) {
  FakeSink sink;
  {
    auto instance = opened(left.model, left.store, sink, topics({"orders"}, 2));
    (void)value(instance->assign(0));
    ok(instance->news({InputNews::Kind::kAtEnd, 0, 0}));
    ok(instance->offer(added(left.model, "a", kStart, "1")));
    ok(instance->commit(""));
  }
  InstanceOptions options = topics({"orders"}, 2);
  options.writer = "w";
  EXPECT_FALSE(Instance::open(left.model, left.store, other_side, options).ok());
}

// ---------------------------------------------------------------------------------------------------------- at random

/// Two machines take turns on one partition and fail at random; each record is counted once, and no commit is taken twice.
TEST_F(Recoveries, whoever_works_and_whatever_fails_every_record_counts_once) {
  std::map<Recovery, int> seen;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    std::mt19937_64 random(seed);
    const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
    FakeTransactions shared;
    Machine machines[] = {{shared, "left"}, {shared, "right"}};
    std::size_t at = 0;
    std::map<std::string, std::size_t> expected;
    const std::int64_t kRecords = 60;
    std::int64_t next = 0;
    int steps = 0;
    for (; next < kRecords && steps < 2'000; ++steps) {
      if (steps == 0 || one_in(6)) at = random() % 2;
      Machine& machine = machines[at];
      machine.batch_bytes = one_in(2) ? 64 : 1U << 20U;
      if (one_in(8)) shared.compact(0);
      (void)machine.start();
      if (one_in(25)) {
        machine.store.fail_commit(1 + random() % 3, one_in(2) ? MemoryStore::Failure::kOutcomeUnknown
                                                              : MemoryStore::Failure::kNothingWritten);
      }
      const auto positions = machine.instance->assign(0);
      if (!positions) continue;  // a failing commit within a rebuild
      ++seen[machine.instance->recoveries().at(0).how];
      ok(machine.instance->news({InputNews::Kind::kAtEnd, 0, 0}));
      next = std::max<std::int64_t>((*positions)[0], 0);
      for (int i = 0; i < 4 && next < kRecords; ++i) {
        if (one_in(5)) {
          shared.fails_in = 1;
          shared.fails_after = one_in(2);
        }
        if (!machine.work(next, numbered("k", static_cast<std::size_t>(next % 7)))) break;
        ++next;
      }
      shared.fails_in = 0;
      shared.fails_after = false;
      machine.store.fail_commit(0);
    }
    ASSERT_EQ(next, kRecords) << "seed " << seed;
    for (std::int64_t i = 0; i < kRecords; ++i) ++expected[numbered("k", static_cast<std::size_t>(i % 7))];
    Machine fresh(shared, "fresh");
    (void)fresh.take_over();
    ASSERT_EQ(counts(*fresh.instance), expected) << "seed " << seed;
    ASSERT_EQ(fresh.instance->tally().applied, static_cast<std::uint64_t>(kRecords)) << "seed " << seed;
    std::map<std::string, int> sent;
    for (const Outgoing& each : shared.records) ++sent[std::to_string(each.stream) + *each.key + "=" + each.value.value_or("-")];
    for (const auto& [record, times] : sent) ASSERT_EQ(times, 1) << "seed " << seed << ": " << record;
  }
  EXPECT_GE(seen[Recovery::kGoOn], 100);
  EXPECT_GE(seen[Recovery::kSendAgain], 100);
  EXPECT_GE(seen[Recovery::kCatchUp], 100);
  EXPECT_GE(seen[Recovery::kRebuild], 100);
}

}  // namespace
}  // namespace troth::task
