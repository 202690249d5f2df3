// Outputs by way of the outbox: at least once, in order, nothing lost in any crash.
#include "engine/base/limits.h"
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

std::size_t chunks(const MemoryStore& store) {
  std::size_t count = 0;
  for (const auto& [key, value] : store.contents()) count += key.front() == 'O' ? 1U : 0U;
  return count;
}

struct Shop {
  std::unique_ptr<Instance> open() { return opened(model, store, sink, files()); }
  CounterModel model;
  MemoryStore store;
  FakeSink sink{true};
};

TEST(Outbox, keeps_outputs_until_they_are_acknowledged_and_deletes_them_with_the_next_commit) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  ok(instance->commit("1"));
  EXPECT_EQ(shop.sink.records.size(), 1U);
  EXPECT_EQ(chunks(shop.store), 1U);
  EXPECT_EQ(instance->statistics().outbox_chunks, 1U);
  ok(instance->offer(added(shop.model, "a", kStart, "2")));
  ok(instance->commit("2"));
  EXPECT_EQ(chunks(shop.store), 1U);
  EXPECT_TRUE(instance->has_uncommitted());
  ok(instance->commit("2"));  // idle: a commit of its own
  EXPECT_EQ(chunks(shop.store), 0U);
  EXPECT_FALSE(instance->has_uncommitted());
  EXPECT_EQ(shop.sink.records.size(), 2U);
}

TEST(Outbox, sends_again_after_a_crash_between_commit_and_acknowledgement) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  shop.sink.fails_durable_in = 1;
  EXPECT_FALSE(instance->commit("1").ok());
  instance.reset();
  EXPECT_EQ(chunks(shop.store), 1U);  // durable, not acknowledged

  const auto first = shop.sink.records;
  instance = shop.open();
  EXPECT_EQ(instance->source_position(), "1");  // the state is there: nothing is applied twice
  ASSERT_EQ(shop.sink.records.size(), 2 * first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(shop.sink.records[first.size() + i].key, first[i].key);
    EXPECT_EQ(shop.sink.records[first.size() + i].value, first[i].value);
  }
  ok(instance->commit("1"));
  EXPECT_EQ(chunks(shop.store), 0U);
}

TEST(Outbox, sends_what_a_crash_kept_from_being_written_at_all) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  shop.sink.fails_write_in = 1;
  EXPECT_FALSE(instance->commit("1").ok());
  EXPECT_TRUE(shop.sink.records.empty());
  instance.reset();
  instance = shop.open();
  EXPECT_EQ(shop.sink.records.size(), 1U);
}

TEST(Outbox, sends_nothing_before_the_commit_is_durable) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  shop.store.fail_commit(1);
  EXPECT_FALSE(instance->commit("1").ok());
  EXPECT_TRUE(shop.sink.records.empty());
}

TEST(Outbox, is_kept_while_the_sink_is_down_at_start) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  shop.sink.fails_write_in = 1;
  EXPECT_FALSE(instance->commit("1").ok());
  instance.reset();
  shop.sink.fails_write_in = 1;
  EXPECT_FALSE(Instance::open(shop.model, shop.store, shop.sink, files()).ok());
  shop.sink.fails_durable_in = 1;
  EXPECT_FALSE(Instance::open(shop.model, shop.store, shop.sink, files()).ok());
  EXPECT_EQ(chunks(shop.store), 1U);
  instance = shop.open();
  EXPECT_FALSE(shop.sink.records.empty());
}

TEST(Outbox, writes_chunks_of_bounded_size_and_keeps_the_order) {
  Shop shop;
  auto instance = shop.open();
  const std::string padding(1'000, 'k');
  for (int i = 1'000; i < 3'000; ++i) {
    ok(instance->offer(added(shop.model, padding + std::to_string(i), kStart, "1")));
  }
  shop.sink.fails_write_in = 1;
  EXPECT_FALSE(instance->commit("x").ok());
  instance.reset();
  EXPECT_GE(chunks(shop.store), 8U);
  for (const auto& [key, value] : shop.store.contents()) {
    if (key.front() == 'O') {
      EXPECT_LE(value.size(), base::limits::kOutboxChunkBytes);
    }
  }
  instance = shop.open();
  ASSERT_EQ(shop.sink.records.size(), 2'000U);
  for (std::size_t i = 0; i < 2'000; ++i) EXPECT_EQ(shop.sink.records[i].key, padding + std::to_string(1'000 + i));
}

TEST(Outbox, delivers_null_keys_and_null_values) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(erased(shop.model, "a", kStart, "1")));
  ok(instance->offer(malformed("?")));
  shop.sink.fails_write_in = 1;
  EXPECT_FALSE(instance->commit("2").ok());
  instance.reset();
  instance = shop.open();
  ASSERT_EQ(shop.sink.records.size(), 2U);
  EXPECT_EQ(shop.sink.records[0].value, std::nullopt);
  EXPECT_EQ(shop.sink.records[1].key, std::nullopt);
  EXPECT_EQ(shop.sink.records[1].stream, 2);
}

TEST(Outbox, that_is_damaged_is_not_guessed_at) {
  Shop shop;
  { auto instance = shop.open(); }
  Batch batch;
  batch.put(std::string("O") + std::string(8, '\0'), "\x01\x07");
  ok(shop.store.commit(batch));
  EXPECT_FALSE(Instance::open(shop.model, shop.store, shop.sink, files()).ok());
}

TEST(Outbox, loses_nothing_and_repeats_only_equal_records_whatever_fails) {
  static const CounterModel kModel;
  const auto items = shop(kModel, 300, 20, 9);
  InstanceOptions options = files({"a", "b"}, 2);
  options.epoch_events = 7;
  MemoryStore whole_store;
  FakeSink whole(true);
  (void)replay(kModel, items, whole_store, whole, options, kStart + 50 * 24 * kHour);
  const auto text = [](const Outgoing& each) {
    return std::to_string(each.stream) + each.key.value_or("-") + "=" + each.value.value_or("-");
  };
  std::map<std::string, int> expected;
  for (const Outgoing& each : whole.records) ++expected[text(each)];
  for (int n = 1; n <= 120; ++n) {
    MemoryStore store;
    FakeSink sink(true);
    if (n % 3 == 0) store.fail_commit(static_cast<std::uint64_t>(n / 2 + 1), MemoryStore::Failure::kOutcomeUnknown);
    if (n % 3 == 1) sink.fails_write_in = n / 2 + 1;
    if (n % 3 == 2) sink.fails_durable_in = n / 2 + 1;
    (void)replay(kModel, items, store, sink, options, kStart + 50 * 24 * kHour,
                 [](std::size_t at) { return at % 5 == 0 ? Step::kCommit : Step::kGoOn; });
    std::map<std::string, int> found;
    for (const Outgoing& each : sink.records) ++found[text(each)];
    for (const auto& [record, times] : expected) EXPECT_GE(found[record], times) << record;
    EXPECT_EQ(found.size(), expected.size());
    EXPECT_TRUE(has_equal_last_records(sink, whole));
  }
}

}  // namespace
}  // namespace troth::task
