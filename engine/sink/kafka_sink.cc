#include "engine/sink/kafka_sink.h"

#include <optional>
#include <utility>

#include "engine/base/assert.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaContext;
using source::KafkaHandle;
using source::KafkaInstant;
using source::KafkaRole;
using source::KafkaSetting;
using source::KafkaTopic;

/// How long to let the client work before looking again whether something failed.
constexpr int kSliceMs = 50;
/// Delivery reports are taken in once in so many records, so that a long write does not pile them up.
constexpr std::size_t kPollEvery = 1'000;

std::vector<KafkaSetting> preferred_settings() {
  return {
      {"linger.ms", "5"},
      {"compression.codec", "zstd"},
      {"retry.backoff.ms", "5"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "262144"},
  };
}

std::vector<KafkaSetting> fixed_settings() {
  return {
      {"enable.idempotence", "true"},
      {"partitioner", "murmur2_random"},
      {"message.timeout.ms", "0"},  // never: a record given up while on its way could arrive after its successors
  };
}

}  // namespace

class KafkaSink::Impl {
 public:
  explicit Impl(KafkaSinkOptions options) : options_(std::move(options)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Status connect();
  base::Status restore();
  base::Status write(const std::vector<task::Outgoing>& records);
  base::Status wait_for_acknowledgements();
  [[nodiscard]] std::uint64_t outstanding() const { return taken_ - done_; }
  [[nodiscard]] source::KafkaHealth health() const { return context_.health.get(); }

 private:
  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  base::Status produce(const task::Outgoing& record, KafkaInstant deadline);
  [[nodiscard]] std::optional<base::Error> trouble() const;

  KafkaSinkOptions options_;
  KafkaContext context_;  // outlives the client
  KafkaHandle client_;
  std::vector<KafkaTopic> topics_;  // destroyed before the client
  std::uint64_t taken_ = 0;
  std::uint64_t done_ = 0;
  std::optional<std::string> refused_;  // the first record that was refused since the last restore
};

base::Status KafkaSink::Impl::connect() {
  const KafkaInstant deadline = source::kafka_deadline(options_.start_timeout_ms);
  topics_.clear();
  client_.reset();
  context_.owner = this;
  context_.refused = false;
  taken_ = done_ = 0;
  refused_.reset();

  auto conf = make_kafka_conf(options_.kafka, KafkaRole::kProducer, context_, preferred_settings(), fixed_settings());
  if (!conf.ok()) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = source::make_kafka_client(RD_KAFKA_PRODUCER, std::move(conf).value());
  if (!client.ok()) return client.error();
  client_ = std::move(client).value();

  const auto known = list_kafka_topics(client_.get(), context_, options_.kafka.bootstrap, deadline);
  if (!known.ok()) return known.error();
  std::string missing;
  for (const std::string& topic : options_.topics) {
    if (known->find(topic) == known->end()) (missing += missing.empty() ? "" : ", ") += topic;
  }
  if (!missing.empty()) {
    return base::Error{"Kafka at " + options_.kafka.bootstrap + ": output topics missing: " + missing +
                       ". Create them with `troth topics create`"};
  }
  for (const std::string& topic : options_.topics) {
    topics_.emplace_back(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* warm = nullptr;
    const int left_ms = std::max(1, source::kafka_time_left(deadline, 5'000));
    if (rd_kafka_metadata(client_.get(), 0, topics_.back().get(), &warm, left_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(warm);
    }
  }
  return base::success();
}

base::Status KafkaSink::Impl::restore() {
  // A producer that still works is kept, with what it has on its way: to drop it would let that arrive after what is
  // written again.
  if (client_ == nullptr || !source::kafka_fatal(client_.get()).empty()) return connect();
  refused_.reset();
  return base::success();
}

void KafkaSink::Impl::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& context = *static_cast<KafkaContext*>(opaque);
  Impl& self = *static_cast<Impl*>(context.owner);
  ++self.done_;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    context.health.set_connected(true);
    return;
  }
  if (self.refused_) return;
  self.refused_ =
      source::explain_kafka_write(message->err, rd_kafka_topic_name(message->rkt), message->key_len + message->len);
  context.health.note_error(*self.refused_);
}

std::optional<base::Error> KafkaSink::Impl::trouble() const {
  if (const std::string fatal = source::kafka_fatal(client_.get()); !fatal.empty()) {
    return base::Error{"Kafka: the producer cannot go on: " + fatal};
  }
  if (refused_) return base::Error{"Kafka: an output was refused: " + *refused_};
  return std::nullopt;
}

base::Status KafkaSink::Impl::write(const std::vector<task::Outgoing>& records) {
  if (client_ == nullptr) return base::Error{"Kafka: the sink is not connected"};
  const KafkaInstant deadline = source::kafka_deadline(options_.write_timeout_ms);
  std::size_t since_poll = 0;
  for (const task::Outgoing& record : records) {
    if (base::Status produced = produce(record, deadline); !produced.ok()) return produced;
    if (++since_poll == kPollEvery) {
      since_poll = 0;
      rd_kafka_poll(client_.get(), 0);
    }
  }
  rd_kafka_poll(client_.get(), 0);
  if (const auto found = trouble()) return *found;
  return base::success();
}

base::Status KafkaSink::Impl::produce(const task::Outgoing& record, KafkaInstant deadline) {
  TROTH_ASSERT(record.stream < topics_.size());
  // A null pointer is a null key or value; an empty string has a pointer and no length.
  const char* key = record.key ? record.key->data() : nullptr;
  const std::size_t key_size = record.key ? record.key->size() : 0;
  const std::size_t value_size = record.value ? record.value->size() : 0;
  for (;;) {
    if (const auto found = trouble()) return *found;
    // The client copies the value, for it promises only not to change it; so the const may go.
    void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
    if (rd_kafka_produce(topics_[record.stream].get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_size,
                         key, key_size, nullptr) == 0) {
      ++taken_;
      return base::success();
    }
    const rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return base::Error{"Kafka: " +
                         source::explain_kafka_write(error, options_.topics[record.stream], key_size + value_size)};
    }
    const int left_ms = source::kafka_time_left(deadline, kSliceMs);
    if (left_ms == 0) {
      return base::Error{"Kafka: the cluster takes outputs too slowly or not at all: the queue of " +
                         std::to_string(outstanding()) + " records stayed full for " +
                         std::to_string(options_.write_timeout_ms) + " ms. " + health().last_error};
    }
    rd_kafka_poll(client_.get(), left_ms);
  }
}

base::Status KafkaSink::Impl::wait_for_acknowledgements() {
  if (client_ == nullptr) return base::Error{"Kafka: the sink is not connected"};
  const KafkaInstant deadline = source::kafka_deadline(options_.durable_timeout_ms);
  rd_kafka_poll(client_.get(), 0);
  while (outstanding() > 0) {
    if (const auto found = trouble()) return *found;
    const int left_ms = source::kafka_time_left(deadline, kSliceMs);
    if (left_ms == 0) {
      const std::string cause = health().last_error;
      return base::Error{"Kafka: " + std::to_string(outstanding()) + " outputs not yet acknowledged after " +
                         std::to_string(options_.durable_timeout_ms) + " ms; still trying" +
                         (cause.empty() ? "" : " (" + cause + ")")};
    }
    rd_kafka_flush(client_.get(), left_ms);
  }
  if (const auto found = trouble()) return *found;
  return base::success();
}

KafkaSink::KafkaSink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaSink::~KafkaSink() = default;

base::Result<std::unique_ptr<KafkaSink>> KafkaSink::open(KafkaSinkOptions options) {
  if (options.topics.empty()) return base::Error{"Kafka: no output topics are given"};
  auto impl = std::make_unique<Impl>(std::move(options));
  if (base::Status connected = impl->connect(); !connected.ok()) return connected.error();
  return std::unique_ptr<KafkaSink>(new KafkaSink(std::move(impl)));
}

base::Status KafkaSink::restore(std::string_view mark) {
  if (!mark.empty()) {  // with an outbox there is none
    return base::Error{
        "this state has written its outputs to files so far; go on with files, or begin with an empty state "
        "directory to write to Kafka"};
  }
  return impl_->restore();
}
base::Status KafkaSink::write(const std::vector<task::Outgoing>& records) { return impl_->write(records); }
base::Result<std::string> KafkaSink::make_durable() {
  if (base::Status done = impl_->wait_for_acknowledgements(); !done.ok()) return done.error();
  return std::string();
}
std::uint64_t KafkaSink::outstanding() const { return impl_->outstanding(); }
source::KafkaHealth KafkaSink::health() const { return impl_->health(); }

}  // namespace troth::sink
