#include "engine/source/kafka_assignment.h"

#include <gtest/gtest.h>

#include <map>

namespace troth::source {
namespace {

const std::vector<std::string> kTopics = {"orders", "deliveries"};

base::Result<std::int32_t> common(const std::map<std::string, std::int32_t>& counts) {
  return common_partitions(kTopics, [&](const std::string& topic) {
    const auto found = counts.find(topic);
    return found == counts.end() ? -1 : found->second;
  });
}

TEST(KafkaAssignment, topics_with_equal_partitions_share_their_number) {
  const auto result = common({{"orders", 6}, {"deliveries", 6}, {"other", 3}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 6);
}

TEST(KafkaAssignment, missing_topics_are_named_with_the_remedy) {
  const auto result = common({{"orders", 6}});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("missing: deliveries"), std::string::npos);
  EXPECT_NE(result.error().message.find("troth topics create"), std::string::npos);
}

TEST(KafkaAssignment, topics_that_differ_in_partitions_are_refused) {
  const auto result = common({{"orders", 6}, {"deliveries", 8}});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("orders has 6, deliveries has 8"), std::string::npos) << result.error().message;
}

TEST(KafkaAssignment, no_topics_are_refused) {
  EXPECT_FALSE(common_partitions({}, [](const std::string&) { return 1; }).ok());
}

TEST(KafkaAssignment, the_same_partition_of_every_topic_is_one_partition) {
  const std::vector<KafkaAssigned> assigned = {{"orders", 4}, {"orders", 1}, {"deliveries", 1}, {"deliveries", 4}};
  const auto result = whole_partitions(assigned, kTopics, 6);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, (std::vector<std::int32_t>{1, 4}));
}

TEST(KafkaAssignment, nothing_assigned_is_nothing_to_do) {
  const auto result = whole_partitions({}, kTopics, 6);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->empty());
}

TEST(KafkaAssignment, a_partition_without_one_of_the_topics_is_refused) {
  const std::vector<KafkaAssigned> assigned = {{"orders", 1}, {"deliveries", 1}, {"orders", 2}};
  const auto result = whole_partitions(assigned, kTopics, 6);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("partition 2 was assigned without topic deliveries"), std::string::npos);
}

TEST(KafkaAssignment, a_topic_that_has_grown_is_refused) {
  const std::vector<KafkaAssigned> assigned = {{"orders", 6}, {"deliveries", 6}};
  const auto result = whole_partitions(assigned, kTopics, 6);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("topic orders has grown"), std::string::npos);
}

}  // namespace
}  // namespace troth::source
