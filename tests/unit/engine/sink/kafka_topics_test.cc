#include "engine/sink/kafka_topics.h"

#include <gtest/gtest.h>

#include "engine/sink/kafka_sink.h"
#include "engine/source/kafka_client.h"

namespace troth::sink {
namespace {

source::KafkaSettings nowhere() {
  source::KafkaSettings settings;
  settings.bootstrap = "127.0.0.1:1";
  return settings;
}

std::string refusal(const std::vector<TopicSpec>& specs) {
  const auto result = create_topics(specs, nowhere(), 100);
  return result.ok() ? "" : result.error().message;
}

TEST(KafkaTopics, outputs_are_compacted_dead_letters_are_kept_by_time_and_inputs_are_left_to_the_cluster) {
  const std::vector<std::string> inputs = {"orders"};
  const std::vector<std::string> outputs = {"trust.scores", "trust.deadletter"};
  const auto specs = pipeline_topics(inputs, outputs, std::nullopt, 6, 3);
  ASSERT_EQ(specs.size(), 3U);
  EXPECT_EQ(specs[0].name, "orders");
  EXPECT_EQ(specs[0].partitions, 6);
  EXPECT_EQ(specs[0].replication, 3);
  EXPECT_TRUE(specs[0].config.empty());
  EXPECT_EQ(specs[1].config.at("cleanup.policy"), "compact");
  EXPECT_EQ(specs[2].config.at("cleanup.policy"), "delete");
}

TEST(KafkaTopics, a_wrong_wish_is_refused_before_the_cluster_is_asked) {
  EXPECT_NE(refusal({{"a", 0, 1}}).find("topic a: partitions must be 1 to 1024"), std::string::npos);
  EXPECT_NE(refusal({{"a", 1'025, 1}}).find("not 1025"), std::string::npos);
  EXPECT_NE(refusal({{"a", 1, 0}}).find("replication"), std::string::npos);
  EXPECT_NE(refusal({{"", 1, 1}}).find("without a name"), std::string::npos);
  EXPECT_NE(refusal({{"a", 1, 1}, {"b", 1, 1}, {"a", 2, 1}}).find("topic a is named twice"), std::string::npos);
}

TEST(KafkaTopics, a_cluster_that_cannot_be_reached_is_an_error_with_its_address) {
  EXPECT_NE(refusal({{"a", 1, 1}}).find("cannot reach Kafka at 127.0.0.1:1"), std::string::npos);
}

TEST(KafkaTopics, one_failed_topic_makes_the_lot_unusable) {
  using Outcome = TopicResult::Outcome;
  const std::vector<TopicResult> good = {
      {"a", Outcome::kCreated, ""}, {"b", Outcome::kPresent, ""}, {"c", Outcome::kDiffers, "x"}};
  const std::vector<TopicResult> bad = {{"a", Outcome::kCreated, ""}, {"b", Outcome::kFailed, "x"}};
  EXPECT_TRUE(usable(good));
  EXPECT_FALSE(usable(bad));
}

TEST(KafkaSink, a_cluster_that_cannot_be_reached_is_an_error_with_its_address_and_cause) {
  KafkaSinkOptions options;
  options.kafka = nowhere();
  options.start_timeout_ms = 300;
  const auto opened = KafkaSink::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("127.0.0.1:1"), std::string::npos);
  EXPECT_NE(opened.error().message.find("refused"), std::string::npos) << opened.error().message;
}

TEST(KafkaSink, a_setting_of_the_engines_own_is_refused) {
  KafkaSinkOptions options;
  options.kafka = nowhere();
  options.kafka.extra["acks"] = "0";
  const auto opened = KafkaSink::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("`acks`"), std::string::npos);
}

TEST(KafkaSink, an_output_that_is_refused_is_explained_with_its_remedy) {
  using source::explain_kafka_write;
  EXPECT_NE(explain_kafka_write(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "trust.scores", 1).find("troth topics create"),
            std::string::npos);
  EXPECT_NE(explain_kafka_write(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "trust.scores", 1).find("troth topics create"),
            std::string::npos);
  const std::string large = explain_kafka_write(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "trust.scores", 1'234'567);
  EXPECT_NE(large.find("topic trust.scores"), std::string::npos);
  EXPECT_NE(large.find("1234567 bytes"), std::string::npos);
  EXPECT_NE(large.find("max.message.bytes"), std::string::npos);
  EXPECT_NE(explain_kafka_write(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "t", 1).find("WRITE"), std::string::npos);
  EXPECT_NE(explain_kafka_write(RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "t", 1).find("IDEMPOTENT_WRITE"),
            std::string::npos);
}

}  // namespace
}  // namespace troth::sink
