#include "engine/sink/kafka_repartition.h"

#include <atomic>
#include <charconv>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaContext;
using source::KafkaErrorPtr;
using source::KafkaHandle;
using source::KafkaInstant;
using source::KafkaPartitionList;
using source::KafkaRole;
using source::KafkaSetting;

constexpr std::size_t kMessagesPerPoll = 10'000;
constexpr int kPollMs = 50;
/// A transaction ends after so long or so many records, whichever comes first.
constexpr int kTransactionMs = 100;
constexpr std::size_t kTransactionRecords = 50'000;
constexpr int kLookEveryMs = 1'000;
/// A partition is at its end while not more than this is left, as for the engine's own inputs.
constexpr std::int64_t kBehindRecords = 10'000;
constexpr std::string_view kProgressBegin = "troth-route1;";

/// How far a partition is, as its committed position tells.
struct Progress {
  event::TimeUs time = 0;  // greatest of the records routed
  bool at_end = false;
};

std::string progress_text(const Progress& progress) {
  return std::string(kProgressBegin) + std::to_string(progress.time) + (progress.at_end ? ";end" : ";more");
}

std::optional<Progress> read_progress(std::string_view text) {
  if (!text.starts_with(kProgressBegin)) return std::nullopt;
  Progress progress;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + kProgressBegin.size(), end, progress.time);
  if (error != std::errc()) return std::nullopt;
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  progress.at_end = rest == ";end";
  return progress.at_end || rest == ";more" ? std::optional(progress) : std::nullopt;
}

using Place = std::pair<std::string, std::int32_t>;  // topic, partition

/// A partition of an input that is ours.
struct Slot {
  std::int64_t next = -1;  // −1: not known yet
  Progress progress;
  bool is_touched = false;  // not committed as it is
  bool is_paused = false;
  bool is_resumed = false;      // the next record is the first since it was
  std::uint64_t skipped_in = 0;  // the turn whose rest is dropped, because it is read again
};

}  // namespace

std::string came_from_text(const task::CameFrom& from) {
  return from.topic + '/' + std::to_string(from.partition) + '/' + std::to_string(from.offset);
}

std::optional<task::CameFrom> read_came_from(const std::string& text) {
  const std::size_t second = text.rfind('/');
  if (second == std::string::npos || second == 0) return std::nullopt;
  const std::size_t first = text.rfind('/', second - 1);
  if (first == std::string::npos || first == 0) return std::nullopt;
  task::CameFrom from;
  from.topic = text.substr(0, first);
  const auto number = [&](std::size_t begin, std::size_t end, auto& value) {
    const auto [at, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    return error == std::errc() && at == text.data() + end && value >= 0;
  };
  if (!number(first + 1, second, from.partition) || !number(second + 1, text.size(), from.offset)) return std::nullopt;
  return from;
}

class KafkaRepartition::Impl {
 public:
  Impl(KafkaRepartitionOptions options, std::function<Route(const task::Record&)> route)
      : options_(std::move(options)), route_(std::move(route)) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Status open();
  void begin() {
    thread_ = std::thread([this] { run(); });
  }

  [[nodiscard]] std::optional<base::Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  [[nodiscard]] bool is_caught_up() const { return is_caught_up_; }
  [[nodiscard]] std::uint64_t routed() const { return routed_; }

 private:
  base::Status open_producer(KafkaInstant deadline);
  base::Status open_consumer();
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
                           void* opaque);
  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);

  void run();
  void turn();
  void remember(const rd_kafka_topic_partition_list_t& assigned);
  void take(const rd_kafka_message_t& message);
  bool reads_again(const rd_kafka_message_t& message, Slot& slot);
  void route(const rd_kafka_message_t& message, Slot& slot);
  void produce(const rd_kafka_message_t& message, std::int32_t partition);
  void commit();
  void look();
  void pace(event::TimeUs slowest);
  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = base::Error{"Kafka: routing by customer: " + what};
  }
  [[nodiscard]] bool has_failed() const { return failure().has_value(); }
  template <typename Call>
  bool call(const std::string& what, const Call& step);

  KafkaRepartitionOptions options_;
  std::function<Route(const task::Record&)> route_;
  KafkaContext producer_context_, consumer_context_;  // outlive the clients
  KafkaHandle producer_;
  source::KafkaTopic topic_;
  std::int32_t partitions_ = 0;  // of the routed topic
  std::vector<Place> all_;       // partitions of all inputs
  KafkaHandle consumer_;
  source::KafkaQueue queue_;
  std::vector<rd_kafka_message_t*> batch_;

  std::map<Place, Slot> slots_;
  std::shared_ptr<rd_kafka_consumer_group_metadata_t> membership_;
  bool is_in_transaction_ = false;
  std::size_t in_transaction_ = 0;  // records
  std::uint64_t turn_ = 0;
  KafkaInstant commit_at_{};
  KafkaInstant look_at_{};
  std::optional<std::string> refused_;

  std::thread thread_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_caught_up_{false};
  std::atomic<std::uint64_t> routed_{0};
  mutable std::mutex mutex_;  // guards failure_
  std::optional<base::Error> failure_;
};

KafkaRepartition::Impl::~Impl() {
  is_stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (consumer_ != nullptr) {
    rd_kafka_consumer_close(consumer_.get());
    queue_.reset();
  }
}

// ---------------------------------------------------------------------------------------------------------------- open

base::Status KafkaRepartition::Impl::open() {
  if (base::Status opened = open_producer(source::kafka_deadline(options_.start_timeout_ms)); !opened) return opened;
  return open_consumer();
}

base::Status KafkaRepartition::Impl::open_producer(KafkaInstant deadline) {
  producer_context_.owner = this;
  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kProducer, producer_context_,
                              {{"linger.ms", "5"}, {"compression.codec", "zstd"}, {"retry.backoff.ms", "5"}},
                              {{"transactional.id", options_.transactional_id},
                               {"transaction.timeout.ms", std::to_string(options_.transaction_timeout_ms)}});
  if (!conf.ok()) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = source::make_kafka_client(RD_KAFKA_PRODUCER, std::move(conf).value());
  if (!client.ok()) return client.error();
  producer_ = std::move(client).value();
  const auto known = list_kafka_topics(producer_.get(), producer_context_, options_.kafka.bootstrap, deadline);
  if (!known.ok()) return known.error();
  std::string missing;
  for (const std::string& topic : options_.inputs) {
    const auto found = known->find(topic);
    if (found == known->end()) {
      (missing += missing.empty() ? "" : ", ") += topic;
      continue;
    }
    for (std::int32_t partition = 0; partition < found->second; ++partition) all_.emplace_back(topic, partition);
  }
  const auto routed = known->find(options_.topic);
  if (routed == known->end()) (missing += missing.empty() ? "" : ", ") += options_.topic;
  if (!missing.empty()) {
    return base::Error{"Kafka at " + options_.kafka.bootstrap + ": topics missing: " + missing +
                       ". Create them with `troth topics create`"};
  }
  partitions_ = routed->second;
  topic_.reset(rd_kafka_topic_new(producer_.get(), options_.topic.c_str(), nullptr));
  for (;;) {
    const int left_ms = std::max(1, source::kafka_time_left(deadline, 10'000));
    const KafkaErrorPtr error(rd_kafka_init_transactions(producer_.get(), left_ms));
    if (error == nullptr) return base::success();
    if (rd_kafka_error_is_retriable(error.get()) == 0 || source::kafka_time_left(deadline, 1) == 0) {
      return base::Error{"Kafka: routing by customer: cannot begin transactions as " + options_.transactional_id +
                         ": " + rd_kafka_error_string(error.get())};
    }
  }
}

base::Status KafkaRepartition::Impl::open_consumer() {
  consumer_context_.owner = this;
  std::vector<KafkaSetting> fixed = {
      {"group.id", options_.group},          {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},     {"check.crcs", "true"},          {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},      {"allow.auto.create.topics", "false"},
      {"partition.assignment.strategy", "range"},
  };
  if (!options_.instance.empty()) fixed.push_back({"group.instance.id", options_.instance});
  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kConsumer, consumer_context_,
                              {{"session.timeout.ms", "10000"},
                               {"heartbeat.interval.ms", "500"},
                               {"fetch.wait.max.ms", "20"},
                               {"queued.min.messages", "100000"},
                               {"queued.max.messages.kbytes", "65536"}},
                              fixed);
  if (!conf.ok()) return conf.error();
  rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
  auto client = source::make_kafka_client(RD_KAFKA_CONSUMER, std::move(conf).value());
  if (!client.ok()) return client.error();
  consumer_ = std::move(client).value();
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  batch_.resize(kMessagesPerPoll);
  const KafkaPartitionList subscription(
      rd_kafka_topic_partition_list_new(static_cast<int>(options_.inputs.size())));
  for (const std::string& topic : options_.inputs) {
    rd_kafka_topic_partition_list_add(subscription.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (const auto error = rd_kafka_subscribe(consumer_.get(), subscription.get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{"Kafka: routing by customer: cannot subscribe: " + std::string(rd_kafka_err2str(error))};
  }
  return base::success();
}

// ----------------------------------------------------------------------------------------------------------- rebalance

void KafkaRepartition::Impl::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                                          rd_kafka_topic_partition_list_t* list, void* opaque) {
  Impl& self = *static_cast<Impl*>(static_cast<KafkaContext*>(opaque)->owner);
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self.membership_.reset(rd_kafka_consumer_group_metadata(client), rd_kafka_consumer_group_metadata_destroy);
    self.slots_.clear();
    for (int i = 0; i < list->cnt; ++i) self.slots_[{list->elems[i].topic, list->elems[i].partition}];
    self.remember(*list);
    rd_kafka_assign(client, list);  // reads on from the group's own positions
    return;
  }
  // What is in the transaction at hand is ours until we let go.
  if (rd_kafka_assignment_lost(client) == 0 && !self.is_stopping_ && !self.has_failed()) self.commit();
  if (self.is_in_transaction_ && !self.has_failed()) self.fail("partitions were lost within a transaction");
  self.slots_.clear();
  self.membership_.reset();
  rd_kafka_assign(client, nullptr);
}

/// How far the partitions were, by those who had them before.
void KafkaRepartition::Impl::remember(const rd_kafka_topic_partition_list_t& assigned) {
  const KafkaPartitionList list(rd_kafka_topic_partition_list_copy(&assigned));
  const KafkaInstant deadline = source::kafka_deadline(options_.transaction_timeout_ms + 15'000);
  // While a predecessor's transaction is open there is no answer; it ends by itself.
  while (rd_kafka_committed(consumer_.get(), list.get(), 2'000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (is_stopping_) return;
    if (source::kafka_time_left(deadline, 1) == 0) return fail("the group's positions cannot be read");
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.offset < 0 || each.metadata == nullptr) continue;
    const auto progress = read_progress({static_cast<const char*>(each.metadata), each.metadata_size});
    if (progress) slots_[{each.topic, each.partition}].progress.time = progress->time;
  }
}

// ---------------------------------------------------------------------------------------------------------------- work

void KafkaRepartition::Impl::run() {
  while (!is_stopping_ && !has_failed()) turn();
  if (has_failed()) {
    is_caught_up_ = false;
    if (is_in_transaction_) {
      rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
      const KafkaErrorPtr ignored(rd_kafka_abort_transaction(producer_.get(), 2'000));
    }
    return;
  }
  commit();
}

void KafkaRepartition::Impl::turn() {
  ++turn_;
  ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), 0, batch_.data(), batch_.size());
  if (count <= 0) count = rd_kafka_consume_batch_queue(queue_.get(), kPollMs, batch_.data(), 1);
  for (ssize_t i = 0; i < count; ++i) {
    rd_kafka_message_t* message = batch_[static_cast<std::size_t>(i)];
    if (!has_failed()) take(*message);
    rd_kafka_message_destroy(message);
  }
  rd_kafka_poll(producer_.get(), 0);
  if (const std::string fatal = source::kafka_fatal(consumer_.get()); !fatal.empty()) fail(fatal);
  if (refused_) fail(*refused_);
  if (has_failed()) return;
  const bool is_touched = std::any_of(slots_.begin(), slots_.end(), [](const auto& each) { return each.second.is_touched; });
  if (is_touched && (source::kafka_time_left(commit_at_, 1) == 0 || in_transaction_ >= kTransactionRecords)) commit();
  if (!has_failed() && source::kafka_time_left(look_at_, 1) == 0) look();
}

void KafkaRepartition::Impl::take(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) return;
  const auto found = slots_.find({rd_kafka_topic_name(message.rkt), message.partition});
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (found == slots_.end()) return;
    Slot& slot = found->second;
    if (slot.next < 0) slot.next = message.offset;
    slot.is_touched = slot.is_touched || !slot.progress.at_end;
    slot.progress.at_end = true;
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::string why = std::string(rd_kafka_err2name(message.err)) + ": " + rd_kafka_message_errstr(&message);
    const bool is_final = message.err == RD_KAFKA_RESP_ERR__BAD_MSG || message.err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
                          message.err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    if (is_final) fail("records cannot be read and would be skipped: " + why);
    return;  // everything else the client mends by itself
  }
  // A poll that runs the rebalance callback may bring records of what is not ours any more, or below where we are.
  if (found == slots_.end() || message.offset < found->second.next || reads_again(message, found->second)) return;
  route(message, found->second);
}

/// A client that was paused may go on at another place than where it stopped (seen in librdkafka 2.0.2): it is told once more.
bool KafkaRepartition::Impl::reads_again(const rd_kafka_message_t& message, Slot& slot) {
  if (slot.skipped_in == turn_) return true;
  if (!std::exchange(slot.is_resumed, false) || message.offset == slot.next) return false;
  slot.skipped_in = turn_;
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), rd_kafka_topic_name(message.rkt), message.partition)->offset = slot.next;
  const KafkaErrorPtr error(rd_kafka_seek_partitions(consumer_.get(), list.get(), 0));
  if (error != nullptr) fail(std::string("cannot read again: ") + rd_kafka_error_string(error.get()));
  return true;
}

void KafkaRepartition::Impl::route(const rd_kafka_message_t& message, Slot& slot) {
  task::Record record;
  if (message.payload != nullptr) record.value = std::string(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      record.headers.emplace_back(name, std::string(static_cast<const char*>(value), value == nullptr ? 0 : size));
    }
  }
  const Route way = route_(record);
  // What is no event belongs to nobody: it goes where its number says, to be refused there.
  const std::int32_t partition =
      way.subject ? base::partition_of(*way.subject, partitions_) : message.partition % partitions_;
  if (!is_in_transaction_) {
    const KafkaErrorPtr error(rd_kafka_begin_transaction(producer_.get()));
    if (error != nullptr) return fail(rd_kafka_error_string(error.get()));
    is_in_transaction_ = true;
    in_transaction_ = 0;
    commit_at_ = source::kafka_deadline(kTransactionMs);
  }
  produce(message, partition);
  if (has_failed()) return;
  slot.next = message.offset + 1;
  slot.is_touched = true;
  if (way.time) slot.progress.time = std::max(slot.progress.time, *way.time);
  std::int64_t low = -1;
  std::int64_t high = -1;
  rd_kafka_get_watermark_offsets(consumer_.get(), rd_kafka_topic_name(message.rkt), message.partition, &low, &high);
  if (high - slot.next > kBehindRecords) slot.progress.at_end = false;
  ++in_transaction_;
  ++routed_;
}

void KafkaRepartition::Impl::produce(const rd_kafka_message_t& message, std::int32_t partition) {
  rd_kafka_headers_t* old = nullptr;
  rd_kafka_headers_t* headers = rd_kafka_message_headers(&message, &old) == RD_KAFKA_RESP_ERR_NO_ERROR
                                    ? rd_kafka_headers_copy(old)
                                    : rd_kafka_headers_new(1);
  const std::string from = came_from_text({rd_kafka_topic_name(message.rkt), message.partition, message.offset});
  rd_kafka_header_remove(headers, kCameFromHeader);  // only ours counts
  rd_kafka_header_add(headers, kCameFromHeader, -1, from.data(), static_cast<ssize_t>(from.size()));
  const KafkaInstant deadline = source::kafka_deadline(options_.transaction_timeout_ms);
  for (;;) {
    rd_kafka_vu_t parts[6] = {};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = topic_.get();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = partition;
    parts[2].vtype = RD_KAFKA_VTYPE_KEY;
    parts[2].u.mem = {message.key, message.key_len};
    parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[3].u.mem = {message.payload, message.len};
    parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[4].u.headers = headers;
    parts[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[5].u.i = RD_KAFKA_MSG_F_COPY;
    const KafkaErrorPtr error(rd_kafka_produceva(producer_.get(), parts, std::size(parts)));
    if (error == nullptr) return;  // the headers are the library's now
    const int left_ms = source::kafka_time_left(deadline, 50);
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL || left_ms == 0 || is_stopping_) {
      rd_kafka_headers_destroy(headers);
      return fail(source::explain_kafka_write(rd_kafka_error_code(error.get()), options_.topic, message.len));
    }
    rd_kafka_poll(producer_.get(), left_ms);
  }
}

void KafkaRepartition::Impl::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& context = *static_cast<KafkaContext*>(opaque);
  Impl& self = *static_cast<Impl*>(context.owner);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || self.refused_) return;
  self.refused_ = source::explain_kafka_write(message->err, rd_kafka_topic_name(message->rkt), message->len);
}

template <typename Call>
bool KafkaRepartition::Impl::call(const std::string& what, const Call& step) {
  const KafkaInstant deadline = source::kafka_deadline(options_.transaction_timeout_ms + 15'000);
  for (;;) {
    const KafkaErrorPtr error(step(std::max(1, source::kafka_time_left(deadline, 10'000))));
    if (error == nullptr) return true;
    if (rd_kafka_error_is_retriable(error.get()) == 0 || source::kafka_time_left(deadline, 1) == 0) {
      fail(what + ": " + rd_kafka_error_string(error.get()) + (refused_ ? ": " + *refused_ : ""));
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// Records and positions, or neither.
void KafkaRepartition::Impl::commit() {
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(slots_.size())));
  for (const auto& [place, slot] : slots_) {
    if (!slot.is_touched || slot.next < 0) continue;
    auto* each = rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second);
    each->offset = slot.next;
    const std::string metadata = progress_text(slot.progress);
    each->metadata = std::malloc(metadata.size());  // the list's to free
    TROTH_ASSERT(each->metadata != nullptr);
    std::memcpy(each->metadata, metadata.data(), metadata.size());
    each->metadata_size = metadata.size();
  }
  if (list->cnt == 0 && !is_in_transaction_) return;
  if (membership_ == nullptr) return fail("the partitions were lost");
  if (!is_in_transaction_) {
    const KafkaErrorPtr error(rd_kafka_begin_transaction(producer_.get()));
    if (error != nullptr) return fail(rd_kafka_error_string(error.get()));
    is_in_transaction_ = true;
  }
  const auto send = [&](int timeout_ms) {
    return rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), membership_.get(), timeout_ms);
  };
  if (!call("its positions were not taken", send)) return;
  const auto end = [&](int timeout_ms) { return rd_kafka_commit_transaction(producer_.get(), timeout_ms); };
  if (!call("a transaction could not be committed", end)) return;
  is_in_transaction_ = false;
  in_transaction_ = 0;
  for (auto& [place, slot] : slots_) slot.is_touched = slot.is_touched && slot.next < 0;
}

// --------------------------------------------------------------------------------------------------------------- time

/// What all members have told with their positions.
void KafkaRepartition::Impl::look() {
  look_at_ = source::kafka_deadline(kLookEveryMs);
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(all_.size())));
  for (const Place& place : all_) rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second);
  // Not an answer while a transaction is open: the next look will have one.
  if (rd_kafka_committed(consumer_.get(), list.get(), 500) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  bool is_caught_up = true;
  event::TimeUs slowest = event::kNever;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    const auto progress = each.offset < 0 || each.metadata == nullptr
                              ? std::nullopt
                              : read_progress({static_cast<const char*>(each.metadata), each.metadata_size});
    if (progress && progress->at_end) continue;
    is_caught_up = false;
    slowest = std::min(slowest, progress ? progress->time : 0);
  }
  is_caught_up_ = is_caught_up;
  pace(slowest);
}

/// Pauses what is too far ahead of the slowest, so that its events do not make those of the slowest late.
void KafkaRepartition::Impl::pace(event::TimeUs slowest) {
  for (auto& [place, slot] : slots_) {
    const bool is_ahead = slowest != event::kNever && slot.progress.time > 0 && slot.progress.time - options_.ahead_us > slowest;
    if (is_ahead == slot.is_paused) continue;
    const KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), place.first.c_str(), place.second);
    const auto error = is_ahead ? rd_kafka_pause_partitions(consumer_.get(), list.get())
                                : rd_kafka_resume_partitions(consumer_.get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    slot.is_paused = is_ahead;
    slot.is_resumed = !is_ahead && slot.next >= 0;
  }
}

// --------------------------------------------------------------------------------------------------------------- shell

KafkaRepartition::KafkaRepartition(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaRepartition::~KafkaRepartition() = default;

base::Result<std::unique_ptr<KafkaRepartition>> KafkaRepartition::open(
    KafkaRepartitionOptions options, std::function<Route(const task::Record&)> route) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(route));
  if (base::Status opened = impl->open(); !opened) return opened.error();
  impl->begin();
  return std::unique_ptr<KafkaRepartition>(new KafkaRepartition(std::move(impl)));
}

std::optional<base::Error> KafkaRepartition::failure() const { return impl_->failure(); }
bool KafkaRepartition::is_caught_up() const { return impl_->is_caught_up(); }
std::uint64_t KafkaRepartition::routed() const { return impl_->routed(); }

}  // namespace troth::sink
