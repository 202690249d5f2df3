#include "engine/sink/kafka_transactions.h"

#include <charconv>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/base/assert.h"
#include "engine/sink/kafka_changelog.h"
#include "engine/sink/kafka_sink.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaContext;
using source::KafkaErrorPtr;
using source::KafkaHandle;
using source::KafkaInstant;
using source::KafkaRole;
using source::KafkaSetting;
using source::KafkaTopic;

/// How long to let the client work before looking again whether something failed.
constexpr int kSliceMs = 50;
/// Between two attempts of a call that the library calls retriable.
constexpr auto kRetryPause = std::chrono::milliseconds(50);
/// Delivery reports are taken in once in so many records, so that a long write does not pile them up.
constexpr std::size_t kPollEvery = 1'000;
/// What a broker may take beyond its time-out to end an orphaned transaction: it looks about every ten seconds.
constexpr int kOrphanSlackMs = 15'000;
/// Room for the number of a part: there are no more partitions than fit into 16 bits.
constexpr unsigned kPartBits = 17;
constexpr std::string_view kMetadataBegin = "troth1;";

std::vector<KafkaSetting> preferred_settings() {
  return {
      {"linger.ms", "0"},  // a commit flushes; what comes in bulk is batched while requests are on their way
      {"compression.codec", "zstd"},
      {"retry.backoff.ms", "5"},  // at the default of 100 a transaction that follows quickly waits 100 ms
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "262144"},
  };
}

std::vector<KafkaSetting> fixed_settings(const KafkaTransactionsOptions& options) {
  return {
      {"transactional.id", options.transactional_id},
      {"transaction.timeout.ms", std::to_string(options.transaction_timeout_ms)},
      {"partitioner", "murmur2_random"},
  };
}

}  // namespace

std::string offset_metadata(const task::CommitId& id) {
  return std::string(kMetadataBegin) + std::to_string(id.number) + ';' + id.writer;
}

std::optional<task::CommitId> read_offset_metadata(const std::string& text) {
  if (!text.starts_with(kMetadataBegin)) return std::nullopt;
  task::CommitId id;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + kMetadataBegin.size(), end, id.number);
  if (error != std::errc() || at == end || *at != ';' || id.number == 0) return std::nullopt;
  id.writer.assign(at + 1, end);
  if (id.writer.empty() || id.writer.find(';') != std::string::npos) return std::nullopt;
  return id;
}

class KafkaTransactions::Impl {
 public:
  explicit Impl(KafkaTransactionsOptions options) : options_(std::move(options)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Status open();
  void attach(source::KafkaGroup& group) { group_ = &group; }
  base::Result<std::vector<std::int64_t>> deliver(const std::vector<task::PartitionDelivery>& parts);
  base::Result<std::optional<task::CommitId>> committed(std::int32_t partition);
  base::Result<bool> read_changelog(std::int32_t partition, std::int64_t from, bool waits, const EachRow& each);
  [[nodiscard]] bool has_changelog() const { return options_.changelog.has_value(); }
  [[nodiscard]] source::KafkaHealth health() const { return context_.health.get(); }

 private:
  struct Record {
    rd_kafka_topic_t* topic;
    std::int32_t partition;
    std::optional<std::string_view> key, value;
    void* mark;  // whose offset is asked for, as in mark_of(); null: nobody asks
  };

  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  base::Status check_topics(KafkaInstant deadline);
  template <typename Call>
  base::Status call(std::string_view what, KafkaInstant deadline, const Call& step);
  base::Status send(const std::vector<task::PartitionDelivery>& parts, KafkaInstant deadline);
  /// The number of the delivery and that of a part in it. Not a place in memory: the report of a delivery that was given up
  /// may come during a later one.
  [[nodiscard]] void* mark_of(std::size_t part) const {
    return reinterpret_cast<void*>(delivery_ << kPartBits | (part + 1));  // NOLINT: the library hands it back as it is
  }
  base::Status produce(const Record& record, KafkaInstant deadline);
  base::Status send_offsets(const std::vector<task::PartitionDelivery>& parts, KafkaInstant deadline);
  void abort();
  [[nodiscard]] std::optional<base::Error> trouble() const;

  KafkaTransactionsOptions options_;
  KafkaContext context_;  // outlives the client
  KafkaHandle client_;
  std::vector<KafkaTopic> topics_;  // destroyed before the client
  KafkaTopic changelog_topic_;
  std::unique_ptr<KafkaSink> at_once_;
  std::unique_ptr<KafkaChangelog> changelog_;  // made when it is first needed
  source::KafkaGroup* group_ = nullptr;
  std::size_t since_poll_ = 0;
  std::uintptr_t delivery_ = 0;       // its number
  std::vector<std::int64_t> marks_;   // of the delivery at hand, by part
  std::optional<std::string> refused_;  // the first record that was refused
};

// ---------------------------------------------------------------------------------------------------------------- open

base::Status KafkaTransactions::Impl::open() {
  const KafkaInstant deadline = source::kafka_deadline(options_.start_timeout_ms);
  context_.owner = this;
  auto conf =
      make_kafka_conf(options_.kafka, KafkaRole::kProducer, context_, preferred_settings(), fixed_settings(options_));
  if (!conf.ok()) return conf.error();
  // Also for its own sake: without one a commit of librdkafka 2.0.2 waits in steps of 10 ms.
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto client = source::make_kafka_client(RD_KAFKA_PRODUCER, std::move(conf).value());
  if (!client.ok()) return client.error();
  client_ = std::move(client).value();
  if (base::Status checked = check_topics(deadline); !checked) return checked;
  // Fences whoever had this id, and ends what it left open.
  const auto init = [&](int timeout_ms) { return rd_kafka_init_transactions(client_.get(), timeout_ms); };
  if (base::Status begun = call("cannot begin transactions as " + options_.transactional_id, deadline, init); !begun)
    return begun;
  if (!options_.outputs_at_once) return base::success();
  KafkaSinkOptions sink;
  sink.kafka = options_.kafka;
  sink.topics = options_.topics;
  auto opened = KafkaSink::open(std::move(sink));
  if (!opened) return opened.error();
  at_once_ = std::move(*opened);
  return base::success();
}

base::Status KafkaTransactions::Impl::check_topics(KafkaInstant deadline) {
  const auto known = list_kafka_topics(client_.get(), context_, options_.kafka.bootstrap, deadline);
  if (!known.ok()) return known.error();
  const std::string where = "Kafka at " + options_.kafka.bootstrap + ": ";
  std::vector<std::string> needed = options_.topics;
  if (options_.changelog) needed.push_back(*options_.changelog);
  std::string missing;
  for (const std::string& topic : needed) {
    if (known->find(topic) == known->end()) (missing += missing.empty() ? "" : ", ") += topic;
  }
  if (!missing.empty()) {
    return base::Error{where + "topics missing: " + missing + ". Create them with `troth topics create`"};
  }
  if (options_.changelog) {
    const std::int32_t found = known->find(*options_.changelog)->second;
    if (found != options_.partitions) {
      return base::Error{where + "the changelog " + *options_.changelog + " has " + std::to_string(found) +
                         " partitions and the inputs have " + std::to_string(options_.partitions) +
                         ": they must have the same number. Name another topic (`kafka.changelog`), made by `troth "
                         "topics create --partitions " +
                         std::to_string(options_.partitions) + "`"};
    }
  }
  for (const std::string& topic : needed) {
    KafkaTopic handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
    // Makes it known to the client: the first record to an unknown topic may take a second.
    const rd_kafka_metadata_t* warm = nullptr;
    const int left_ms = std::max(1, source::kafka_time_left(deadline, 5'000));
    if (rd_kafka_metadata(client_.get(), 0, handle.get(), &warm, left_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(warm);
    }
    if (topics_.size() < options_.topics.size()) {
      topics_.push_back(std::move(handle));
    } else {
      changelog_topic_ = std::move(handle);
    }
  }
  return base::success();
}

/// A step of a transaction: again for as long as the library calls its failure retriable, until the deadline.
template <typename Call>
base::Status KafkaTransactions::Impl::call(std::string_view what, KafkaInstant deadline, const Call& step) {
  for (;;) {
    const KafkaErrorPtr error(step(std::max(1, source::kafka_time_left(deadline, 10'000))));
    if (error == nullptr) return base::success();
    rd_kafka_poll(client_.get(), 0);  // runs the error callback: the true cause may be in there
    const bool is_over = source::kafka_time_left(deadline, 1) == 0;
    if (rd_kafka_error_is_retriable(error.get()) != 0 && !is_over && !context_.refused) {
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    const std::string cause = health().last_error;
    return base::Error{"Kafka: " + std::string(what) + ": " + rd_kafka_error_name(error.get()) + ": " +
                       rd_kafka_error_string(error.get()) + (cause.empty() ? "" : " (" + cause + ")")};
  }
}

// ------------------------------------------------------------------------------------------------------------- deliver

base::Result<std::vector<std::int64_t>> KafkaTransactions::Impl::deliver(
    const std::vector<task::PartitionDelivery>& parts) {
  TROTH_ASSERT(group_ != nullptr);
  if (at_once_ != nullptr) {
    for (const task::PartitionDelivery& part : parts) {
      if (auto written = at_once_->write(*part.outputs); !written) return written.error();
    }
    if (auto durable = at_once_->make_durable(); !durable) return durable.error();
  }
  const KafkaInstant deadline = source::kafka_deadline(options_.transaction_timeout_ms + kOrphanSlackMs);
  if (const KafkaErrorPtr error(rd_kafka_begin_transaction(client_.get())); error != nullptr) {
    return base::Error{"Kafka: cannot begin a transaction: " + std::string(rd_kafka_error_string(error.get()))};
  }
  ++delivery_;
  marks_.assign(parts.size(), -1);
  if (base::Status sent = send(parts, deadline); !sent) {
    abort();
    return sent.error();
  }
  return marks_;
}

base::Status KafkaTransactions::Impl::send(const std::vector<task::PartitionDelivery>& parts, KafkaInstant deadline) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (at_once_ == nullptr) {
      for (const task::Outgoing& each : *parts[i].outputs) {
        TROTH_ASSERT(each.stream < topics_.size());
        if (base::Status sent = produce(
                {topics_[each.stream].get(), RD_KAFKA_PARTITION_UA, each.key, each.value, nullptr}, deadline);
            !sent)
          return sent;
      }
    }
    if (!has_changelog()) continue;
    for (std::size_t row = 0; row < parts[i].rows.size(); ++row) {
      const task::ChangelogRow& each = parts[i].rows[row];
      void* mark = row + 1 == parts[i].rows.size() ? mark_of(i) : nullptr;
      if (base::Status sent = produce(
              {changelog_topic_.get(), parts[i].partition, std::string_view(each.key), each.value, mark}, deadline);
          !sent)
        return sent;
    }
  }
  if (base::Status sent = send_offsets(parts, deadline); !sent) return sent;
  const auto commit = [&](int timeout_ms) { return rd_kafka_commit_transaction(client_.get(), timeout_ms); };
  if (base::Status committed = call("a transaction could not be committed", deadline, commit); !committed)
    return refused_ ? base::Error{committed.error().message + ": " + *refused_} : committed;
  context_.health.set_connected(true);
  return base::success();
}

base::Status KafkaTransactions::Impl::produce(const Record& record, KafkaInstant deadline) {
  // A null pointer is a null key or value; an empty string has a pointer and no length.
  const char* key = record.key ? record.key->data() : nullptr;
  const std::size_t key_size = record.key ? record.key->size() : 0;
  // The client copies the value, for it promises only not to change it; so the const may go.
  void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
  const std::size_t value_size = record.value ? record.value->size() : 0;
  if (++since_poll_ >= kPollEvery) {
    since_poll_ = 0;
    rd_kafka_poll(client_.get(), 0);
    if (const auto found = trouble()) return *found;
  }
  while (rd_kafka_produce(record.topic, record.partition, RD_KAFKA_MSG_F_COPY, value, value_size, key, key_size,
                          record.mark) != 0) {
    const rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return base::Error{
          "Kafka: " + source::explain_kafka_write(error, rd_kafka_topic_name(record.topic), key_size + value_size)};
    }
    const int left_ms = source::kafka_time_left(deadline, kSliceMs);
    if (left_ms == 0) return base::Error{"Kafka: the cluster takes outputs too slowly or not at all. " + health().last_error};
    rd_kafka_poll(client_.get(), left_ms);
    if (const auto found = trouble()) return *found;
  }
  return base::success();
}

base::Status KafkaTransactions::Impl::send_offsets(const std::vector<task::PartitionDelivery>& parts,
                                                   KafkaInstant deadline) {
  const source::KafkaMembership membership = group_->membership();
  if (membership == nullptr) {
    return base::Error{"Kafka: the partitions were lost before their commit was sent; another instance goes on"};
  }
  const std::vector<std::string>& inputs = group_->topics();
  const source::KafkaPartitionList list(
      rd_kafka_topic_partition_list_new(static_cast<int>(parts.size() * inputs.size())));
  for (const task::PartitionDelivery& part : parts) {
    const std::string metadata = offset_metadata(part.commit);
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      auto* each = rd_kafka_topic_partition_list_add(list.get(), inputs[input].c_str(), part.partition);
      // Nobody reads from this offset: the state has its own. Of an input without a record yet it is a place to put the id.
      each->offset = std::max<std::int64_t>(part.next_offsets[input], 0);
      each->metadata = std::malloc(metadata.size());  // the list's to free
      TROTH_ASSERT(each->metadata != nullptr);
      std::memcpy(each->metadata, metadata.data(), metadata.size());
      each->metadata_size = metadata.size();
    }
  }
  const auto step = [&](int timeout_ms) {
    return rd_kafka_send_offsets_to_transaction(client_.get(), list.get(), membership.get(), timeout_ms);
  };
  return call("the positions of a commit were not taken", deadline, step);
}

/// So that readers of what others write need not wait until the broker does it. What comes of it does not matter here.
void KafkaTransactions::Impl::abort() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  const KafkaErrorPtr error(rd_kafka_abort_transaction(client_.get(), 2'000));
  if (error != nullptr) context_.health.note_error(rd_kafka_error_string(error.get()));
}

void KafkaTransactions::Impl::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& context = *static_cast<KafkaContext*>(opaque);
  Impl& self = *static_cast<Impl*>(context.owner);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto mark = reinterpret_cast<std::uintptr_t>(message->_private);
    const std::size_t part = mark & ((std::uintptr_t{1} << kPartBits) - 1);
    if (part > 0 && mark >> kPartBits == self.delivery_) self.marks_[part - 1] = message->offset;
    return;
  }
  if (self.refused_) return;
  self.refused_ =
      source::explain_kafka_write(message->err, rd_kafka_topic_name(message->rkt), message->key_len + message->len);
  context.health.note_error(*self.refused_);
}

std::optional<base::Error> KafkaTransactions::Impl::trouble() const {
  if (const std::string fatal = source::kafka_fatal(client_.get()); !fatal.empty()) {
    return base::Error{"Kafka: the producer cannot go on: " + fatal};
  }
  if (refused_) return base::Error{"Kafka: a record was refused: " + *refused_};
  return std::nullopt;
}

// ------------------------------------------------------------------------------------------------------------ recovery

base::Result<std::optional<task::CommitId>> KafkaTransactions::Impl::committed(std::int32_t partition) {
  TROTH_ASSERT(group_ != nullptr);
  auto metadata = group_->committed_metadata(partition, options_.transaction_timeout_ms + kOrphanSlackMs);
  if (!metadata) return metadata.error();
  if (!metadata->has_value()) return std::optional<task::CommitId>();
  auto id = read_offset_metadata(**metadata);
  if (!id) {
    return base::Error{"Kafka: the group's positions of partition " + std::to_string(partition) +
                       " were not written by Troth (moved by a tool, or by another program of this group): they say "
                       "nothing about the state. To begin anew take another group and an empty state directory; to go "
                       "on, delete the group's positions"};
  }
  return id;
}

base::Result<bool> KafkaTransactions::Impl::read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                           const EachRow& each) {
  TROTH_ASSERT(has_changelog());
  if (changelog_ == nullptr) {
    auto opened = KafkaChangelog::open(options_.kafka, *options_.changelog);
    if (!opened) return opened.error();
    changelog_ = std::move(*opened);
  }
  return changelog_->read_changelog(partition, from, waits, each);
}

// --------------------------------------------------------------------------------------------------------------- shell

KafkaTransactions::KafkaTransactions(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaTransactions::~KafkaTransactions() = default;

base::Result<std::unique_ptr<KafkaTransactions>> KafkaTransactions::open(KafkaTransactionsOptions options) {
  if (options.topics.empty()) return base::Error{"Kafka: no output topics are given"};
  auto impl = std::make_unique<Impl>(std::move(options));
  if (base::Status opened = impl->open(); !opened) return opened.error();
  return std::unique_ptr<KafkaTransactions>(new KafkaTransactions(std::move(impl)));
}

void KafkaTransactions::attach(source::KafkaGroup& group) { impl_->attach(group); }
bool KafkaTransactions::has_changelog() const { return impl_->has_changelog(); }
base::Result<std::vector<std::int64_t>> KafkaTransactions::deliver(const std::vector<task::PartitionDelivery>& parts) {
  return impl_->deliver(parts);
}
base::Result<std::optional<task::CommitId>> KafkaTransactions::committed(std::int32_t partition) {
  return impl_->committed(partition);
}
base::Result<bool> KafkaTransactions::read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                     const EachRow& each) {
  return impl_->read_changelog(partition, from, waits, each);
}
source::KafkaHealth KafkaTransactions::health() const { return impl_->health(); }

}  // namespace troth::sink
