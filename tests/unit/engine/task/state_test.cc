// The state of keys: erasure, reading, another version of the model, stores that do not fit, damage.
#include "engine/base/limits.h"
#include "engine/task/keys.h"
#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

struct Shop {
  std::unique_ptr<Instance> open(InstanceOptions options = files()) {
    return opened(model, store, sink, std::move(options));
  }
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
};

std::vector<char> kinds(const MemoryStore& store) {
  std::vector<char> out;
  for (const auto& [key, value] : store.contents()) out.push_back(key.front());
  return out;
}

TEST(Erasure, leaves_nothing_but_the_tombstone) {
  Shop shop;
  auto instance = shop.open();
  for (int i = 0; i < 5; ++i) ok(instance->offer(added(shop.model, "customer", kStart, numbered("e", i))));
  ok(instance->commit("5"));
  EXPECT_EQ(kinds(shop.store), (std::vector{'M', 'P', 'S', 'S', 'S', 'S', 'S', 'S', 'S', 'T'}));
  ok(instance->offer(erased(shop.model, "customer", kStart, "x")));
  ok(instance->commit("6"));
  EXPECT_EQ(kinds(shop.store), (std::vector{'M', 'P', 'X'}));
  for (const auto& [key, value] : shop.store.contents()) {
    EXPECT_EQ(key.find("customer"), std::string::npos);
    EXPECT_EQ(value.find("customer"), std::string::npos);
  }
  EXPECT_EQ(shop.sink.records.back().value, std::nullopt);  // the model's null record
  EXPECT_EQ(value(instance->find("customer", "customer")), nullptr);
  EXPECT_TRUE(counts(*instance).empty());
}

TEST(Erasure, within_one_epoch_leaves_nothing_but_the_tombstone) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "customer", kStart, "1")));
  ok(instance->offer(erased(shop.model, "customer", kStart, "2")));
  ok(instance->offer(added(shop.model, "customer", kStart, "3")));
  ok(instance->commit("3"));
  EXPECT_EQ(kinds(shop.store), (std::vector{'M', 'P', 'X'}));
  EXPECT_EQ(instance->tally().refused[static_cast<std::size_t>(Reason::kErased)], 1U);
}

// Found by simulation (seed 4251): what settling under the new version said came behind the erasure's null on the topic.
TEST(Erasure, is_the_last_word_although_another_version_settles_the_key_in_the_same_commit) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "customer", kStart, "1")));
  ok(instance->commit("1"));
  const CounterModel other(CounterOptions{.version = "2", .unit = " pieces"});
  instance = opened(other, shop.store, shop.sink, files());
  ok(instance->offer(erased(other, "customer", kStart, "2")));
  ok(instance->commit("2"));
  EXPECT_EQ(shop.sink.records.back().value, std::nullopt);
}

TEST(Erasure, of_a_key_never_heard_of_is_remembered) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(erased(shop.model, "customer", kStart, "1")));
  ok(instance->commit("1"));
  instance = shop.open();
  ok(instance->offer(added(shop.model, "customer", kStart, "2")));
  EXPECT_EQ(instance->tally().refused[static_cast<std::size_t>(Reason::kErased)], 1U);
  EXPECT_EQ(instance->tally().applied, 1U);
}

TEST(Erasure, is_remembered_after_restart_and_eviction_and_refuses_a_second_one) {
  Shop shop;
  InstanceOptions options = files();
  options.cache_bytes = 0;
  auto instance = shop.open(options);
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  ok(instance->offer(erased(shop.model, "a", kStart, "2")));
  ok(instance->commit("2"));
  ok(instance->offer(added(shop.model, "b", kStart, "3")));
  ok(instance->offer(added(shop.model, "a", kStart, "4")));
  ok(instance->commit("4"));
  instance = shop.open(options);
  ok(instance->offer(erased(shop.model, "a", kStart, "5")));
  ok(instance->commit("5"));
  EXPECT_EQ(instance->tally().refused[static_cast<std::size_t>(Reason::kErased)], 2U);
  EXPECT_EQ(counts(*instance), (std::map<std::string, std::size_t>{{"b", 1}}));
}

TEST(Erasure, takes_the_timer_along) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  ok(instance->commit("1"));
  ok(instance->offer(erased(shop.model, "a", kStart, "2")));
  ok(instance->commit("2"));
  ok(instance->advance_to(kStart + 10 * kHour));
  for (const Outgoing& each : shop.sink.records) EXPECT_NE(each.stream, CounterModel::kQuietKeys);
}

TEST(Reading, goes_through_every_live_key_in_order_with_and_without_a_commit) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  InstanceOptions options = files({"a"}, 3);
  options.cache_bytes = 20'000;  // some cached, most not
  auto instance = opened(model, store, sink, options);
  std::map<std::string, std::size_t> expected;
  const auto add = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = numbered("k", i % 900);
      ok(instance->offer(added(model, key, kStart, std::to_string(i))));
      ++expected[key];
    }
  };
  add(0, 800);
  ok(instance->commit("1"));
  EXPECT_EQ(counts(*instance), expected);
  add(800, 1'500);  // new keys and changed ones, not committed
  ok(instance->offer(erased(model, "k7", kStart, "x")));
  expected.erase("k7");
  EXPECT_EQ(counts(*instance), expected);

  std::map<std::int32_t, std::string> last;
  std::int32_t last_partition = 0;
  ok(instance->for_each_key([&](std::int32_t partition, std::string_view key, KeyState&) {
    EXPECT_GE(partition, last_partition);
    last_partition = partition;
    EXPECT_EQ(base::partition_of(key, 3), partition);
    EXPECT_LT(last[partition], key);
    last[partition] = key;
    return base::success();
  }));
  EXPECT_EQ(last.size(), 3U);
}

TEST(Reading, goes_through_keys_that_are_too_large_to_be_read_at_once) {
  Shop shop;
  auto instance = shop.open();
  std::map<std::string, std::size_t> expected;
  for (int i = 0; i < 12; ++i) {
    ok(instance->offer(added(shop.model, numbered("k", i), kStart, "1")));
    ++expected[numbered("k", i)];
  }
  ok(instance->commit("12"));
  base::ByteWriter head;  // of a state that sent something long: 12 MiB in all, more than is held at a time
  head.string(std::string(std::size_t{1} << 20U, 'x'));
  head.string("");
  head.varint(1);
  Batch batch;
  for (const auto& [key, count] : expected) batch.put(keys::state(0, key), std::string(head.bytes()));
  ok(shop.store.commit(batch));
  EXPECT_EQ(counts(*shop.open()), expected);
}

TEST(Reading, stops_at_the_first_error_and_goes_on_working) {
  Shop shop;
  auto instance = shop.open();
  for (int i = 0; i < 10; ++i) ok(instance->offer(added(shop.model, numbered("k", i), kStart, "1")));
  int seen = 0;
  const auto status = instance->for_each_key([&](auto, auto, auto&) -> base::Status {
    if (++seen == 3) return base::Error{"enough"};
    return base::success();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "enough");
  ok(instance->commit("10"));
}

TEST(Reading, finds_a_key_and_knows_none_that_it_never_heard_of) {
  CounterModel model;
  MemoryStore store;
  FakeSink sink;
  auto instance = opened(model, store, sink, files({"a"}, 16));
  ok(instance->offer(added(model, "a", kStart, "1")));
  ASSERT_NE(value(instance->find("a", "a")), nullptr);
  EXPECT_EQ(static_cast<CounterState*>(value(instance->find("a", "a")))->events.size(), 1U);
  EXPECT_EQ(value(instance->find("b", "b")), nullptr);
  EXPECT_EQ(counts(*instance).size(), 1U);
}

TEST(Version, another_one_settles_every_key_once_before_the_next_record) {
  MemoryStore store;
  FakeSink sink;
  CounterModel old_model;
  InstanceOptions options = files({"a"}, 2);
  options.dirty_bytes_max = 1;  // a commit after each slice
  const auto settled = [](Instance& instance) {
    std::map<std::string, std::uint64_t> out;
    ok(instance.for_each_key([&](std::int32_t, std::string_view key, KeyState& state) {
      out[std::string(key)] = static_cast<CounterState&>(state).settled;
      return base::success();
    }));
    return out;
  };
  {
    auto instance = opened(old_model, store, sink, options);
    for (int i = 0; i < 20'000; ++i) {
      ok(instance->offer(added(old_model, numbered("k", i), kStart, "1")));
    }
    ok(instance->commit("20000"));
    for (const auto& [key, times] : settled(*instance)) EXPECT_EQ(times, 1U) << key;
  }
  CounterModel new_model(CounterOptions{.version = "2"});
  const std::uint64_t commits = store.commits();
  for (std::uint64_t n : {2U, 3U}) {  // killed twice on the way
    auto instance = opened(new_model, store, sink, options);
    EXPECT_EQ(instance->source_position(), "20000");
    EXPECT_EQ(counts(*instance).size(), 20'000U);  // reading is allowed and changes nothing
    store.fail_commit(n);
    EXPECT_FALSE(instance->offer(added(new_model, "k1", kStart, "2")).ok());
  }
  EXPECT_EQ(store.commits(), commits + 1 + 2);
  auto instance = opened(new_model, store, sink, options);
  ok(instance->offer(added(new_model, "k1", kStart, "2")));
  ok(instance->commit("20001"));
  for (const auto& [key, times] : settled(*instance)) EXPECT_EQ(times, key == "k1" ? 3U : 2U) << key;

  instance = opened(new_model, store, sink, options);  // done: not again
  ok(instance->commit("20001"));
  for (const auto& [key, times] : settled(*instance)) EXPECT_EQ(times, key == "k1" ? 3U : 2U) << key;
}

TEST(Version, does_not_change_where_fixed_epochs_close) {
  const CounterModel kept;
  MemoryStore store;
  FakeSink sink;
  InstanceOptions options = files();
  options.epoch_events = 3;
  {
    auto instance = opened(kept, store, sink, options);
    ok(instance->offer(added(kept, "a", kStart, "1")));
    ok(instance->commit("1"));
  }
  const CounterModel other(CounterOptions{.version = "2"});
  auto instance = opened(other, store, sink, options);
  ok(instance->offer(added(other, "a", kStart, "2")));
  EXPECT_EQ(instance->statistics().partitions[0].epoch, 0U);
  ok(instance->offer(added(other, "a", kStart, "3")));
  EXPECT_EQ(instance->statistics().partitions[0].epoch, 1U);
}

TEST(Store, of_another_foundation_partitions_inputs_or_kind_is_refused_in_clear_words) {
  Shop shop;
  { auto instance = shop.open(files({"a", "b"}, 4)); }
  const auto message = [&](const KeyedModel& model, InstanceOptions options) {
    auto result = Instance::open(model, shop.store, shop.sink, std::move(options));
    EXPECT_FALSE(result.ok());
    return result.ok() ? std::string() : result.error().message;
  };
  CounterModel other(CounterOptions{.foundation = "something else"});
  EXPECT_NE(message(other, files({"a", "b"}, 4)).find("something else"), std::string::npos);
  EXPECT_NE(message(shop.model, files({"a", "b"}, 5)).find("partitions (4, now 5)"), std::string::npos);
  EXPECT_NE(message(shop.model, files({"a", "c"}, 4)).find("inputs (a, b, now a, c)"), std::string::npos);
  EXPECT_NE(message(shop.model, topics({"a", "b"}, 4)).find("files, now topics"), std::string::npos);
  EXPECT_TRUE(Instance::open(shop.model, shop.store, shop.sink, files({"a", "b"}, 4)).ok());
  Shop live;
  { auto instance = live.open(topics({"a", "b"}, 4)); }
  const auto as_files = Instance::open(live.model, live.store, live.sink, files({"a", "b"}, 4));
  ASSERT_FALSE(as_files.ok());
  EXPECT_NE(as_files.error().message.find("topics, now files"), std::string::npos);
}

TEST(Store, of_another_format_or_damaged_is_refused) {
  Shop shop;
  { auto instance = shop.open(); }
  const auto with = [&](std::string bytes) {
    MemoryStore store;
    Batch batch;
    batch.put(keys::instance(), std::move(bytes));
    ok(store.commit(batch));
    auto result = Instance::open(shop.model, store, shop.sink, files());
    EXPECT_FALSE(result.ok());
    return result.ok() ? std::string() : result.error().message;
  };
  std::string bytes = shop.store.contents().at(keys::instance());
  std::string other_format = bytes;
  other_format[0] = 9;
  EXPECT_NE(with(other_format).find("format 9"), std::string::npos);
  EXPECT_NE(with(bytes.substr(0, bytes.size() - 1)).find("damaged"), std::string::npos);
  EXPECT_NE(with(bytes + "x").find("damaged"), std::string::npos);
  EXPECT_FALSE(with("").empty());
}

TEST(Store, with_a_damaged_state_stops_the_instance_and_never_guesses) {
  Shop shop;
  auto instance = shop.open();
  ok(instance->offer(added(shop.model, "a", kStart, "1")));
  ok(instance->commit("1"));
  Batch batch;
  batch.put(keys::state(0, "a"), "\x05");
  ok(shop.store.commit(batch));
  instance = shop.open();
  (void)instance->offer(added(shop.model, "a", kStart, "2"));
  const auto status = instance->commit("2");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("damaged"), std::string::npos);
  EXPECT_EQ(shop.open()->source_position(), "1");
}

TEST(Store, with_a_timer_of_no_key_stops_the_instance) {
  Shop shop;
  { auto instance = shop.open(); }
  Batch batch;
  batch.put(keys::timers(0) + keys::timer_suffix(kStart, "ghost"), "");
  ok(shop.store.commit(batch));
  auto instance = shop.open();
  EXPECT_FALSE(instance->advance_to(kStart).ok());
}

TEST(Options, that_make_no_sense_are_refused) {
  Shop shop;
  const auto is_refused = [&](const std::function<void(InstanceOptions&)>& change) {
    InstanceOptions options = files();
    change(options);
    return !Instance::open(shop.model, shop.store, shop.sink, options).ok();
  };
  EXPECT_TRUE(is_refused([](auto& options) { options.partitions = 0; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.partitions = 1'025; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.workers = 0; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.workers = 65; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.inputs.clear(); }));
  EXPECT_TRUE(is_refused([](auto& options) { options.inputs.assign(base::limits::kInputs + 1, "a"); }));
  EXPECT_TRUE(is_refused([](auto& options) { options.partitions_by_key = false, options.partitions = 0x10000; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.epoch_events = 0; }));
  EXPECT_TRUE(is_refused([](auto& options) { options.epoch_events = 1, options.follow_wall_clock = true; }));
  EXPECT_EQ(shop.sink.restores, 0);
}

TEST(Horizon, of_the_first_run_holds_for_all_even_if_that_run_got_no_further) {
  Shop shop;
  InstanceOptions options = files();
  options.horizon = kStart;
  { auto instance = shop.open(options); }
  options.horizon = kStart + kHour;
  EXPECT_EQ(shop.open(options)->horizon(), kStart);
  options.horizon.reset();
  EXPECT_EQ(shop.open(options)->horizon(), kStart);
}

TEST(Counters, of_a_later_model_are_matched_by_name) {
  class Renamed final : public KeyedModel {
   public:
    const event::Catalogue& catalogue() const override { return inner.catalogue(); }
    std::span<const std::string_view> streams() const override { return inner.streams(); }
    std::span<const CounterSpec> counters() const override { return specs; }
    std::string version() const override { return inner.version(); }
    std::string foundation() const override { return inner.foundation(); }
    TimeUs lateness_us() const override { return inner.lateness_us(); }
    TimeUs skew_us() const override { return inner.skew_us(); }
    std::string key_of(const Event& event) const override { return inner.key_of(event); }
    std::string tombstone_of(std::string_view key) const override { return inner.tombstone_of(key); }
    std::unique_ptr<KeyState> create(std::string_view key) const override { return inner.create(key); }
    base::Result<std::unique_ptr<KeyState>> decode(std::string_view key, const Parts& parts) const override {
      return inner.decode(key, parts);
    }
    void encode(KeyState& state, PartWriter& out) const override { inner.encode(state, out); }
    Verdict apply(KeyState&, Event, std::string_view, TimeUs, Effects&) const override { return {}; }
    void settle(KeyState& state, TimeUs tau, Effects& effects) const override { inner.settle(state, tau, effects); }
    CounterModel inner;
    std::vector<CounterSpec> specs;
  };
  Shop shop;
  auto instance = shop.open();
  for (int i = 0; i < 3; ++i) ok(instance->offer(added(shop.model, "a", kStart, std::to_string(i))));
  ok(instance->commit("3"));
  EXPECT_EQ(instance->tally().counters, (std::vector<std::int64_t>{3, 1}));
  Renamed later;
  later.specs = {{"troth_counter_new", "", {}, false},
                 {"troth_counter_keys", "", {{"state", "dead"}}, true},
                 {"troth_counter_keys", "", {{"state", "live"}}, true}};
  auto other = opened(later, shop.store, shop.sink, files());
  EXPECT_EQ(other->tally().counters, (std::vector<std::int64_t>{0, 0, 1}));
}

}  // namespace
}  // namespace troth::task
