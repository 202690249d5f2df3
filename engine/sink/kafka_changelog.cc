#include "engine/sink/kafka_changelog.h"

#include <optional>
#include <utility>
#include <vector>

#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

using source::KafkaInstant;
using source::KafkaRole;
using source::KafkaSetting;

constexpr std::size_t kMessagesPerPoll = 10'000;
constexpr int kPollMs = 100;
/// How long nothing may come while something is expected: the markers of a transaction are written to each partition by
/// itself, and a broker may be on its way back.
constexpr int kPatienceMs = 20'000;

std::vector<KafkaSetting> preferred_settings() {
  return {
      {"fetch.wait.max.ms", "20"},
      {"queued.min.messages", "1000000"},
      {"queued.max.messages.kbytes", "65536"},
      {"fetch.queue.backoff.ms", "10", true},
  };
}

std::vector<KafkaSetting> fixed_settings() {
  return {
      {"group.id", "troth-changelog"},  // the library wants one; nothing is ever committed and nobody joins
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
  };
}

}  // namespace

class KafkaChangelog::Impl {
 public:
  explicit Impl(std::string topic) : topic_(std::move(topic)) {}

  base::Status open(const source::KafkaSettings& settings) {
    context_.owner = this;
    auto conf =
        make_kafka_conf(settings, KafkaRole::kConsumer, context_, preferred_settings(), fixed_settings());
    if (!conf.ok()) return conf.error();
    auto client = source::make_kafka_client(RD_KAFKA_CONSUMER, std::move(conf).value());
    if (!client.ok()) return client.error();
    client_ = std::move(client).value();
    rd_kafka_poll_set_consumer(client_.get());
    queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    batch_.resize(kMessagesPerPoll);
    return base::success();
  }

  base::Result<bool> read(std::int32_t partition, std::int64_t from, bool waits,
                          const task::Changelog::EachRow& each) {
    const source::KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset =
        from < 0 ? static_cast<std::int64_t>(RD_KAFKA_OFFSET_BEGINNING) : from;
    if (const auto error = rd_kafka_assign(client_.get(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return base::Error{where(partition) + "cannot be read: " + rd_kafka_err2str(error)};
    }
    auto done = read_assigned(partition, waits, each);
    rd_kafka_assign(client_.get(), nullptr);
    drop_rest();
    return done;
  }

 private:
  [[nodiscard]] std::string where(std::int32_t partition) const {
    return "Kafka: changelog " + topic_ + ", partition " + std::to_string(partition) + ": ";
  }

  base::Result<bool> read_assigned(std::int32_t partition, bool waits, const task::Changelog::EachRow& each) {
    KafkaInstant deadline = source::kafka_deadline(kPatienceMs);
    for (;;) {
      const ssize_t got = rd_kafka_consume_batch_queue(queue_.get(), kPollMs, batch_.data(), batch_.size());
      const std::size_t count = got < 0 ? 0 : static_cast<std::size_t>(got);
      std::optional<base::Result<bool>> answer;
      for (std::size_t i = 0; i < count; ++i) {
        const rd_kafka_message_t& message = *batch_[i];
        if (!answer && message.partition == partition) answer = take(message, waits, each, deadline);
        rd_kafka_message_destroy(batch_[i]);
      }
      if (answer) return *answer;
      if (source::kafka_time_left(deadline, 1) > 0) continue;
      const std::string cause = context_.health.get().last_error;
      if (!is_at_end_) {
        return base::Error{where(partition) + "nothing came for " + std::to_string(kPatienceMs) + " ms" +
                           (cause.empty() ? "" : ": " + cause)};
      }
      return false;
    }
  }

  /// Nothing: go on.
  std::optional<base::Result<bool>> take(const rd_kafka_message_t& message, bool waits,
                                         const task::Changelog::EachRow& each, KafkaInstant& deadline) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      is_at_end_ = true;
      if (waits) return std::nullopt;
      return base::Result<bool>(false);
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::string why = std::string(rd_kafka_err2name(message.err)) + ": " + rd_kafka_message_errstr(&message);
      context_.health.note_error(why);
      const bool is_final = message.err == RD_KAFKA_RESP_ERR__BAD_MSG || message.err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
                            message.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
                            message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
      if (is_final) return base::Result<bool>(base::Error{where(message.partition) + why});
      return std::nullopt;  // the client goes on by itself
    }
    is_at_end_ = false;
    deadline = source::kafka_deadline(kPatienceMs);
    std::int64_t low = -1;
    std::int64_t high = -1;
    rd_kafka_get_watermark_offsets(client_.get(), topic_.c_str(), message.partition, &low, &high);
    const std::string_view key(static_cast<const char*>(message.key), message.key_len);
    std::optional<std::string_view> value;
    if (message.payload != nullptr) value.emplace(static_cast<const char*>(message.payload), message.len);
    auto goes_on = each(message.offset, high, key, value);
    if (!goes_on) return base::Result<bool>(goes_on.error());
    if (!*goes_on) return base::Result<bool>(true);
    return std::nullopt;
  }

  /// What was fetched and is not wanted any more.
  void drop_rest() {
    for (;;) {
      const ssize_t got = rd_kafka_consume_batch_queue(queue_.get(), 0, batch_.data(), batch_.size());
      if (got <= 0) return;
      for (ssize_t i = 0; i < got; ++i) rd_kafka_message_destroy(batch_[static_cast<std::size_t>(i)]);
    }
  }

  std::string topic_;
  source::KafkaContext context_;  // outlives the client
  source::KafkaHandle client_;
  source::KafkaQueue queue_;
  std::vector<rd_kafka_message_t*> batch_;
  bool is_at_end_ = false;
};

KafkaChangelog::KafkaChangelog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaChangelog::~KafkaChangelog() = default;

base::Result<std::unique_ptr<KafkaChangelog>> KafkaChangelog::open(const source::KafkaSettings& settings,
                                                                   std::string topic) {
  auto impl = std::make_unique<Impl>(std::move(topic));
  if (base::Status opened = impl->open(settings); !opened) return opened.error();
  return std::unique_ptr<KafkaChangelog>(new KafkaChangelog(std::move(impl)));
}

base::Result<bool> KafkaChangelog::read_changelog(std::int32_t partition, std::int64_t from, bool waits,
                                                  const EachRow& each) {
  return impl_->read(partition, from, waits, each);
}

}  // namespace troth::sink
