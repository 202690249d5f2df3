#include "engine/task/instance.h"

#include <algorithm>
#include <iterator>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/task/crew.h"
#include "engine/task/feed.h"
#include "engine/task/keys.h"
#include "engine/task/outbox.h"
#include "engine/task/stopwatch.h"
#include "engine/task/task.h"

namespace troth::task {
namespace {

/// Orders that make one job of a worker.
constexpr std::size_t kOrdersPerJob = 128;
/// Orders between the steps by which a key is brought near.
constexpr std::size_t kOrdersPerStep = 3;
/// Offered records that ask for a commit whatever they cost.
constexpr std::uint64_t kEventsPerCommit = 1'000'000;

base::Status check(const InstanceOptions& options) {
  namespace limits = base::limits;
  const auto wrong = [](std::string what) { return base::Error{std::move(what)}; };
  const std::int32_t partitions_max = options.partitions_by_key ? limits::kPartitions : 0xFFFF;
  if (options.partitions < 1 || options.partitions > partitions_max) {
    return wrong("partitions must be 1 to " + std::to_string(partitions_max) + ", not " +
                 std::to_string(options.partitions));
  }
  if (options.workers < 1 || options.workers > limits::kWorkers) {
    return wrong("workers must be 1 to " + std::to_string(limits::kWorkers) + ", not " +
                 std::to_string(options.workers));
  }
  if (options.inputs.empty() || options.inputs.size() > limits::kInputs) {
    return wrong("inputs must be 1 to " + std::to_string(limits::kInputs) + ", not " +
                 std::to_string(options.inputs.size()));
  }
  if (options.epoch_events && *options.epoch_events < 1) return wrong("epochs must have at least 1 event");
  if (options.epoch_events && options.follow_wall_clock) {
    return wrong("epochs of a fixed number of events are for replays: live, silence closes an epoch, too");
  }
  return base::success();
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& each : names) out += (out.empty() ? "" : ", ") + each;
  return out;
}

/// Whether the store may be gone on with.
base::Status match(const InstanceMeta& stored, const InstanceMeta& asked) {
  const auto differs = [](std::string_view what, const std::string& found, const std::string& expected) {
    return base::Error{"the state was written for other " + std::string(what) + " (" + found + ", now " + expected +
                       "): use another state directory, or rebuild this one from the log"};
  };
  if (stored.foundation != asked.foundation) return differs("foundations", stored.foundation, asked.foundation);
  if (stored.partitions != asked.partitions) {
    return differs("numbers of partitions", std::to_string(stored.partitions), std::to_string(asked.partitions));
  }
  if (stored.partitions_by_key != asked.partitions_by_key) {
    return differs("kinds of inputs", stored.partitions_by_key ? "files" : "topics",
                   asked.partitions_by_key ? "files" : "topics");
  }
  if (stored.inputs != asked.inputs) return differs("inputs", joined(stored.inputs), joined(asked.inputs));
  return base::success();
}

/// The outputs of all tasks in the order of the records that brought them about; what the commit itself brought about
/// comes last, by partition. So neither workers nor the places of commits show in the order of what records brought about.
std::vector<Outgoing> in_order(std::vector<TaskOutput> outputs) {
  const auto is_before = [](const TaskOutput& a, const TaskOutput& b) { return a.order < b.order; };
  if (!std::is_sorted(outputs.begin(), outputs.end(), is_before)) {
    std::stable_sort(outputs.begin(), outputs.end(), is_before);
  }
  std::vector<Outgoing> out;
  out.reserve(outputs.size());
  for (TaskOutput& each : outputs) out.push_back(std::move(each.record));
  return out;
}

}  // namespace

/// Something for one feed, in the order in which the driver said it.
struct Instance::Order {
  enum class Kind : std::uint8_t { kRecord, kLastRecord, kAtEnd, kNotAtEnd };
  Feed* feed = nullptr;
  Kind kind = Kind::kRecord;
  std::uint16_t input = 0;   // of an end
  std::uint64_t number = 0;  // of a record
  Decoded decoded;           // of a record
};

// ------------------------------------------------------------------------------------------------------------ life

base::Result<std::unique_ptr<Instance>> Instance::open(const KeyedModel& model, Store& store, Sink& sink,
                                                       InstanceOptions options) {
  return open(model, store, &sink, nullptr, std::move(options));
}

base::Result<std::unique_ptr<Instance>> Instance::open(const KeyedModel& model, Store& store,
                                                       Transactions& transactions, InstanceOptions options) {
  TROTH_ASSERT(!options.partitions_by_key && !options.writer.empty());
  return open(model, store, nullptr, &transactions, std::move(options));
}

base::Result<std::unique_ptr<Instance>> Instance::open(const KeyedModel& model, Store& store, Sink* sink,
                                                       Transactions* transactions, InstanceOptions options) {
  if (auto checked = check(options); !checked) return checked.error();
  InstanceMeta meta;
  meta.foundation = model.foundation();
  meta.partitions = options.partitions;
  meta.partitions_by_key = options.partitions_by_key;
  meta.inputs = options.inputs;
  if (!options.follow_wall_clock) meta.horizon = options.horizon;

  auto bytes = store.get(keys::instance());
  if (!bytes) return bytes.error();
  const bool is_new = !bytes->has_value();
  if (!is_new) {
    auto stored = decode_instance_meta(**bytes);
    if (!stored) return stored.error();
    if (auto matched = match(*stored, meta); !matched) return matched.error();
    meta = std::move(*stored);
    if (transactions != nullptr && !meta.sink_mark.empty()) {
      return base::Error{
          "this state has written its outputs to files so far; go on with files, or begin with an empty state directory "
          "to write to Kafka"};
    }
  }
  std::unique_ptr<Instance> instance(
      new Instance(model, store, sink, transactions, std::move(options), std::move(meta)));
  if (auto started = instance->start(is_new); !started) return started.error();
  return instance;
}

Instance::Instance(const KeyedModel& model, Store& store, Sink* sink, Transactions* transactions,
                   InstanceOptions options, InstanceMeta meta)
    : model_(model),
      store_(store),
      sink_(sink),
      transactions_(transactions),
      options_(std::move(options)),
      meta_(std::move(meta)),
      context_(new TaskContext{model_, store_, options_.inputs, options_.epoch_events, meta_.horizon,
                               options_.follow_wall_clock, !options_.partitions_by_key, options_.partitions,
                               options_.refuses_wrong_partition, options_.writer}),
      ended_(options_.inputs.size(), false),
      is_silent_(options_.inputs.size(), false),
      orders_(static_cast<std::size_t>(options_.workers)),
      crew_(std::make_unique<Crew>(static_cast<std::size_t>(options_.workers))) {}

Instance::~Instance() = default;

base::Status Instance::start(bool is_new) {
  if (sink_ != nullptr && !TROTH_PLANTED(sink_not_cut_back)) {
    if (auto restored = sink_->restore(meta_.sink_mark); !restored) return restored;
  }
  if (is_new) {
    // The horizon of the first run holds for all, even if this one gets no further.
    Batch batch;
    batch.put(keys::instance(), encode_meta(meta_));
    if (auto committed = store_.commit(batch); !committed) return committed;
  }
  if (!options_.partitions_by_key) return base::success();
  for (std::int32_t partition = 0; partition < options_.partitions; ++partition) {
    if (auto loaded = load(partition); !loaded) return loaded;
  }
  share_cache();
  for (std::size_t input = 0; input < ended_.size(); ++input) {
    ended_[input] = feeds_.begin()->second->task().is_at_end(input);
  }
  return base::success();
}

base::Status Instance::load(std::int32_t partition) {
  auto task = Task::load(*context_, partition, options_.cache_bytes);
  if (!task) return task.error();
  for (std::size_t input = 0; input < is_silent_.size(); ++input) {
    if (is_silent_[input]) (*task)->set_silent(input, true);
  }
  if (wall_ >= 0) (*task)->set_wall(wall_);
  is_resettling_ = is_resettling_ || (*task)->is_resettling();
  auto feed = std::make_unique<Feed>(std::move(*task), options_.inputs.size(), !options_.partitions_by_key);
  if (transactions_ != nullptr) {
    auto outbox = Outbox::load(store_, partition);
    if (!outbox) return outbox.error();
    feed->outbox = std::move(*outbox);
  }
  feeds_.emplace(partition, std::move(feed));
  return base::success();
}

/// Each task has its own cache, so that none is shared between threads.
void Instance::share_cache() {
  if (feeds_.empty()) return;
  for (const auto& [partition, feed] : feeds_) feed->task().set_cache_bytes(options_.cache_bytes / feeds_.size());
}

Feed* Instance::feed_of(std::int32_t partition) const {
  const auto found = feeds_.find(partition);
  return found == feeds_.end() ? nullptr : found->second.get();
}

Instance::Feeds Instance::all_feeds() const {
  Feeds feeds;
  for (const auto& [partition, feed] : feeds_) feeds.push_back(feed.get());
  return feeds;
}

std::optional<TimeUs> Instance::horizon() const {
  if (!options_.follow_wall_clock) return meta_.horizon;
  return wall_ >= 0 ? std::optional(wall_) : std::nullopt;
}

base::Status Instance::failed(base::Error error) { return crew_->fail(std::move(error)); }

// --------------------------------------------------------------------------------------------------------- workers

std::size_t Instance::worker_of(const Feed& feed) const {
  return static_cast<std::size_t>(feed.task().partition()) % crew_->size();
}

/// The next order for a feed, to be filled in; then give_full().
Instance::Order& Instance::new_order(Feed& feed) const {
  Order& order = orders_[worker_of(feed)].emplace_back();
  order.feed = &feed;
  return order;
}

/// Posts the orders of the feed's worker if they make a job.
void Instance::give_full(const Feed& feed) const {
  const std::size_t worker = worker_of(feed);
  if (orders_[worker].size() >= kOrdersPerJob) post_orders(worker);
}

void Instance::give_end(std::int32_t partition, std::uint16_t input, bool at_end) const {
  const auto give = [&](Feed& feed) {
    Order& order = new_order(feed);
    order.kind = at_end ? Order::Kind::kAtEnd : Order::Kind::kNotAtEnd;
    order.input = input;
    give_full(feed);
  };
  if (partition < 0) {
    for (const auto& [each, feed] : feeds_) give(*feed);
  } else if (Feed* feed = feed_of(partition)) {
    give(*feed);
  }
}

void Instance::post_orders(std::size_t worker) const {
  if (orders_[worker].empty()) return;
  auto orders = std::make_shared<std::vector<Order>>();
  orders->swap(orders_[worker]);
  orders_[worker].reserve(kOrdersPerJob);
  crew_->post(worker, [this, orders] { return carry_out(*orders); });
}

base::Status Instance::carry_out(std::vector<Order>& orders) const {
  const Stopwatch watch;
  std::uint64_t settle_ns = 0;
  base::Status status = base::success();
  // Keys come in no order, so each would be waited for. Those of the next orders are brought near meanwhile, in steps.
  std::vector<std::uint64_t> wanted(orders.size());
  const auto each_behind = [&](std::size_t at, std::size_t steps, const auto& act) {
    const std::size_t by = steps * kOrdersPerStep;
    if (at < by || at - by >= orders.size() || !orders[at - by].decoded.event) return;
    act(orders[at - by].feed->task(), at - by);
  };
  constexpr std::size_t kSteps = 3 + KeyState::kPrefetchSteps;
  for (std::size_t at = 0; status && at < orders.size() + kSteps * kOrdersPerStep; ++at) {
    each_behind(at, 0, [&](Task& task, std::size_t i) { wanted[i] = task.prefetch(*orders[i].decoded.event); });
    each_behind(at, 1, [&](const Task& task, std::size_t i) { task.prefetch_entry(wanted[i]); });
    each_behind(at, 2, [&](const Task& task, std::size_t i) { task.prefetch_state(wanted[i]); });
    for (unsigned step = 0; step < KeyState::kPrefetchSteps; ++step) {
      each_behind(at, 3 + step, [&](const Task& task, std::size_t i) { task.prefetch_state(wanted[i], step); });
    }
    if (at < kSteps * kOrdersPerStep) continue;
    Order& order = orders[at - kSteps * kOrdersPerStep];
    status = carry_out(order);
    settle_ns += order.feed->task().take_settle_ns();
  }
  for (const Order& order : orders) publish_bytes(*order.feed);
  settle_ns_ += settle_ns;
  apply_ns_ += watch.ns() - settle_ns;
  return status;
}

base::Status Instance::carry_out(Order& order) {
  switch (order.kind) {
    case Order::Kind::kRecord: return order.feed->offer(std::move(order.decoded), false, order.number);
    case Order::Kind::kLastRecord: return order.feed->offer(std::move(order.decoded), true, order.number);
    case Order::Kind::kAtEnd: return order.feed->set_at_end(order.input, true);
    case Order::Kind::kNotAtEnd: return order.feed->set_at_end(order.input, false);
  }
  return base::success();
}

void Instance::publish_bytes(Feed& feed) const {
  const std::size_t bytes = feed.task().uncommitted_bytes();
  if (bytes == feed.published_bytes) return;
  uncommitted_bytes_ += static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(feed.published_bytes);
  feed.published_bytes = bytes;
}

void Instance::settle_down() const {
  for (std::size_t worker = 0; worker < orders_.size(); ++worker) post_orders(worker);
  crew_->wait();
}

base::Status Instance::barrier() const {
  settle_down();
  return crew_->status();
}

/// Runs a job for each feed on the feed's worker, and waits.
base::Status Instance::run_on(const Feeds& feeds, const std::function<base::Status(Feed&)>& job) const {
  for (std::size_t worker = 0; worker < crew_->size(); ++worker) {
    crew_->post(worker, [this, worker, &feeds, &job]() -> base::Status {
      for (Feed* feed : feeds) {
        if (worker_of(*feed) != worker) continue;
        if (auto status = job(*feed); !status) return status;
        publish_bytes(*feed);
      }
      return base::success();
    });
  }
  return barrier();
}

// ------------------------------------------------------------------------------------------------------ what comes

base::Status Instance::offer(Decoded decoded, bool last_of_input) {
  if (auto status = crew_->status(); !status) return status;
  if (options_.follow_wall_clock && wall_ < 0) {
    return base::Error{"a live instance judges records by the wall clock: tell it by advance_wall() first"};
  }
  if (is_resettling_) {
    if (auto status = resettle(); !status) return status;
  }
  const std::uint16_t input = decoded.record.origin.input;
  TROTH_ASSERT(input < ended_.size());
  Feed* feed = nullptr;
  if (options_.partitions_by_key) {
    feed = feed_of(decoded.event ? base::partition_of(decoded.event->subject, options_.partitions) : 0);
    if (ended_[input] && !options_.follow_wall_clock) {
      ended_[input] = false;
      give_end(-1, input, false);
    }
  } else {
    feed = feed_of(decoded.record.origin.partition);
    if (feed == nullptr) return base::success();
    feed->add_waiting(input);
  }
  ++events_since_commit_;
  Order& order = new_order(*feed);
  order.kind = last_of_input ? Order::Kind::kLastRecord : Order::Kind::kRecord;
  order.input = input;
  order.number = next_number_++;
  order.decoded = std::move(decoded);
  give_full(*feed);
  if (last_of_input && options_.partitions_by_key) {
    ended_[input] = true;
    give_end(-1, input, true);  // its own task has heard already
  }
  return crew_->status();
}

base::Status Instance::news(const InputNews& news) {
  if (auto status = crew_->status(); !status) return status;
  switch (news.kind) {
    case InputNews::Kind::kAssigned: {
      auto assigned = assign(news.partition);
      if (!assigned) return assigned.error();
      return base::success();
    }
    case InputNews::Kind::kRevoked: return revoke(news.partition, false);
    case InputNews::Kind::kLost: return revoke(news.partition, true);
    case InputNews::Kind::kAtEnd:
    case InputNews::Kind::kNotAtEnd: break;
  }
  if (is_resettling_) {
    if (auto status = resettle(); !status) return status;
  }
  const bool at_end = news.kind == InputNews::Kind::kAtEnd;
  TROTH_ASSERT(news.input < ended_.size());
  if (options_.partitions_by_key) {
    TROTH_ASSERT(news.partition < 0);  // the end of a file is its end for all partitions
    if (ended_[news.input] == at_end) return base::success();
    ended_[news.input] = at_end;
  }
  has_news_ = true;
  give_end(news.partition, news.input, at_end);
  return crew_->status();
}

base::Status Instance::advance_wall(TimeUs now) {
  TROTH_ASSERT(options_.follow_wall_clock);
  if (auto status = barrier(); !status) return status;
  wall_ = std::max(wall_, now);
  is_caught_up_ = true;
  for (const auto& [partition, feed] : feeds_) {
    feed->task().set_wall(wall_);
    if (!feed->task().is_caught_up()) {
      is_caught_up_ = false;
      continue;
    }
    auto is_due = feed->task().is_any_timer_due();
    if (!is_due) return failed(is_due.error());
    is_timer_due_ = is_timer_due_ || *is_due;
  }
  return base::success();
}

base::Status Instance::set_silent(std::uint16_t input, bool is_silent) {
  TROTH_ASSERT(options_.follow_wall_clock && input < is_silent_.size());
  if (auto status = barrier(); !status) return status;
  is_silent_[input] = is_silent;
  for (const auto& [partition, feed] : feeds_) feed->task().set_silent(input, is_silent);
  return base::success();
}

base::Result<std::size_t> Instance::held_keys() const {
  if (auto status = barrier(); !status) return status.error();
  std::size_t sum = 0;
  for (const auto& [partition, feed] : feeds_) {
    auto held = feed->task().held_keys();
    if (!held) return held.error();
    sum += *held;
  }
  return sum;
}

// --------------------------------------------------------------------------------------------------------- commits

bool Instance::has_uncommitted() const {
  return events_since_commit_ > 0 || has_news_ || is_timer_due_;
}

bool Instance::wants_commit() const {
  const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(uncommitted_bytes_.load(), 0));
  if (bytes >= options_.dirty_bytes_max / 2 || events_since_commit_ >= kEventsPerCommit) return true;
  if (!options_.follow_wall_clock) return false;
  if (is_timer_due_) return true;
  const TimeUs apart = is_caught_up_ ? options_.commit_us : std::max(options_.commit_us, options_.catch_up_commit_us);
  return has_uncommitted() && wall_ - last_commit_wall_ >= apart;
}

base::Status Instance::commit(std::string source_position) {
  if (auto status = barrier(); !status) return status;
  if (auto status = resettle(); !status) return status;
  if (!options_.epoch_events) {
    if (auto status = close_epochs(all_feeds(), source_position); !status) return status;
    is_timer_due_ = false;
  }
  if (auto status = store_commit(all_feeds(), source_position); !status) return status;
  has_news_ = false;
  statistics_.last_commit_events = std::exchange(events_since_commit_, 0);
  return base::success();
}

base::Status Instance::advance_to(TimeUs t) {
  TROTH_ASSERT(!options_.follow_wall_clock);
  if (auto status = barrier(); !status) return status;
  TROTH_ASSERT(events_since_commit_ == 0);  // their source position is not known here
  if (auto status = resettle(); !status) return status;
  for (const auto& [partition, feed] : feeds_) feed->task().raise_tau(t);
  const std::string position = meta_.source_position;
  if (auto status = close_epochs(all_feeds(), position); !status) return status;
  return store_commit(all_feeds(), position);
}

/// All keys of tasks whose state was written under another version of the model, before they take anything.
base::Status Instance::resettle() {
  if (!is_resettling_) return base::success();
  if (auto status = barrier(); !status) return status;
  if (auto status = settle_in_slices(all_feeds(), meta_.source_position); !status) return status;
  is_resettling_ = false;
  return base::success();
}

/// Closes the open epochs.
base::Status Instance::close_epochs(const Feeds& feeds, const std::string& source_position) {
  const auto begin = [this](Feed& feed) -> base::Status {
    const Stopwatch watch;
    auto begun = feed.task().begin_close();
    settle_ns_ += watch.ns();
    return begun;
  };
  if (auto status = run_on(feeds, begin); !status) return status;
  return settle_in_slices(feeds, source_position);
}

/// Settles what CLOSING and RESETTLING tasks have to settle, in slices, with commits in between where memory asks for
/// them. What is not settled when such a commit happens is noted in it. With fixed epochs one task after the other, so
/// that the order of all outputs does not depend on where the slices end.
base::Status Instance::settle_in_slices(const Feeds& feeds, const std::string& source_position) {
  if (options_.epoch_events && feeds.size() > 1) {
    for (Feed* feed : feeds) {
      if (auto status = settle_in_slices({feed}, source_position); !status) return status;
    }
    return base::success();
  }
  const auto has_more = [](const Feed* feed) { return feed->task().is_closing() || feed->task().is_resettling(); };
  const auto step = [&](Feed& feed) -> base::Status {
    if (!has_more(&feed)) return base::success();
    const Stopwatch watch;
    Task& task = feed.task();
    auto is_left = task.is_closing() ? task.settle_some(options_.keys_per_slice, !options_.epoch_events)
                                    : task.resettle_some(options_.keys_per_slice);
    settle_ns_ += watch.ns();
    if (!is_left) return is_left.error();
    return base::success();
  };
  while (std::any_of(feeds.begin(), feeds.end(), has_more)) {
    if (auto status = run_on(feeds, step); !status) return status;
    if (uncommitted_bytes_.load() < static_cast<std::int64_t>(options_.dirty_bytes_max)) continue;
    if (auto status = store_commit(all_feeds(), source_position); !status) return status;
  }
  return base::success();
}

/// What one task gives to a commit.
struct Instance::Part {
  Feed* feed = nullptr;
  Batch batch;
  std::vector<TaskOutput> out;
  // With Transactions: what is sent once the commit is durable.
  std::vector<Outgoing> records;
  std::vector<std::string> changed;     // changelog keys, in the order of the rows
  std::size_t begin = 0, end = 0;       // the task's changes in the batch of the commit
};

/// Promise P3: what changed in the tasks, the source's position and the sink's mark or the outputs, in one batch.
base::Status Instance::store_commit(const Feeds& feeds, const std::string& source_position) {
  const Stopwatch encoding;
  std::vector<Part> parts(feeds.size());
  std::map<const Feed*, Part*> part_of;
  for (std::size_t i = 0; i < feeds.size(); ++i) part_of[parts[i].feed = feeds[i]] = &parts[i];
  const auto write = [&](Feed& feed) {
    Part& part = *part_of.find(&feed)->second;
    return feed.task().write(part.batch, part.out);
  };
  if (auto status = run_on(feeds, write); !status) return status;
  std::erase_if(parts, [](const Part& part) { return part.batch.empty(); });
  if (parts.empty() && source_position == meta_.source_position) return base::success();

  Batch batch;
  std::vector<Outgoing> out;
  if (transactions_ != nullptr) {
    for (Part& part : parts) write_outbox(part, batch);
  } else {
    std::vector<TaskOutput> outputs;
    for (Part& part : parts) {
      batch.append(std::move(part.batch));
      std::move(part.out.begin(), part.out.end(), std::back_inserter(outputs));
    }
    out = in_order(std::move(outputs));
  }
  since_commit_.encode_ns += encoding.ns();

  InstanceMeta meta = meta_;
  const bool is_second = statistics_.commits % 2 == 1;
  if (!(TROTH_PLANTED(position_a_commit_late) && is_second)) meta.source_position = source_position;
  std::size_t outputs = out.size();
  if (sink_ != nullptr) {
    const Stopwatch writing;
    if (auto written = sink_->write(out); !written) return failed(written.error());
    auto mark = sink_->make_durable();
    if (!mark) return failed(mark.error());
    if (!(TROTH_PLANTED(sink_mark_forgotten) && is_second)) meta.sink_mark = std::move(*mark);
    since_commit_.sink_ns += writing.ns();
  }
  batch.put(keys::instance(), encode_meta(meta));

  const Stopwatch storing;
  if (auto committed = store_.commit(batch); !committed) return failed(committed.error());
  since_commit_.store_ns += storing.ns();
  meta_ = std::move(meta);
  last_commit_wall_ = wall_;
  if (transactions_ != nullptr) {
    for (const Part& part : parts) outputs += part.records.size();
    if (auto delivered = deliver(parts, batch); !delivered) return delivered;
  }

  since_commit_.apply_ns = apply_ns_.exchange(0);
  since_commit_.settle_ns = settle_ns_.exchange(0);
  statistics_.last_commit = std::exchange(since_commit_, {});
  statistics_.total.add(statistics_.last_commit);
  ++statistics_.commits;
  statistics_.last_commit_bytes = batch.bytes();
  statistics_.last_commit_outputs = outputs;
  return base::success();
}

/// The task's changes, and in the outbox what is sent of them.
void Instance::write_outbox(Part& part, Batch& batch) const {
  for (TaskOutput& each : part.out) part.records.push_back(std::move(each.record));
  part.begin = batch.changes().size();
  batch.append(std::move(part.batch));
  part.end = batch.changes().size();
  const bool has_changelog = transactions_->has_changelog();
  if (has_changelog) {
    // The task's own record comes last: who reads it has seen all other rows of the commit.
    const std::string own = keys::task(part.feed->task().partition());
    for (std::size_t i = part.begin; i < part.end; ++i) {
      const std::string& key = batch.changes()[i].key;
      if (key == own) continue;
      if (auto row = keys::changelog_key(key)) part.changed.push_back(std::move(*row));
    }
    part.changed.emplace_back(keys::kEndMark);
  }
  part.feed->outbox->write(batch, part.records, has_changelog ? &part.changed : nullptr);
}

/// Promise P4: outputs leave only after the commit that holds them; it keeps them until they are known to be taken.
base::Status Instance::deliver(std::vector<Part>& parts, const Batch& batch) {
  if (parts.empty()) return base::success();
  const Stopwatch watch;
  std::vector<PartitionDelivery> deliveries;
  for (Part& part : parts) {
    const Task& task = part.feed->task();
    PartitionDelivery& each = deliveries.emplace_back();
    each.partition = task.partition();
    each.commit = task.commit_id();
    each.outputs = &part.records;
    for (std::size_t input = 0; input < options_.inputs.size(); ++input) {
      each.next_offsets.push_back(task.next_offset(input));
    }
    if (part.changed.empty()) continue;
    const std::string own = keys::task(task.partition());
    std::optional<std::string_view> mark;
    for (std::size_t i = part.begin, row = 0; i < part.end; ++i) {
      const Batch::Change& change = batch.changes()[i];
      if (change.key == own) {
        mark = change.value;
      } else if (keys::kInChangelog.find(change.key.front()) != std::string_view::npos) {
        each.rows.push_back({std::move(part.changed[row++]), change.value});
      }
    }
    if (TROTH_PLANTED(removals_not_in_changelog)) {
      std::erase_if(each.rows, [](const ChangelogRow& row) { return !row.value; });
    }
    const auto at = TROTH_PLANTED(end_mark_first) ? each.rows.begin() : each.rows.end();
    each.rows.insert(at, {std::string(keys::kEndMark), mark});
  }
  auto taken = transactions_->deliver(deliveries);
  if (!taken) return failed(taken.error());
  TROTH_ASSERT(taken->size() == parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].feed->task().delivered((*taken)[i]);
  since_commit_.sink_ns += watch.ns();
  return base::success();
}

// ------------------------------------------------------------------------------------------------------ assignments

base::Result<std::vector<std::int64_t>> Instance::assign(std::int32_t partition) {
  TROTH_ASSERT(!options_.partitions_by_key);
  if (auto status = barrier(); !status) return status.error();
  if (partition < 0 || partition >= options_.partitions) {
    return base::Error{"partition " + std::to_string(partition) + " is assigned, but the topics had " +
                       std::to_string(options_.partitions) +
                       " partitions when the state was begun: rebuild the state from the log"};
  }
  if (feed_of(partition) == nullptr) {
    if (transactions_ != nullptr) {
      auto recovered = recover(store_, *transactions_, partition, options_.recovery);
      if (!recovered) return failed(recovered.error()).error();
      recoveries_[partition] = *recovered;
    }
    if (auto loaded = load(partition); !loaded) return failed(loaded.error()).error();
    share_cache();
  }
  std::vector<std::int64_t> next_offsets;
  const Task& task = feed_of(partition)->task();
  for (std::size_t input = 0; input < options_.inputs.size(); ++input) next_offsets.push_back(task.next_offset(input));
  return next_offsets;
}

base::Status Instance::revoke(std::int32_t partition, bool lost) {
  TROTH_ASSERT(!options_.partitions_by_key);
  if (auto status = barrier(); !status) return status;
  Feed* feed = feed_of(partition);
  if (feed == nullptr) return base::success();
  if (!lost) {
    const Feeds feeds{feed};
    if (!feed->task().is_resettling() && !options_.epoch_events) {
      if (auto status = close_epochs(feeds, meta_.source_position); !status) return status;
    }
    if (auto status = store_commit(feeds, meta_.source_position); !status) return status;
  }
  uncommitted_bytes_ -= static_cast<std::int64_t>(feed->published_bytes);
  if (!TROTH_PLANTED(revoked_task_kept)) feeds_.erase(partition);
  share_cache();
  return base::success();
}

std::vector<InputAhead> Instance::inputs_ahead() const {
  std::vector<InputAhead> ahead;
  if (options_.partitions_by_key) return ahead;
  for (const auto& [partition, feed] : feeds_) {
    for (std::size_t input = 0; input < options_.inputs.size(); ++input) {
      const std::size_t bound = base::limits::kMergeAhead / (feed->is_paused[input] ? 2 : 1);
      feed->is_paused[input] = feed->waiting(input) >= bound;
      if (feed->is_paused[input]) ahead.push_back({partition, static_cast<std::uint16_t>(input)});
    }
  }
  return ahead;
}

// --------------------------------------------------------------------------------------------------------- reading

TimeUs Instance::greatest_tau() const {
  settle_down();
  TimeUs greatest = 0;
  for (const auto& [partition, feed] : feeds_) greatest = std::max(greatest, feed->task().tau());
  return greatest;
}

TimeUs Instance::least_tau() const {
  settle_down();
  if (feeds_.empty()) return 0;
  TimeUs least = event::kNever;
  for (const auto& [partition, feed] : feeds_) least = std::min(least, feed->task().tau());
  return least;
}

Tally Instance::tally() const {
  settle_down();
  Tally sum;
  sum.counters.resize(model_.counters().size());
  for (const auto& [partition, feed] : feeds_) sum.add(feed->task().tally());
  return sum;
}

Statistics Instance::statistics() const {
  settle_down();
  Statistics out = statistics_;
  out.events_in_flight = events_since_commit_;
  for (const auto& [partition, feed] : feeds_) {
    const Task& task = feed->task();
    PartitionStatistics& each = out.partitions.emplace_back(task.statistics());
    for (std::size_t input = 0; input < options_.inputs.size(); ++input) {
      each.merge_ahead.push_back(feed->waiting(input));
    }
    out.keys_settled += task.keys_settled();
    out.cache_hits += task.cache().hits();
    out.cache_misses += task.cache().misses();
    out.dirty_bytes += task.cache().dirty_bytes();
    out.cached_bytes += task.cache().clean_bytes();
    out.output_bytes += task.output_bytes();
    if (feed->outbox) out.outbox_chunks += feed->outbox->chunks();
  }
  return out;
}

base::Status Instance::for_each_key(
    const std::function<base::Status(std::int32_t partition, std::string_view key, KeyState& state)>& each) {
  if (auto status = barrier(); !status) return status;
  for (const auto& [partition, feed] : feeds_) {
    const std::int32_t number = partition;
    const auto one = [&](std::string_view key, KeyState& state) { return each(number, key, state); };
    if (auto status = feed->task().for_each_key(one); !status) return status;
  }
  return base::success();
}

base::Result<KeyState*> Instance::find(std::string_view key, std::string_view subject) {
  if (auto status = barrier(); !status) return status.error();
  // Producers to Kafka may spread keys otherwise, so there the likely partition is only the first to be asked.
  const std::int32_t likely = base::partition_of(subject, options_.partitions);
  Feeds feeds;
  if (Feed* feed = feed_of(likely)) feeds.push_back(feed);
  for (const auto& [partition, feed] : feeds_) {
    if (partition != likely && !options_.partitions_by_key) feeds.push_back(feed.get());
  }
  for (Feed* feed : feeds) {
    auto found = feed->task().find(key);
    if (!found) return failed(found.error()).error();
    if (*found != nullptr) return found;
  }
  return static_cast<KeyState*>(nullptr);
}

}  // namespace troth::task
