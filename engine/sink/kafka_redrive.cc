#include "engine/sink/kafka_redrive.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "engine/base/assert.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaContext;
using source::KafkaErrorPtr;
using source::KafkaHandle;
using source::KafkaInstant;
using source::KafkaPartitionList;
using source::KafkaQueue;
using source::KafkaRole;
using source::KafkaSetting;
using source::KafkaTopic;

constexpr int kPollMs = 100;
constexpr int kSliceMs = 50;
constexpr auto kRetryPause = std::chrono::milliseconds(50);
/// How long nothing may come while letters are expected: a transaction of the pipeline may be open before them.
constexpr int kPatienceMs = 30'000;
/// What a broker may take beyond its time-out to end an orphaned transaction: it looks about every ten seconds.
constexpr int kOrphanSlackMs = 15'000;

using GroupMetadata =
    std::unique_ptr<rd_kafka_consumer_group_metadata_t, source::KafkaDestroy<rd_kafka_consumer_group_metadata_destroy>>;

std::vector<KafkaSetting> producer_settings(const KafkaRedriveOptions& options) {
  return {
      {"transactional.id", options.transactional_id},
      {"transaction.timeout.ms", std::to_string(options.transaction_timeout_ms)},
      {"partitioner", "murmur2_random"},
  };
}

std::vector<KafkaSetting> consumer_settings(const KafkaRedriveOptions& options) {
  return {
      {"group.id", options.group},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},  // letters that retention has removed cannot be redriven
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
  };
}

std::optional<std::string> text_or_null(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

}  // namespace

class KafkaRedrive::Impl {
 public:
  explicit Impl(KafkaRedriveOptions options) : options_(std::move(options)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Status open();
  base::Result<std::vector<RedriveLetter>> read(std::size_t max);
  base::Status send(const std::vector<RedriveRecord>& records);

 private:
  /// One partition of the letters.
  struct Place {
    std::int64_t next = 0;  // behind what was handed out
    std::int64_t end = 0;   // at opening
    bool is_done = false;
  };
  struct Input {
    KafkaTopic topic;
    std::int32_t partitions = 0;
  };

  base::Status open_producer(KafkaInstant deadline);
  base::Status open_consumer(KafkaInstant deadline);
  base::Status find_places(std::int32_t partitions, KafkaInstant deadline);
  base::Result<KafkaPartitionList> committed(std::int32_t partitions, KafkaInstant deadline);
  base::Status begin_reading();
  base::Status take(const rd_kafka_message_t& message, std::vector<RedriveLetter>& out);
  base::Status produce(const RedriveRecord& record, KafkaInstant deadline);
  base::Status send_positions(KafkaInstant deadline);
  template <typename Call>
  base::Status call(std::string_view what, KafkaInstant deadline, const Call& step);
  void abort();
  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  [[nodiscard]] std::string where() const { return "Kafka topic " + options_.letters.value_or("") + ": "; }

  KafkaRedriveOptions options_;
  KafkaContext producer_context_, consumer_context_;  // outlive the clients
  KafkaHandle producer_, consumer_;
  std::map<std::string, Input, std::less<>> inputs_;  // destroyed before the producer
  KafkaQueue queue_;                                  // before the consumer
  std::vector<Place> places_;                         // by partition
  std::vector<rd_kafka_message_t*> batch_;
  std::optional<std::string> refused_;  // the first record that was refused
};

// ---------------------------------------------------------------------------------------------------------------- open

/// The producer first: it ends what a predecessor left open, and only then is the group's position the true one.
base::Status KafkaRedrive::Impl::open() {
  const KafkaInstant deadline = source::kafka_deadline(options_.start_timeout_ms + kOrphanSlackMs);
  if (!options_.only_reads) {
    if (base::Status opened = open_producer(deadline); !opened) return opened;
  }
  if (!options_.letters) return base::success();
  if (base::Status opened = open_consumer(deadline); !opened) return opened;
  // Set back for good before anything is sent: who is killed now goes on from there.
  if (options_.from_beginning && !options_.only_reads) {
    if (base::Status set_back = send({}); !set_back) return set_back;
  }
  return begin_reading();
}

base::Status KafkaRedrive::Impl::open_producer(KafkaInstant deadline) {
  producer_context_.owner = this;
  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kProducer, producer_context_,
                              {{"linger.ms", "0"}, {"compression.codec", "zstd"}}, producer_settings(options_));
  if (!conf.ok()) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = source::make_kafka_client(RD_KAFKA_PRODUCER, std::move(conf).value());
  if (!client.ok()) return client.error();
  producer_ = std::move(client).value();
  const KafkaInstant contact = source::kafka_deadline(options_.start_timeout_ms);
  const auto known = list_kafka_topics(producer_.get(), producer_context_, options_.kafka.bootstrap, contact);
  if (!known.ok()) return known.error();
  std::string missing;
  for (const std::string& topic : options_.inputs) {
    const auto found = known->find(topic);
    if (found == known->end()) {
      (missing += missing.empty() ? "" : ", ") += topic;
    } else {
      inputs_[topic] = {KafkaTopic(rd_kafka_topic_new(producer_.get(), topic.c_str(), nullptr)), found->second};
    }
  }
  if (!missing.empty()) {
    return base::Error{"Kafka at " + options_.kafka.bootstrap + ": topics missing: " + missing +
                       ". Create them with `troth topics create`"};
  }
  const auto init = [&](int timeout_ms) { return rd_kafka_init_transactions(producer_.get(), timeout_ms); };
  return call("cannot begin transactions as " + options_.transactional_id, deadline, init);
}

base::Status KafkaRedrive::Impl::open_consumer(KafkaInstant deadline) {
  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kConsumer, consumer_context_, {{"fetch.wait.max.ms", "20"}},
                              consumer_settings(options_));
  if (!conf.ok()) return conf.error();
  auto client = source::make_kafka_client(RD_KAFKA_CONSUMER, std::move(conf).value());
  if (!client.ok()) return client.error();
  consumer_ = std::move(client).value();
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  const KafkaInstant contact = source::kafka_deadline(options_.start_timeout_ms);
  const auto known = list_kafka_topics(consumer_.get(), consumer_context_, options_.kafka.bootstrap, contact);
  if (!known.ok()) return known.error();
  const auto found = known->find(*options_.letters);
  if (found == known->end()) {
    return base::Error{"Kafka at " + options_.kafka.bootstrap + ": topics missing: " + *options_.letters +
                       ". Create them with `troth topics create`, or name another in `kafka.outputs`"};
  }
  return find_places(found->second, deadline);
}

base::Status KafkaRedrive::Impl::find_places(std::int32_t partitions, KafkaInstant deadline) {
  auto taken = committed(partitions, deadline);
  if (!taken.ok()) return taken.error();
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error =
        rd_kafka_query_watermark_offsets(consumer_.get(), options_.letters->c_str(), partition, &low, &high,
                                         std::max(1, source::kafka_time_left(deadline, 10'000)));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return base::Error{where() + "partition " + std::to_string(partition) +
                         ": its end is not known: " + rd_kafka_err2str(error) + ". Check the broker, then start again"};
    }
    const std::int64_t had = (*taken)->elems[partition].offset;
    Place place;
    // Above the end: the topic was made anew.
    place.next = options_.from_beginning || had < low || had > high ? low : had;
    place.end = high;
    place.is_done = place.next >= place.end;
    places_.push_back(place);
  }
  return base::success();
}

base::Result<KafkaPartitionList> KafkaRedrive::Impl::committed(std::int32_t partitions, KafkaInstant deadline) {
  KafkaPartitionList list(rd_kafka_topic_partition_list_new(partitions));
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    rd_kafka_topic_partition_list_add(list.get(), options_.letters->c_str(), partition);
  }
  for (;;) {
    const auto error =
        rd_kafka_committed(consumer_.get(), list.get(), std::max(1, source::kafka_time_left(deadline, 2'000)));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (source::kafka_time_left(deadline, 1) == 0) {
      return base::Error{"Kafka group " + options_.group +
                         ": its positions cannot be read: " + rd_kafka_err2str(error) +
                         ". A transaction of a redrive that was killed may still be open: it ends by itself"};
    }
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) std::this_thread::sleep_for(kRetryPause);
  }
  for (int i = 0; i < list->cnt; ++i) {
    if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    return base::Error{"Kafka group " + options_.group + ": its position in " + *options_.letters +
                       " cannot be read: " + rd_kafka_err2str(list->elems[i].err)};
  }
  return list;
}

base::Status KafkaRedrive::Impl::begin_reading() {
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(places_.size())));
  for (std::size_t partition = 0; partition < places_.size(); ++partition) {
    if (places_[partition].is_done) continue;
    rd_kafka_topic_partition_list_add(list.get(), options_.letters->c_str(), static_cast<std::int32_t>(partition))
        ->offset = places_[partition].next;
  }
  if (const auto error = rd_kafka_assign(consumer_.get(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return base::Error{where() + "cannot begin to read: " + rd_kafka_err2str(error)};
  }
  return base::success();
}

// ---------------------------------------------------------------------------------------------------------------- read

base::Result<std::vector<RedriveLetter>> KafkaRedrive::Impl::read(std::size_t max) {
  TROTH_ASSERT(consumer_ != nullptr && max > 0);
  std::vector<RedriveLetter> letters;
  const auto is_done = [&] {
    return std::all_of(places_.begin(), places_.end(), [](const Place& place) { return place.is_done; });
  };
  KafkaInstant deadline = source::kafka_deadline(kPatienceMs);
  while (letters.size() < max && !is_done()) {
    batch_.resize(max - letters.size());
    const ssize_t got = rd_kafka_consume_batch_queue(queue_.get(), kPollMs, batch_.data(), batch_.size());
    const std::size_t count = got < 0 ? 0 : static_cast<std::size_t>(got);
    base::Status taken = base::success();
    for (std::size_t i = 0; i < count; ++i) {
      if (taken) taken = take(*batch_[i], letters);
      rd_kafka_message_destroy(batch_[i]);
    }
    if (!taken) return taken.error();
    if (count > 0) deadline = source::kafka_deadline(kPatienceMs);
    if (source::kafka_time_left(deadline, 1) == 0) {
      const std::string cause = consumer_context_.health.get().last_error;
      return base::Error{where() + "nothing came for " + std::to_string(kPatienceMs) + " ms" +
                         (cause.empty() ? "" : ": " + cause) +
                         ". Check the broker, then start again: it goes on where it stopped"};
    }
  }
  return letters;
}

base::Status KafkaRedrive::Impl::take(const rd_kafka_message_t& message, std::vector<RedriveLetter>& out) {
  const bool is_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end) {
    const std::string why = std::string(rd_kafka_err2name(message.err)) + ": " + rd_kafka_message_errstr(&message);
    consumer_context_.health.note_error(why);
    const bool is_final = message.err == RD_KAFKA_RESP_ERR__BAD_MSG || message.err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
                          message.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
                          message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    if (is_final) return base::Error{where() + "partition " + std::to_string(message.partition) + ": " + why};
    return base::success();  // the client goes on by itself
  }
  Place& place = places_.at(static_cast<std::size_t>(message.partition));
  if (place.is_done || message.offset < place.next) return base::success();
  if (is_end || message.offset >= place.end) {
    place.is_done = true;
    place.next = std::max(place.next, std::min(message.offset, place.end));
    return base::success();
  }
  out.push_back({text_or_null(message.key, message.key_len), text_or_null(message.payload, message.len)});
  place.next = message.offset + 1;
  place.is_done = place.next >= place.end;
  return base::success();
}

// ---------------------------------------------------------------------------------------------------------------- send

base::Status KafkaRedrive::Impl::send(const std::vector<RedriveRecord>& records) {
  TROTH_ASSERT(producer_ != nullptr);
  const KafkaInstant deadline = source::kafka_deadline(options_.transaction_timeout_ms + kOrphanSlackMs);
  if (const KafkaErrorPtr error(rd_kafka_begin_transaction(producer_.get())); error != nullptr) {
    return base::Error{"Kafka: cannot begin a transaction: " + std::string(rd_kafka_error_string(error.get()))};
  }
  base::Status sent = base::success();
  for (const RedriveRecord& record : records) {
    sent = produce(record, deadline);
    if (!sent) break;
  }
  if (sent && consumer_ != nullptr) sent = send_positions(deadline);
  if (!sent) {
    abort();
    return sent;
  }
  const auto commit = [&](int timeout_ms) { return rd_kafka_commit_transaction(producer_.get(), timeout_ms); };
  if (base::Status committed = call("a transaction could not be committed", deadline, commit); !committed) {
    abort();
    return refused_ ? base::Error{committed.error().message + ": " + *refused_} : committed;
  }
  return base::success();
}

base::Status KafkaRedrive::Impl::produce(const RedriveRecord& record, KafkaInstant deadline) {
  const auto input = inputs_.find(record.topic);
  TROTH_ASSERT(input != inputs_.end());
  const bool has_partition = !record.key && record.partition >= 0 && record.partition < input->second.partitions;
  std::array<rd_kafka_vu_t, 6> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = input->second.topic.get();
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = has_partition ? record.partition : RD_KAFKA_PARTITION_UA;
  // The client copies key and value, for it promises only not to change them; so the const may go.
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;
  if (record.key) parts[2].u.mem = {const_cast<char*>(record.key->data()), record.key->size()};
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[3].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
  parts[4].vtype = RD_KAFKA_VTYPE_HEADER;
  parts[4].u.header = {kRedrivenHeader, record.from.data(), static_cast<ssize_t>(record.from.size())};
  parts[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[5].u.i = RD_KAFKA_MSG_F_COPY;
  for (;;) {
    const KafkaErrorPtr error(rd_kafka_produceva(producer_.get(), parts.data(), parts.size()));
    if (error == nullptr) break;
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return base::Error{"Kafka: " + source::explain_kafka_write(code, record.topic, record.value.size())};
    }
    const int left_ms = source::kafka_time_left(deadline, kSliceMs);
    if (left_ms == 0) {
      return base::Error{"Kafka: the cluster takes records too slowly or not at all. " +
                         producer_context_.health.get().last_error};
    }
    rd_kafka_poll(producer_.get(), left_ms);
    if (refused_) return base::Error{"Kafka: a record was refused: " + *refused_};
  }
  rd_kafka_poll(producer_.get(), 0);
  return base::success();
}

/// Of all partitions: after a set back also those in which nothing was read.
base::Status KafkaRedrive::Impl::send_positions(KafkaInstant deadline) {
  const KafkaPartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(places_.size())));
  for (std::size_t partition = 0; partition < places_.size(); ++partition) {
    rd_kafka_topic_partition_list_add(list.get(), options_.letters->c_str(), static_cast<std::int32_t>(partition))
        ->offset = places_[partition].next;
  }
  // Nobody is a member of this group: what fences is the transactional id.
  const GroupMetadata group(rd_kafka_consumer_group_metadata_new(options_.group.c_str()));
  const auto step = [&](int timeout_ms) {
    return rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group.get(), timeout_ms);
  };
  return call("the positions of group " + options_.group + " were not taken", deadline, step);
}

/// Again for as long as the library calls its failure retriable, until the deadline.
template <typename Call>
base::Status KafkaRedrive::Impl::call(std::string_view what, KafkaInstant deadline, const Call& step) {
  for (;;) {
    const KafkaErrorPtr error(step(std::max(1, source::kafka_time_left(deadline, 10'000))));
    if (error == nullptr) return base::success();
    rd_kafka_poll(producer_.get(), 0);  // runs the error callback: the true cause may be in there
    const bool is_over = source::kafka_time_left(deadline, 1) == 0;
    if (rd_kafka_error_is_retriable(error.get()) != 0 && !is_over && !producer_context_.refused) {
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    const std::string cause = producer_context_.health.get().last_error;
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    const bool is_fenced = code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
    return base::Error{"Kafka: " + std::string(what) + ": " + rd_kafka_error_name(error.get()) + ": " +
                       rd_kafka_error_string(error.get()) + (cause.empty() ? "" : " (" + cause + ")") +
                       (is_fenced ? ". Another redrive of this group has begun: let it finish"
                                  : ". Start again: it goes on behind the last transaction that was taken")};
  }
}

void KafkaRedrive::Impl::abort() {
  rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  const KafkaErrorPtr error(rd_kafka_abort_transaction(producer_.get(), 2'000));
  if (error != nullptr) producer_context_.health.note_error(rd_kafka_error_string(error.get()));
}

void KafkaRedrive::Impl::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  Impl& self = *static_cast<Impl*>(static_cast<KafkaContext*>(opaque)->owner);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || self.refused_) return;
  self.refused_ =
      source::explain_kafka_write(message->err, rd_kafka_topic_name(message->rkt), message->key_len + message->len);
}

// --------------------------------------------------------------------------------------------------------------- shell

KafkaRedrive::KafkaRedrive(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaRedrive::~KafkaRedrive() = default;

base::Result<std::unique_ptr<KafkaRedrive>> KafkaRedrive::open(KafkaRedriveOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (base::Status opened = impl->open(); !opened) return opened.error();
  return std::unique_ptr<KafkaRedrive>(new KafkaRedrive(std::move(impl)));
}

base::Result<std::vector<RedriveLetter>> KafkaRedrive::read(std::size_t max) { return impl_->read(max); }
base::Status KafkaRedrive::send(const std::vector<RedriveRecord>& records) { return impl_->send(records); }

}  // namespace troth::sink
