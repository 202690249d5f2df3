#include "engine/source/kafka_source.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "engine/base/assert.h"
#include "engine/source/kafka_assignment.h"
#include "engine/source/kafka_client.h"

namespace troth::source {
namespace {

using task::Arrival;
using task::InputNews;

/// Messages taken from the client in one go.
constexpr std::size_t kMessagesPerPoll = 10'000;
/// What the client may hold of messages not taken yet, for each worker, as long as there are not too many of these.
constexpr int kAheadMessages = 200'000;
constexpr int kAheadKib = 64 * 1024;
constexpr int kAheadWorkers = 16;
/// How often, and for how long, poll() looks whether a cluster that was away is back.
constexpr int kProbeEveryMs = 1'000;
constexpr int kProbeTimeoutMs = 100;

std::vector<KafkaSetting> preferred_settings(int workers) {
  const int shares = std::clamp(workers, 1, kAheadWorkers);
  return {
      {"session.timeout.ms", "10000"},
      {"heartbeat.interval.ms", "500"},
      {"fetch.wait.max.ms", "20"},
      // More than we take in over a second: once these are reached, librdkafka 2.0.2 looks again only a second later.
      {"queued.min.messages", std::to_string(shares * kAheadMessages)},
      {"queued.max.messages.kbytes", std::to_string(shares * kAheadKib)},
      {"fetch.queue.backoff.ms", "10", true},  // the cure of the same, in newer versions
  };
}

std::vector<KafkaSetting> fixed_settings(const KafkaSourceOptions& options) {
  std::vector<KafkaSetting> fixed = {
      {"group.id", options.group},           {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
      {"isolation.level", "read_committed"}, {"check.crcs", "true"},
      {"enable.partition.eof", "true"},      {"partition.assignment.strategy", "range"},
      {"allow.auto.create.topics", "false"},
  };
  if (!options.instance.empty()) fixed.push_back({"group.instance.id", options.instance});
  return fixed;
}

std::optional<std::string> text_or_null(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

task::Headers headers_of(const rd_kafka_message_t& message) {
  task::Headers headers;
  rd_kafka_headers_t* raw = nullptr;
  if (rd_kafka_message_headers(&message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return headers;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(raw, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    headers.emplace_back(name, text_or_null(value, size).value_or(std::string()));
  }
  return headers;
}

base::Error fatal_error(const std::string& cause, const std::string& instance) {
  if (cause.find("FENCED_INSTANCE_ID") != std::string::npos) {
    // Also by an earlier request of our own that reached the broker late, after an outage: it looks the same from here.
    return base::Error{
        "Kafka: the group has given instance `" + instance +
        "` to another process, so this one must stop. If there is one, give each process an instance id of "
        "its own; if not (it can happen after an outage), start again to resume (" +
        cause + ")"};
  }
  return base::Error{"Kafka: the consumer cannot go on: " + cause + ". Start again to resume"};
}

}  // namespace

class KafkaSource::Impl {
 public:
  explicit Impl(KafkaSourceOptions options) : options_(std::move(options)) {}
  ~Impl() { static_cast<void>(close(5'000)); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Status open();
  base::Result<std::size_t> poll(std::vector<Arrival>& out, std::size_t max, int timeout_ms);
  base::Status seek(std::int32_t partition, const std::vector<std::int64_t>& next_offsets);
  base::Status set_paused(std::uint16_t input, std::int32_t partition, bool paused);
  base::Result<std::optional<std::string>> committed_metadata(std::int32_t partition, int timeout_ms) const;
  [[nodiscard]] KafkaMembership membership() const { return membership_; }
  std::optional<std::int64_t> topic_end(std::uint16_t input, int timeout_ms) const;
  std::optional<std::int64_t> lag(std::uint16_t input, std::int32_t partition) const;
  base::Status close(int deadline_ms);

  [[nodiscard]] const std::vector<std::string>& topics() const { return options_.topics; }
  [[nodiscard]] std::int32_t partitions() const { return partitions_; }
  [[nodiscard]] KafkaHealth health() const { return context_->health.get(); }
  [[nodiscard]] KafkaOffsetCounts counts() const { return counts_; }

 private:
  enum class State : std::uint8_t { kIdle, kHeld, kRunning, kLeaving, kClosed };

  /// One input of a partition that is ours.
  struct Slot {
    KafkaPosition position;
    std::uint64_t end_checked_in = 0;  // the batch in which its backlog was looked at
    std::uint64_t skipped_in = 0;      // the batch whose rest is dropped, because it is read again
  };

  // Rebalance.
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
                           void* opaque);
  void take_assignment(const rd_kafka_topic_partition_list_t& list);
  void lose_assignment();
  void leave();
  base::Status begin_reading();

  // Reading.
  void read(std::size_t max, int timeout_ms);
  std::size_t consume(int timeout_ms, std::size_t from, std::size_t max);
  void handle(const rd_kafka_message_t& message);
  void deliver(const rd_kafka_message_t& message, std::uint16_t input, Slot& slot);
  void handle_error(const rd_kafka_message_t& message);
  void read_again(const rd_kafka_message_t& message, Slot& slot);
  void probe();

  void emit(Arrival arrival);
  void emit_news(InputNews::Kind kind, std::uint16_t input, std::int32_t partition) {
    emit(Arrival{std::nullopt, InputNews{kind, input, partition}});
  }
  void fail(std::string message) {
    if (!failed_) failed_ = base::Error{std::move(message)};
  }
  void fail_for_good(std::string message) {
    if (!failed_) failed_ = base::final_error(std::move(message));
  }
  [[nodiscard]] std::optional<std::uint16_t> input_of(const rd_kafka_message_t& message) const;
  Slot* slot_of(std::uint16_t input, std::int32_t partition);
  [[nodiscard]] const Slot* slot_of(std::uint16_t input, std::int32_t partition) const;
  [[nodiscard]] std::int64_t broker_end(std::uint16_t input, std::int32_t partition) const;
  [[nodiscard]] std::string place(const rd_kafka_message_t& message) const;

  KafkaSourceOptions options_;
  /// On the heap, because an abandoned client keeps it.
  std::unique_ptr<KafkaContext> context_ = std::make_unique<KafkaContext>();
  KafkaHandle client_;
  KafkaQueue queue_;
  std::int32_t partitions_ = 0;

  KafkaMembership membership_;

  State state_ = State::kIdle;
  std::vector<std::vector<Slot>> owned_;   // by partition, then input; no inputs: not ours
  std::set<std::int32_t> unplaced_;        // Held: those without positions
  std::vector<InputNews> rebalance_news_;  // of the rebalance step within this poll: comes after the records
  std::deque<Arrival> pending_;            // did not fit into the last poll
  std::optional<base::Error> failed_;
  KafkaOffsetCounts counts_;

  std::vector<rd_kafka_message_t*> batch_;
  std::uint64_t batch_number_ = 0;
  std::vector<Arrival>* out_ = nullptr;  // of the poll that runs
  std::size_t out_limit_ = 0;
  KafkaInstant next_probe_{};
};

// ---------------------------------------------------------------------------------------------------------------- open

base::Status KafkaSource::Impl::open() {
  const KafkaInstant deadline = kafka_deadline(options_.start_timeout_ms);
  if (options_.group.empty()) return base::Error{"Kafka: the consumer group has no name"};
  context_->owner = this;
  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kConsumer, *context_, preferred_settings(options_.workers),
                              fixed_settings(options_));
  if (!conf.ok()) return conf.error();
  rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
  auto client = make_kafka_client(RD_KAFKA_CONSUMER, std::move(conf).value());
  if (!client.ok()) return client.error();
  client_ = std::move(client).value();

  const auto topics = list_kafka_topics(client_.get(), *context_, options_.kafka.bootstrap, deadline);
  if (!topics.ok()) return topics.error();
  const auto common = common_partitions(options_.topics, [&](const std::string& topic) {
    const auto found = topics->find(topic);
    return found == topics->end() ? -1 : found->second;
  });
  if (!common.ok()) return base::Error{"Kafka at " + options_.kafka.bootstrap + ": " + common.error().message};
  partitions_ = *common;
  owned_.resize(static_cast<std::size_t>(partitions_));
  batch_.resize(kMessagesPerPoll);

  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  const KafkaPartitionList subscription(rd_kafka_topic_partition_list_new(static_cast<int>(options_.topics.size())));
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(subscription.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (const auto error = rd_kafka_subscribe(client_.get(), subscription.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{"Kafka: cannot subscribe: " + std::string(rd_kafka_err2str(error))};
  }
  return base::success();
}

// ----------------------------------------------------------------------------------------------------------- rebalance

void KafkaSource::Impl::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                                     rd_kafka_topic_partition_list_t* list, void* opaque) {
  Impl& self = *static_cast<Impl*>(static_cast<KafkaContext*>(opaque)->owner);
  if (self.state_ == State::kClosed || self.failed_) {
    rd_kafka_assign(client, nullptr);
  } else if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self.take_assignment(*list);
  } else if (error == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    self.lose_assignment();
  } else {
    self.context_->health.note_error(std::string(rd_kafka_err2name(error)) + ": " + rd_kafka_err2str(error));
    self.lose_assignment();
  }
}

void KafkaSource::Impl::take_assignment(const rd_kafka_topic_partition_list_t& list) {
  TROTH_ASSERT(state_ == State::kIdle);
  context_->health.set_connected(true);
  membership_.reset(rd_kafka_consumer_group_metadata(client_.get()), rd_kafka_consumer_group_metadata_destroy);
  std::vector<KafkaAssigned> assigned;
  for (int i = 0; i < list.cnt; ++i) assigned.push_back({list.elems[i].topic, list.elems[i].partition});
  const auto whole = whole_partitions(assigned, options_.topics, partitions_);
  if (!whole.ok()) {
    fail_for_good("Kafka group " + options_.group + ": " + whole.error().message);
    rd_kafka_assign(client_.get(), nullptr);
    return;
  }
  for (const std::int32_t partition : *whole) {
    owned_[static_cast<std::size_t>(partition)].resize(options_.topics.size());
    unplaced_.insert(partition);
    rebalance_news_.push_back({InputNews::Kind::kAssigned, 0, partition});
  }
  state_ = State::kHeld;
  if (whole->empty()) {  // more members than partitions
    if (base::Status begun = begin_reading(); !begun.ok()) failed_ = begun.error();
  }
}

void KafkaSource::Impl::lose_assignment() {
  const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
  for (std::size_t partition = 0; partition < owned_.size(); ++partition) {
    if (owned_[partition].empty()) continue;
    rebalance_news_.push_back(
        {lost ? InputNews::Kind::kLost : InputNews::Kind::kRevoked, 0, static_cast<std::int32_t>(partition)});
    if (lost) owned_[partition].clear();  // so that what the batch holds of it is dropped
  }
  if (lost) membership_.reset();
  unplaced_.clear();
  state_ = State::kLeaving;
}

void KafkaSource::Impl::leave() {
  for (auto& inputs : owned_) inputs.clear();
  unplaced_.clear();
  membership_.reset();
  state_ = State::kIdle;
  rd_kafka_assign(client_.get(), nullptr);
}

base::Status KafkaSource::Impl::begin_reading() {
  const KafkaPartitionList list(
      rd_kafka_topic_partition_list_new(static_cast<int>(owned_.size() * options_.topics.size())));
  for (std::size_t partition = 0; partition < owned_.size(); ++partition) {
    for (std::size_t input = 0; input < owned_[partition].size(); ++input) {
      auto* each = rd_kafka_topic_partition_list_add(list.get(), options_.topics[input].c_str(),
                                                     static_cast<std::int32_t>(partition));
      const std::int64_t next = owned_[partition][input].position.next();
      each->offset = next < 0 ? static_cast<std::int64_t>(RD_KAFKA_OFFSET_BEGINNING) : next;
    }
  }
  state_ = State::kRunning;
  if (const auto error = rd_kafka_assign(client_.get(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{"Kafka: cannot begin to read: " + std::string(rd_kafka_err2str(error))};
  }
  return base::success();
}

base::Status KafkaSource::Impl::seek(std::int32_t partition, const std::vector<std::int64_t>& next_offsets) {
  TROTH_ASSERT(next_offsets.size() == options_.topics.size());
  TROTH_ASSERT(partition >= 0 && partition < partitions_);
  if (state_ != State::kHeld && state_ != State::kRunning) return base::success();  // on its way out
  auto& slots = owned_[static_cast<std::size_t>(partition)];
  TROTH_ASSERT(!slots.empty());

  if (state_ == State::kHeld) {
    for (std::size_t input = 0; input < slots.size(); ++input) slots[input].position.start(next_offsets[input]);
    unplaced_.erase(partition);
    return unplaced_.empty() ? begin_reading() : base::success();
  }

  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(slots.size())));
  for (std::uint16_t input = 0; input < slots.size(); ++input) {
    if (base::Status resumed = set_paused(input, partition, false); !resumed.ok()) return resumed;
    slots[input].position.start(next_offsets[input]);
    const std::int64_t next = next_offsets[input];
    rd_kafka_topic_partition_list_add(list.get(), options_.topics[input].c_str(), partition)->offset =
        next < 0 ? static_cast<std::int64_t>(RD_KAFKA_OFFSET_BEGINNING) : next;
  }
  std::erase_if(pending_, [&](const Arrival& each) {
    return (each.record ? each.record->origin.partition : each.news.partition) == partition;
  });
  // Without a timeout the client does not wait: it bars what it has fetched at once, and that is what matters.
  if (const KafkaErrorPtr error(rd_kafka_seek_partitions(client_.get(), list.get(), 0)); error) {
    return base::Error{"Kafka: cannot go back to partition " + std::to_string(partition) +
                       "'s stored positions: " + rd_kafka_error_string(error.get())};
  }
  return base::success();
}

// ------------------------------------------------------------------------------------------------------------- reading

base::Result<std::size_t> KafkaSource::Impl::poll(std::vector<Arrival>& out, std::size_t max, int timeout_ms) {
  TROTH_ASSERT(max > 0 && state_ != State::kClosed);
  if (failed_) return *failed_;
  const std::size_t before = out.size();
  if (pending_.empty()) {
    if (state_ == State::kLeaving) leave();
    out_ = &out;
    out_limit_ = before + max;
    read(std::min(max, kMessagesPerPoll), timeout_ms);
    out_ = nullptr;
    if (failed_) return *failed_;
  } else {
    const auto count = static_cast<std::ptrdiff_t>(std::min(max, pending_.size()));
    std::move(pending_.begin(), pending_.begin() + count, std::back_inserter(out));
    pending_.erase(pending_.begin(), pending_.begin() + count);
  }
  return out.size() - before;
}

void KafkaSource::Impl::read(std::size_t max, int timeout_ms) {
  ++batch_number_;
  probe();
  // The client waits until a batch is full; so take what is there, and only wait for the first message.
  std::size_t count = consume(0, 0, max);
  if (count == 0 && rebalance_news_.empty() && timeout_ms > 0) {
    count = consume(timeout_ms, 0, 1);
    if (count == 1 && rebalance_news_.empty()) count += consume(0, 1, max - 1);
  }
  if (count > 0) context_->health.set_connected(true);
  for (std::size_t i = 0; i < count; ++i) {
    handle(*batch_[i]);
    rd_kafka_message_destroy(batch_[i]);
  }
  for (const InputNews& news : rebalance_news_) emit(Arrival{std::nullopt, news});
  rebalance_news_.clear();
  if (const std::string fatal = kafka_fatal(client_.get()); !fatal.empty() && !failed_) {
    failed_ = fatal_error(fatal, options_.instance);
  }
}

/// Fills the batch from index `from`; answers how many messages were added. Callbacks run in here, and nowhere else.
std::size_t KafkaSource::Impl::consume(int timeout_ms, std::size_t from, std::size_t max) {
  if (max == 0) return 0;
  const ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, batch_.data() + from, max);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void KafkaSource::Impl::handle(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    handle_error(message);
    return;
  }
  // In a poll in which partitions are taken away nothing counts any more: the client may have dropped a part of what it had
  // fetched. Whoever gets them reads on from what was committed.
  if (state_ != State::kRunning) return;
  const auto input = input_of(message);
  Slot* slot = input ? slot_of(*input, message.partition) : nullptr;
  if (slot == nullptr || slot->skipped_in == batch_number_) return;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    switch (slot->position.reach_end(message.offset)) {
      case KafkaPosition::End::kNews: emit_news(InputNews::Kind::kAtEnd, *input, message.partition); return;
      case KafkaPosition::End::kKnown: return;
      case KafkaPosition::End::kReadAgain: ++counts_.reread; read_again(message, *slot); return;
    }
    return;
  }
  deliver(message, *input, *slot);
}

void KafkaSource::Impl::deliver(const rd_kafka_message_t& message, std::uint16_t input, Slot& slot) {
  switch (slot.position.take(message.offset, counts_)) {
    case KafkaPosition::Step::kDrop: return;
    case KafkaPosition::Step::kReadAgain: read_again(message, slot); return;
    case KafkaPosition::Step::kDeliver: break;
  }
  if (slot.position.at_end() && slot.end_checked_in != batch_number_) {
    slot.end_checked_in = batch_number_;
    if (slot.position.fall_behind(message.offset, broker_end(input, message.partition), options_.behind_records)) {
      emit_news(InputNews::Kind::kNotAtEnd, input, message.partition);
    }
  }
  task::Record record;
  record.origin = {input, message.partition, message.offset};
  record.key = text_or_null(message.key, message.key_len);
  record.value = text_or_null(message.payload, message.len);
  record.headers = headers_of(message);
  emit(Arrival{std::move(record), {}});
}

void KafkaSource::Impl::read_again(const rd_kafka_message_t& message, Slot& slot) {
  slot.skipped_in = batch_number_;
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
  const std::int64_t next = slot.position.next();
  rd_kafka_topic_partition_list_add(list.get(), rd_kafka_topic_name(message.rkt), message.partition)->offset =
      next < 0 ? static_cast<std::int64_t>(RD_KAFKA_OFFSET_BEGINNING) : next;
  if (const KafkaErrorPtr error(rd_kafka_seek_partitions(client_.get(), list.get(), 0)); error) {
    fail(place(message) + ": cannot read again from offset " + std::to_string(slot.position.next()) + ": " +
         rd_kafka_error_string(error.get()));
  }
}

void KafkaSource::Impl::handle_error(const rd_kafka_message_t& message) {
  const auto input = message.rkt == nullptr ? std::nullopt : input_of(message);
  const Slot* slot = input ? slot_of(*input, message.partition) : nullptr;
  const std::string why = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (slot == nullptr) return;  // of a partition that is not ours any more
      fail_for_good(place(message) + ": the next offset to read, " + std::to_string(slot->position.next()) +
           ", is not in the log: the log was cut (retention) or the topic was made anew, and records are missing to "
           "this "
           "state. Bring the log back, or begin with an empty state directory and replay the history (" +
           why + ")");
      return;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
      // The client would go on behind it.
      fail_for_good(place(message) + ", offset " + std::to_string(message.offset) +
           ": the records here cannot be read and would be skipped: " + why + ". Check the disks of the broker");
      return;
    default: context_->health.note_error(place(message) + ": " + rd_kafka_err2name(message.err) + ": " + why);
  }
}

/// The client tells when the last connection is lost, but not when one is back: on quiet topics nothing else would.
void KafkaSource::Impl::probe() {
  if (context_->health.get().connected || std::chrono::steady_clock::now() < next_probe_) return;
  next_probe_ = kafka_deadline(kProbeEveryMs);
  const rd_kafka_metadata_t* raw = nullptr;
  if (rd_kafka_metadata(client_.get(), 0, nullptr, &raw, kProbeTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  rd_kafka_metadata_destroy(raw);
  context_->health.set_connected(true);
}

void KafkaSource::Impl::emit(Arrival arrival) {
  if (pending_.empty() && out_->size() < out_limit_) {
    out_->push_back(std::move(arrival));
  } else {
    pending_.push_back(std::move(arrival));
  }
}

std::optional<std::uint16_t> KafkaSource::Impl::input_of(const rd_kafka_message_t& message) const {
  const char* name = rd_kafka_topic_name(message.rkt);
  for (std::uint16_t input = 0; input < options_.topics.size(); ++input) {
    if (options_.topics[input] == name) return input;
  }
  return std::nullopt;
}

const KafkaSource::Impl::Slot* KafkaSource::Impl::slot_of(std::uint16_t input, std::int32_t partition) const {
  if (partition < 0 || partition >= partitions_) return nullptr;
  const auto& slots = owned_[static_cast<std::size_t>(partition)];
  return input < slots.size() ? &slots[input] : nullptr;
}

KafkaSource::Impl::Slot* KafkaSource::Impl::slot_of(std::uint16_t input, std::int32_t partition) {
  return const_cast<Slot*>(std::as_const(*this).slot_of(input, partition));
}

std::int64_t KafkaSource::Impl::broker_end(std::uint16_t input, std::int32_t partition) const {
  std::int64_t low = -1;
  std::int64_t high = -1;
  rd_kafka_get_watermark_offsets(client_.get(), options_.topics[input].c_str(), partition, &low, &high);
  return std::max<std::int64_t>(high, -1);
}

std::string KafkaSource::Impl::place(const rd_kafka_message_t& message) const {
  if (message.rkt == nullptr) return "Kafka";
  return "Kafka topic " + std::string(rd_kafka_topic_name(message.rkt)) + ", partition " +
         std::to_string(message.partition);
}

// ------------------------------------------------------------------------------------------------ pause, lag, close

base::Status KafkaSource::Impl::set_paused(std::uint16_t input, std::int32_t partition, bool paused) {
  Slot* slot = slot_of(input, partition);
  // Resuming what is not paused rewinds it in librdkafka before 2.4.
  if (state_ != State::kRunning || slot == nullptr || slot->position.paused == paused) return base::success();
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
  auto* only = rd_kafka_topic_partition_list_add(list.get(), options_.topics[input].c_str(), partition);
  if (paused) {
    rd_kafka_pause_partitions(client_.get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_.get(), list.get());
  }
  if (only->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{"Kafka topic " + options_.topics[input] + ", partition " + std::to_string(partition) +
                       ": cannot " + (paused ? "pause: " : "resume: ") + rd_kafka_err2str(only->err)};
  }
  slot->position.paused = paused;
  if (!paused) slot->position.resumed();
  return base::success();
}

base::Result<std::optional<std::string>> KafkaSource::Impl::committed_metadata(std::int32_t partition,
                                                                               int timeout_ms) const {
  const KafkaInstant deadline = kafka_deadline(timeout_ms);
  const std::string where = "Kafka group " + options_.group + ", partition " + std::to_string(partition);
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(options_.topics.size())));
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  }
  for (;;) {
    const int left_ms = kafka_time_left(deadline, 2'000);
    // While a transaction with offsets of this partition is open, the broker gives no answer: that is not "none".
    const rd_kafka_resp_err_t error = rd_kafka_committed(client_.get(), list.get(), std::max(left_ms, 1));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (kafka_time_left(deadline, 1) == 0) {
      return base::Error{where + ": the group's positions cannot be read: " + rd_kafka_err2str(error) +
                         ". A transaction of another instance may still be open: it ends by itself"};
    }
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::optional<std::string> metadata;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return base::Error{where + ": the group's position in " + each.topic + " cannot be read: " +
                         rd_kafka_err2str(each.err)};
    }
    if (each.offset < 0) continue;
    std::string text(static_cast<const char*>(each.metadata), each.metadata == nullptr ? 0 : each.metadata_size);
    if (metadata && *metadata != text) {
      return base::Error{where + ": the group's positions in the input topics were written by different commits: "
                         "something else than Troth commits to this group. Give Troth a group of its own"};
    }
    metadata = std::move(text);
  }
  return metadata;
}

std::optional<std::int64_t> KafkaSource::Impl::topic_end(std::uint16_t input, int timeout_ms) const {
  const KafkaInstant deadline = kafka_deadline(timeout_ms);
  std::int64_t sum = 0;
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error = rd_kafka_query_watermark_offsets(client_.get(), options_.topics[input].c_str(), partition, &low,
                                                        &high, std::max(1, kafka_time_left(deadline, timeout_ms)));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
    sum += high;
  }
  return sum;
}

std::optional<std::int64_t> KafkaSource::Impl::lag(std::uint16_t input, std::int32_t partition) const {
  const Slot* slot = slot_of(input, partition);
  if (slot == nullptr || state_ == State::kClosed) return std::nullopt;
  return slot->position.lag(broker_end(input, partition));
}

base::Status KafkaSource::Impl::close(int deadline_ms) {
  if (state_ == State::kClosed || client_ == nullptr) return base::success();
  const KafkaInstant deadline = kafka_deadline(deadline_ms);
  // An assignment that was neither taken nor given back would keep the client from closing.
  if (state_ == State::kHeld || state_ == State::kLeaving) leave();
  state_ = State::kClosed;
  for (auto& inputs : owned_) inputs.clear();
  if (queue_ == nullptr) {  // never got as far as joining
    client_.reset();
    return base::success();
  }
  // After a fatal error there is nothing to close: the group has thrown us out already.
  const bool closing = KafkaErrorPtr(rd_kafka_consumer_close_queue(client_.get(), queue_.get())) == nullptr;
  while (closing && rd_kafka_consumer_closed(client_.get()) == 0 && kafka_time_left(deadline, 1) > 0) {
    // Not rd_kafka_queue_poll_callback(): it aborts the process if a fetched message is still in the queue.
    const std::size_t count = consume(kafka_time_left(deadline, 20), 0, kMessagesPerPoll);
    for (std::size_t i = 0; i < count; ++i) rd_kafka_message_destroy(batch_[i]);
  }
  if (closing && rd_kafka_consumer_closed(client_.get()) == 0) {
    static_cast<void>(queue_.release());
    static_cast<void>(client_.release());
    static_cast<void>(context_.release());
    context_ = std::make_unique<KafkaContext>();
    return base::Error{"Kafka: the consumer did not close within " + std::to_string(deadline_ms) +
                       " ms; the group notices after its session timeout. End the process: nothing is lost"};
  }
  queue_.reset();
  rd_kafka_destroy_flags(client_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  return base::success();
}

// ----------------------------------------------------------------------------------------------------------- shell

KafkaSource::KafkaSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaSource::~KafkaSource() = default;

base::Result<std::unique_ptr<KafkaSource>> KafkaSource::open(KafkaSourceOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (base::Status opened = impl->open(); !opened.ok()) return opened.error();
  return std::unique_ptr<KafkaSource>(new KafkaSource(std::move(impl)));
}

const std::vector<std::string>& KafkaSource::inputs() const { return impl_->topics(); }
std::int32_t KafkaSource::partitions() const { return impl_->partitions(); }
base::Result<std::size_t> KafkaSource::poll(std::vector<task::Arrival>& out, std::size_t max, int timeout_ms) {
  return impl_->poll(out, max, timeout_ms);
}
base::Status KafkaSource::seek(std::int32_t partition, const std::vector<std::int64_t>& next_offsets) {
  return impl_->seek(partition, next_offsets);
}
base::Status KafkaSource::pause(std::uint16_t input, std::int32_t partition) {
  return impl_->set_paused(input, partition, true);
}
base::Status KafkaSource::resume(std::uint16_t input, std::int32_t partition) {
  return impl_->set_paused(input, partition, false);
}
KafkaMembership KafkaSource::membership() const { return impl_->membership(); }
base::Result<std::optional<std::string>> KafkaSource::committed_metadata(std::int32_t partition, int timeout_ms) {
  return impl_->committed_metadata(partition, timeout_ms);
}
std::optional<std::int64_t> KafkaSource::topic_end(std::uint16_t input, int timeout_ms) const {
  return impl_->topic_end(input, timeout_ms);
}
std::optional<std::int64_t> KafkaSource::lag(std::uint16_t input, std::int32_t partition) const {
  return impl_->lag(input, partition);
}
KafkaHealth KafkaSource::health() const { return impl_->health(); }
KafkaOffsetCounts KafkaSource::counts() const { return impl_->counts(); }
base::Status KafkaSource::close(int deadline_ms) { return impl_->close(deadline_ms); }

}  // namespace troth::source
