// Helpers for tests of the Kafka adapters against a real broker: unique names, a plain producer and reader of the
// test's own (so that no adapter is tested by itself), and members of a consumer group that are driven step by step.
// One thread.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/sink/kafka_topics.h"
#include "engine/source/kafka_client.h"
#include "engine/source/kafka_source.h"

namespace troth::tests {

using source::KafkaSource;
using source::KafkaSourceOptions;
using task::InputNews;
using Kind = task::InputNews::Kind;
using Bytes = std::optional<std::string>;

constexpr int kDeadlineMs = 60'000;

inline std::string bootstrap() { return std::getenv("TROTH_KAFKA_BOOTSTRAP"); }

inline source::KafkaSettings settings() {
  source::KafkaSettings result;
  result.bootstrap = bootstrap();
  return result;
}

/// A name that no other test and no other run on this broker uses.
inline std::string unique(const std::string& stem) {
  static int count = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return stem + "-" + std::to_string(getpid()) + "-" + std::to_string(now % 1'000'000'007) + "-" +
         std::to_string(++count);
}

/// `stem` and a number. (Not by operator+, over which g++ 12 warns without cause.)
inline std::string with_number(std::string_view stem, int number) {
  std::string result(stem);
  result += std::to_string(number);
  return result;
}

inline std::vector<std::string> make_topics(const std::vector<std::string>& stems, int partitions,
                                            const std::map<std::string, std::string>& config = {}) {
  std::vector<sink::TopicSpec> specs;
  std::vector<std::string> names;
  for (const std::string& stem : stems) {
    names.push_back(unique(stem));
    specs.push_back({names.back(), partitions, 1, config});
  }
  const auto made = sink::create_topics(specs, settings());
  EXPECT_TRUE(made.ok()) << made.error().message;
  EXPECT_TRUE(sink::usable(*made));
  return names;
}

/// Waits until `done` answers true; false at the deadline.
inline bool within(const std::function<bool()>& done, int deadline_ms = kDeadlineMs) {
  const auto deadline = source::kafka_deadline(deadline_ms);
  while (!done()) {
    if (source::kafka_time_left(deadline, 1) == 0) return false;
  }
  return true;
}

inline source::KafkaHandle plain_client(rd_kafka_type_t type,
                                        const std::vector<std::pair<std::string, std::string>>& extra) {
  source::KafkaConf conf(rd_kafka_conf_new());
  char why[256];
  std::vector<std::pair<std::string, std::string>> all = {{"bootstrap.servers", bootstrap()}};
  all.insert(all.end(), extra.begin(), extra.end());
  for (const auto& [name, value] : all) {
    EXPECT_EQ(rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof why), RD_KAFKA_CONF_OK) << why;
  }
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), why, sizeof why);
  EXPECT_NE(client, nullptr) << why;
  static_cast<void>(conf.release());
  return source::KafkaHandle(client);
}

/// Writes records; the test's own producer.
class Writer {
 public:
  explicit Writer(const std::string& transactional_id = "")
      : client_(plain_client(RD_KAFKA_PRODUCER, extra(transactional_id))) {
    if (!transactional_id.empty()) expect_done(rd_kafka_init_transactions(client_.get(), kDeadlineMs));
  }
  void put(const std::string& topic, int partition, const Bytes& key, const Bytes& value,
           const std::vector<std::pair<std::string, Bytes>>& headers = {}) {
    rd_kafka_headers_t* raw = rd_kafka_headers_new(headers.size());
    for (const auto& [name, content] : headers) {
      rd_kafka_header_add(raw, name.c_str(), -1, content ? content->data() : nullptr,
                          content ? static_cast<ssize_t>(content->size()) : 0);
    }
    rd_kafka_vu_t parts[6] = {};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = partition;
    parts[2].vtype = RD_KAFKA_VTYPE_KEY;
    if (key) parts[2].u.mem = {const_cast<char*>(key->data()), key->size()};
    parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
    if (value) parts[3].u.mem = {const_cast<char*>(value->data()), value->size()};
    parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[4].u.headers = raw;
    parts[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[5].u.i = RD_KAFKA_MSG_F_COPY;
    for (;;) {
      const source::KafkaErrorPtr error(rd_kafka_produceva(client_.get(), parts, std::size(parts)));
      if (!error) return;
      ASSERT_EQ(rd_kafka_error_code(error.get()), RD_KAFKA_RESP_ERR__QUEUE_FULL);
      rd_kafka_poll(client_.get(), 10);
    }
  }
  void numbered(const std::string& topic, int partition, int from, int to) {
    for (int i = from; i < to; ++i) put(topic, partition, with_number("k", i % 7), std::to_string(i));
    flush();
  }
  void flush() { EXPECT_EQ(rd_kafka_flush(client_.get(), kDeadlineMs), RD_KAFKA_RESP_ERR_NO_ERROR); }
  void begin() { expect_done(rd_kafka_begin_transaction(client_.get())); }
  void commit() { expect_done(rd_kafka_commit_transaction(client_.get(), -1)); }
  void abort() { expect_done(rd_kafka_abort_transaction(client_.get(), -1)); }
  rd_kafka_t* client() { return client_.get(); }

 private:
  /// Idempotent, because a retry would change the order otherwise: the first record to a new topic often needs one.
  static std::vector<std::pair<std::string, std::string>> extra(const std::string& transactional_id) {
    if (transactional_id.empty()) return {{"enable.idempotence", "true"}};
    return {{"transactional.id", transactional_id}};
  }
  static void expect_done(rd_kafka_error_t* raw) {
    const source::KafkaErrorPtr error(raw);
    EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error.get());
  }
  source::KafkaHandle client_;
};

struct Read {
  int partition = 0;
  Bytes key;
  Bytes value;
  friend bool operator==(const Read&, const Read&) = default;
};

/// Everything in a topic now, in order within partitions; the test's own reader.
inline std::vector<Read> read_all(const std::string& topic, int partitions) {
  const auto client =
      plain_client(RD_KAFKA_CONSUMER,
                   {{"group.id", unique("reader")}, {"enable.partition.eof", "true"}, {"enable.auto.commit", "false"}});
  const source::KafkaPartitionList list(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(client.get(), list.get());
  std::vector<Read> all;
  std::set<int> ended;
  const bool done = within([&] {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client.get(), 100);
    if (message == nullptr) return false;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ended.insert(message->partition);
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const auto bytes = [](const void* data, std::size_t size) {
        return data == nullptr ? Bytes() : Bytes(std::string(static_cast<const char*>(data), size));
      };
      all.push_back({message->partition, bytes(message->key, message->key_len), bytes(message->payload, message->len)});
    }
    rd_kafka_message_destroy(message);
    return ended.size() == static_cast<std::size_t>(partitions);
  });
  EXPECT_TRUE(done) << "topic " << topic << " was not read to its end";
  rd_kafka_consumer_close(client.get());
  return all;
}

/// A member of a group, driven as the engine drives it: positions given when asked, and kept as records arrive.
class Member {
 public:
  explicit Member(KafkaSourceOptions options) {
    auto opened = KafkaSource::open(std::move(options));
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    if (opened.ok()) source = std::move(opened).value();
  }

  /// One poll; news are followed. False: the source has failed.
  bool step(int timeout_ms = 20, std::size_t max = 1'000) {
    std::vector<task::Arrival> arrivals;
    const auto count = source->poll(arrivals, max, timeout_ms);
    if (!count.ok()) {
      failure = count.error().message;
      return false;
    }
    EXPECT_EQ(*count, arrivals.size());
    EXPECT_LE(arrivals.size(), max);
    for (task::Arrival& each : arrivals) take(std::move(each));
    return true;
  }
  bool until(const std::function<bool()>& done, int deadline_ms = kDeadlineMs) {
    return within([&] { return done() || !step() || done(); }, deadline_ms) && done();
  }

  [[nodiscard]] std::vector<std::string> values(int input, int partition) const {
    std::vector<std::string> result;
    for (const task::Record& each : records) {
      if (each.origin.input == input && each.origin.partition == partition)
        result.push_back(each.value.value_or("(null)"));
    }
    return result;
  }
  [[nodiscard]] bool all_at_end() const {
    return !owned.empty() && at_end.size() == owned.size() * source->inputs().size();
  }
  [[nodiscard]] int count(Kind kind) const {
    int result = 0;
    for (const InputNews& each : news) result += each.kind == kind ? 1 : 0;
    return result;
  }

  std::unique_ptr<KafkaSource> source;
  bool answers = true;  // give positions at once
  using Positions = std::map<std::int32_t, std::vector<std::int64_t>>;
  Positions positions;            // by partition; what is not here begins at −1
  Positions* store = &positions;  // may be one that members share
  std::set<std::int32_t> owned;
  std::set<std::pair<int, int>> at_end;  // (input, partition)
  std::vector<task::Record> records;
  std::vector<InputNews> news;
  std::string failure;

 private:
  void take(task::Arrival arrival) {
    if (arrival.record) {
      const event::Origin origin = arrival.record->origin;
      EXPECT_TRUE(owned.contains(origin.partition)) << "a record of a partition that is not ours";
      auto& next = (*store)[origin.partition];
      EXPECT_GE(origin.offset, next.at(origin.input)) << "a record delivered twice";
      next.at(origin.input) = origin.offset + 1;
      records.push_back(std::move(*arrival.record));
      return;
    }
    const InputNews& what = arrival.news;
    news.push_back(what);
    switch (what.kind) {
      case Kind::kAssigned:
        EXPECT_TRUE(owned.insert(what.partition).second);
        store->try_emplace(what.partition, std::vector<std::int64_t>(source->inputs().size(), -1));
        if (answers) {
          const auto status = source->seek(what.partition, (*store)[what.partition]);
          EXPECT_TRUE(status.ok()) << status.error().message;
        }
        break;
      case Kind::kRevoked:
      case Kind::kLost:
        EXPECT_EQ(owned.erase(what.partition), 1U);
        std::erase_if(at_end, [&](const auto& each) { return each.second == what.partition; });
        break;
      case Kind::kAtEnd: EXPECT_TRUE(at_end.insert({what.input, what.partition}).second); break;
      case Kind::kNotAtEnd: EXPECT_EQ(at_end.erase({what.input, what.partition}), 1U); break;
    }
  }
};

inline KafkaSourceOptions member_of(const std::string& group, const std::vector<std::string>& topics,
                                    const std::string& instance = "") {
  KafkaSourceOptions options;
  options.kafka = settings();
  options.kafka.extra["session.timeout.ms"] = "6000";
  options.group = group;
  options.instance = instance;
  options.topics = topics;
  return options;
}

}  // namespace troth::tests
