// A store that cannot be read, once, at whatever place: never taken for "there is nothing", and nothing is lost by it.
#include <atomic>

#include "tests/unit/engine/task/harness.h"

namespace troth::task {
namespace {

using namespace testing;

constexpr TimeUs kEnd = kStart + 50 * 24 * kHour;

/// Memory whose n-th read from now fails, once.
class OneBadRead final : public Store {
 public:
  base::Result<std::optional<std::string>> get(std::string_view key) const override {
    if (is_bad()) return base::Error{"the store cannot be read"};
    return memory.get(key);
  }
  base::Status scan(std::string_view from, std::string_view to,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    if (is_bad()) return base::Error{"the store cannot be read"};
    return memory.scan(from, to, each);
  }
  base::Status commit(const Batch& batch) override { return memory.commit(batch); }

  void fail_read(std::int64_t n) { fails_in_ = n; }
  [[nodiscard]] bool has_failed() const { return fails_in_ <= 0; }

  MemoryStore memory;

 private:
  bool is_bad() const { return fails_in_ > 0 && fails_in_.fetch_sub(1) == 1; }
  mutable std::atomic<std::int64_t> fails_in_{0};
};

InstanceOptions narrow(int workers = 1) {
  InstanceOptions options = files({"a", "b"}, 2);
  options.epoch_events = 7;
  options.workers = workers;
  options.horizon = kEnd;
  options.cache_bytes = 0;  // nearly everything is read again
  return options;
}

Step commit_often(std::size_t at) { return at % 5 == 0 ? Step::kCommit : Step::kGoOn; }

/// A live instance over one topic whose partition 0 holds one key, with a timer at kStart + 1 h, and is not assigned yet.
struct Live {
  Live() {
    ok(instance->advance_wall(kStart + kMinute));
    (void)value(instance->assign(0));
    ok(instance->offer(added(model, "a", kStart, "1")));
    ok(instance->commit(""));
    reopen();
  }
  void reopen(const CounterModel* other = nullptr) {
    instance = opened(other == nullptr ? model : *other, store, sink, options());
    ok(instance->advance_wall(kStart + 2 * kHour));
  }
  static InstanceOptions options() {
    InstanceOptions options = topics({"orders"});
    options.follow_wall_clock = true;
    return options;
  }
  CounterModel model;
  OneBadRead store;
  FakeSink sink;
  std::unique_ptr<Instance> instance = opened(model, store, sink, options());
};

TEST(BadRead, anywhere_stops_the_instance_and_the_next_one_writes_the_same_streams) {
  CounterModel model;
  const auto items = shop(model, 90, 30, 11);
  for (const int workers : {1, 2}) {
    OneBadRead whole_store;
    FakeSink whole_sink;
    const auto whole = replay(model, items, whole_store, whole_sink, narrow(workers), kEnd, commit_often);
    std::int64_t n = 1;
    for (; n < 10'000; ++n) {
      OneBadRead store;
      FakeSink sink;
      store.fail_read(n);
      const auto instance = replay(model, items, store, sink, narrow(workers), kEnd, commit_often);
      if (!store.has_failed()) break;  // there are not so many reads
      ASSERT_TRUE(has_equal_streams(sink, whole_sink)) << "read " << n;
      ASSERT_EQ(instance->tally(), whole->tally()) << "read " << n;
    }
    EXPECT_GT(n, 100);
    EXPECT_LT(n, 10'000);
  }
}

TEST(BadRead, while_another_version_settles_everything_leaves_no_key_out) {
  CounterModel old_model;
  const CounterModel new_model(CounterOptions{.version = "2", .unit = " pieces"});
  const auto items = shop(old_model, 60, 30, 13, false);
  const auto begin = [&](OneBadRead& store, FakeSink& sink) {
    (void)replay(old_model, items, store, sink, narrow(), kEnd, commit_often);
  };
  const auto go_on = [&](OneBadRead& store, FakeSink& sink) {
    return replay(new_model, items, store, sink, narrow(), kEnd + kHour, commit_often);
  };
  OneBadRead whole_store;
  FakeSink whole_sink;
  begin(whole_store, whole_sink);
  const auto whole = go_on(whole_store, whole_sink);
  std::int64_t n = 1;
  for (; n < 1'000; ++n) {
    OneBadRead store;
    FakeSink sink;
    begin(store, sink);
    store.fail_read(n);
    const auto instance = go_on(store, sink);
    if (!store.has_failed()) break;
    ASSERT_TRUE(has_equal_streams(sink, whole_sink)) << "read " << n;
  }
  EXPECT_GT(n, 10);
  EXPECT_LT(n, 1'000);
}

TEST(BadRead, of_timers_stops_a_live_instance) {
  Live live;
  (void)value(live.instance->assign(0));
  ok(live.instance->news({InputNews::Kind::kAtEnd, 0, 0}));
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->advance_wall(kStart + 3 * kHour).ok());
  EXPECT_FALSE(live.instance->commit("").ok());  // it stays stopped
  EXPECT_FALSE(live.instance->news({InputNews::Kind::kAtEnd, 0, 0}).ok());
  EXPECT_FALSE(live.instance->assign(0).ok());
  EXPECT_FALSE(live.instance->revoke(0, true).ok());
  EXPECT_FALSE(live.instance->find("a", "a").ok());
}

TEST(BadRead, of_an_assigned_partition_stops_the_instance) {
  Live live;
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->news({InputNews::Kind::kAssigned, 0, 0}).ok());
  EXPECT_FALSE(live.instance->commit("").ok());
}

TEST(BadRead, at_a_revocation_writes_nothing_and_stops_the_instance) {
  Live live;
  (void)value(live.instance->assign(0));
  ok(live.instance->news({InputNews::Kind::kAtEnd, 0, 0}));
  const auto before = live.store.memory.contents();
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->news({InputNews::Kind::kRevoked, 0, 0}).ok());
  EXPECT_EQ(live.store.memory.contents(), before);
}

TEST(BadRead, of_a_key_is_told_to_who_asks_for_it) {
  Live live;
  (void)value(live.instance->assign(0));
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->for_each_key([](auto, auto, auto&) { return base::success(); }).ok());
  EXPECT_EQ(counts(*live.instance).size(), 1U);  // a read outside of the task's work changes nothing
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->find("b", "b").ok());
}

TEST(BadRead, before_news_are_taken_under_another_version_stops_the_instance) {
  Live live;
  const CounterModel other(CounterOptions{.version = "2"});
  live.reopen(&other);
  (void)value(live.instance->assign(0));
  live.store.fail_read(1);
  EXPECT_FALSE(live.instance->news({InputNews::Kind::kAtEnd, 0, 0}).ok());
  EXPECT_FALSE(live.instance->commit("").ok());
}

/// Files that cannot be cut back.
class FixedSink final : public Sink {
 public:
  base::Status restore(std::string_view) override { return base::Error{"the files cannot be cut back"}; }
  base::Status write(const std::vector<Outgoing>&) override { return base::success(); }
  base::Result<std::string> make_durable() override { return std::string(); }
};

TEST(Sink, that_cannot_be_brought_back_to_the_commit_keeps_the_instance_from_opening) {
  CounterModel model;
  MemoryStore store;
  FixedSink sink;
  const auto instance = Instance::open(model, store, sink, files());
  ASSERT_FALSE(instance.ok());
  EXPECT_EQ(instance.error().message, "the files cannot be cut back");
  EXPECT_TRUE(store.contents().empty());
}

}  // namespace
}  // namespace troth::task
