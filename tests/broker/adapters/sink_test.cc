// KafkaSink against a real broker.
#include "engine/sink/kafka_sink.h"

#include "engine/base/hash.h"
#include "tests/broker/adapters/cluster.h"

namespace troth::tests {
namespace {

using sink::KafkaSink;
using sink::KafkaSinkOptions;
using task::Outgoing;

KafkaSinkOptions sink_to(const std::vector<std::string>& topics) {
  KafkaSinkOptions options;
  options.kafka = settings();
  options.topics = topics;
  return options;
}

std::unique_ptr<KafkaSink> open(const KafkaSinkOptions& options) {
  auto opened = KafkaSink::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(opened).value() : nullptr;
}

TEST(KafkaSink, what_is_durable_is_in_the_topic_with_nulls_and_empties_as_given) {
  const auto topics = make_topics({"scores", "dead"}, 1);
  const auto out = open(sink_to(topics));
  ASSERT_TRUE(out->restore("").ok());
  ASSERT_TRUE(
      out->write({{0, "a", "1"}, {0, "a", std::nullopt}, {0, "", ""}, {1, std::nullopt, std::string("\0\xff", 2)}})
          .ok());
  const auto durable = out->make_durable();
  ASSERT_TRUE(durable.ok()) << durable.error().message;
  EXPECT_EQ(*durable, "");
  EXPECT_EQ(out->outstanding(), 0U);
  EXPECT_EQ(read_all(topics[0], 1), (std::vector<Read>{{0, "a", "1"}, {0, "a", std::nullopt}, {0, "", ""}}));
  EXPECT_EQ(read_all(topics[1], 1), (std::vector<Read>{{0, std::nullopt, std::string("\0\xff", 2)}}));
  EXPECT_TRUE(out->health().connected);
}

TEST(KafkaSink, a_key_goes_to_the_partition_that_inputs_and_files_give_it) {
  const auto topics = make_topics({"scores"}, 7);
  const auto out = open(sink_to(topics));
  std::vector<Outgoing> records;
  for (int i = 0; i < 200; ++i) records.push_back({0, with_number("customer-", i), "v"});
  records.push_back({0, "", "v"});
  ASSERT_TRUE(out->write(records).ok());
  ASSERT_TRUE(out->make_durable().ok());
  const auto read = read_all(topics[0], 7);
  EXPECT_EQ(read.size(), 201U);
  for (const Read& each : read) EXPECT_EQ(each.partition, base::partition_of(*each.key, 7)) << *each.key;
}

TEST(KafkaSink, written_again_the_records_are_the_same_and_in_the_same_order) {
  const auto topics = make_topics({"scores"}, 1);
  const auto out = open(sink_to(topics));
  std::vector<Outgoing> records;
  for (int i = 0; i < 1'000; ++i) records.push_back({0, with_number("k", i % 10), std::to_string(i)});
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(out->write(records).ok());
    ASSERT_TRUE(out->make_durable().ok());
  }
  const auto read = read_all(topics[0], 1);
  ASSERT_EQ(read.size(), 2'000U);
  for (std::size_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(read[i].value, std::to_string(i));
    EXPECT_EQ(read[i], read[i + 1'000]);
  }
}

TEST(KafkaSink, a_state_whose_outputs_are_in_files_is_refused) {
  const auto out = open(sink_to(make_topics({"scores"}, 1)));
  const auto restored = out->restore("mark of files");
  ASSERT_FALSE(restored.ok());
  EXPECT_NE(restored.error().message.find("files"), std::string::npos);
}

TEST(KafkaSink, nothing_written_is_durable_at_once) {
  const auto out = open(sink_to(make_topics({"scores"}, 1)));
  EXPECT_TRUE(out->make_durable().ok());
}

TEST(KafkaSink, a_missing_topic_is_refused_at_start_with_the_remedy) {
  auto topics = make_topics({"scores"}, 1);
  topics.push_back("no-such-output");
  const auto opened = KafkaSink::open(sink_to(topics));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("missing: no-such-output"), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("troth topics create"), std::string::npos);
}

TEST(KafkaSink, a_full_queue_is_back_pressure_and_nothing_is_lost) {
  const auto topics = make_topics({"scores"}, 1);
  auto options = sink_to(topics);
  options.kafka.extra["queue.buffering.max.messages"] = "100";
  const auto out = open(options);
  std::vector<Outgoing> records;
  for (int i = 0; i < 5'000; ++i) records.push_back({0, "k", std::to_string(i)});
  ASSERT_TRUE(out->write(records).ok());
  ASSERT_TRUE(out->make_durable().ok());
  const auto read = read_all(topics[0], 1);
  ASSERT_EQ(read.size(), 5'000U);
  for (std::size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i].value, std::to_string(i));
}

TEST(KafkaSink, a_record_too_large_for_the_client_is_an_error_with_the_remedy_and_the_sink_goes_on_after_restore) {
  const auto topics = make_topics({"scores"}, 1);
  const auto out = open(sink_to(topics));
  const auto written = out->write({{0, "a", "before"}, {0, "k", std::string(2'000'000, 'x')}});
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message.find(topics[0]), std::string::npos) << written.error().message;
  EXPECT_NE(written.error().message.find("max.message.bytes"), std::string::npos) << written.error().message;
  ASSERT_TRUE(out->restore("").ok());
  ASSERT_TRUE(out->write({{0, "a", "after"}}).ok());
  ASSERT_TRUE(out->make_durable().ok());
  EXPECT_EQ(read_all(topics[0], 1), (std::vector<Read>{{0, "a", "before"}, {0, "a", "after"}}));
}

TEST(KafkaSink, a_record_that_the_broker_refuses_is_an_error_with_the_remedy_and_the_sink_goes_on_after_restore) {
  const auto topics = make_topics({"scores"}, 1, {{"max.message.bytes", "1000"}});
  const auto out = open(sink_to(topics));
  std::string large;  // that does not compress
  for (unsigned i = 0; i < 20'000; ++i) large += static_cast<char>(base::murmur2(std::to_string(i)) & 0xFFU);
  ASSERT_TRUE(out->write({{0, "k", large}}).ok());
  const auto durable = out->make_durable();
  ASSERT_FALSE(durable.ok());
  EXPECT_NE(durable.error().message.find("max.message.bytes"), std::string::npos) << durable.error().message;
  EXPECT_FALSE(out->write({{0, "k", "small"}}).ok());  // until it is restored
  ASSERT_TRUE(out->restore("").ok());
  ASSERT_TRUE(out->write({{0, "k", "small"}}).ok());
  const auto again = out->make_durable();
  ASSERT_TRUE(again.ok()) << again.error().message;
  const auto read = read_all(topics[0], 1);
  ASSERT_FALSE(read.empty());
  EXPECT_EQ(read.back(), (Read{0, "k", "small"}));
}

TEST(KafkaSink, a_compacted_topic_refuses_a_record_without_a_key_and_that_is_told) {
  const auto topics = make_topics({"scores"}, 1, {{"cleanup.policy", "compact"}});
  const auto out = open(sink_to(topics));
  ASSERT_TRUE(out->write({{0, std::nullopt, "v"}}).ok());
  const auto durable = out->make_durable();
  ASSERT_FALSE(durable.ok());
  EXPECT_NE(durable.error().message.find("without a key"), std::string::npos) << durable.error().message;
}

}  // namespace
}  // namespace troth::tests
