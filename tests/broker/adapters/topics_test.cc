// create_topics against a real broker.
#include "tests/broker/adapters/cluster.h"

namespace troth::tests {
namespace {

using sink::create_topics;
using sink::TopicSpec;
using Outcome = sink::TopicResult::Outcome;

TEST(KafkaTopics, missing_topics_are_created_and_found_as_wished_the_second_time) {
  const std::vector<std::string> inputs = {unique("orders"), unique("deliveries")};
  const std::vector<std::string> outputs = {unique("scores"), unique("dead")};
  const auto specs = sink::pipeline_topics(inputs, outputs, unique("changelog"), 4, 1);
  const auto first = create_topics(specs, settings());
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_EQ(first->size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*first)[i].name, specs[i].name);
    EXPECT_EQ((*first)[i].outcome, Outcome::kCreated) << (*first)[i].message;
  }
  const auto second = create_topics(specs, settings());
  ASSERT_TRUE(second.ok());
  for (const auto& each : *second) EXPECT_EQ(each.outcome, Outcome::kPresent) << each.name << ": " << each.message;
  EXPECT_TRUE(sink::usable(*second));
  Member member(member_of(unique("group"), inputs));  // at once
  ASSERT_NE(member.source, nullptr);
  EXPECT_EQ(member.source->partitions(), 4);
}

TEST(KafkaTopics, another_number_of_partitions_fails_that_topic_and_names_the_way_out) {
  const std::string name = unique("orders");
  const std::string fine = unique("reviews");
  ASSERT_TRUE(create_topics({{name, 2, 1}}, settings()).ok());
  const auto result = create_topics({{name, 3, 1}, {fine, 3, 1}}, settings());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ((*result)[0].outcome, Outcome::kFailed);
  EXPECT_NE((*result)[0].message.find("it has 2 partitions, not 3"), std::string::npos) << (*result)[0].message;
  EXPECT_EQ((*result)[1].outcome, Outcome::kCreated);
  EXPECT_FALSE(sink::usable(*result));
}

TEST(KafkaTopics, another_configuration_is_told_and_left_as_it_is) {
  const std::string name = unique("scores");
  ASSERT_TRUE(create_topics({{name, 1, 1, {{"cleanup.policy", "delete"}}}}, settings()).ok());
  const std::vector<TopicSpec> wished = {{name, 1, 1, {{"cleanup.policy", "compact"}}}};
  for (int round = 0; round < 2; ++round) {
    const auto result = create_topics(wished, settings());
    ASSERT_TRUE(result.ok());
    EXPECT_EQ((*result)[0].outcome, Outcome::kDiffers);
    EXPECT_NE((*result)[0].message.find("cleanup.policy is delete, not compact"), std::string::npos)
        << (*result)[0].message;
    EXPECT_TRUE(sink::usable(*result));
  }
}

TEST(KafkaTopics, what_the_cluster_refuses_fails_that_topic_with_its_words) {
  const std::string fine = unique("orders");
  const auto result = create_topics({{unique("many"), 1, 5},
                                     {unique("bad"), 1, 1, {{"cleanup.policy", "nonsense"}}},
                                     {fine, 1, 1},
                                     {"not a name!", 1, 1}},
                                    settings());
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ((*result)[0].outcome, Outcome::kFailed);
  EXPECT_NE((*result)[0].message.find("too few brokers for 5 replicas"), std::string::npos) << (*result)[0].message;
  EXPECT_EQ((*result)[1].outcome, Outcome::kFailed);
  EXPECT_FALSE((*result)[1].message.empty());
  EXPECT_EQ((*result)[2].outcome, Outcome::kCreated) << (*result)[2].message;
  EXPECT_EQ((*result)[3].outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace troth::tests
