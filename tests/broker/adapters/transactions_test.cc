// KafkaTransactions against a real broker: what a commit sends is there whole or not at all, with the positions and the
// commit's id; who was left behind is refused.
#include <gtest/gtest.h>

#include "engine/sink/kafka_transactions.h"
#include "tests/broker/adapters/cluster.h"

namespace troth::tests {
namespace {

using sink::KafkaTransactions;
using sink::KafkaTransactionsOptions;
using task::CommitId;
using task::Outgoing;

constexpr int kPartitions = 2;

/// Topics of one pipeline, and a member of its group.
struct Pipeline {
  Pipeline() : member(member_of(group, inputs)) {}

  [[nodiscard]] KafkaTransactionsOptions options(const std::string& id) const {
    KafkaTransactionsOptions result;
    result.kafka = settings();
    result.transactional_id = id;
    result.topics = outputs;
    result.changelog = changelog;
    result.partitions = kPartitions;
    return result;
  }
  [[nodiscard]] std::unique_ptr<KafkaTransactions> open(Member& as, const std::string& id = "") {
    auto opened = KafkaTransactions::open(options(id.empty() ? group : id));
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    (*opened)->attach(*as.source);
    return std::move(*opened);
  }
  bool join() {
    return member.until([&] { return member.owned.size() == kPartitions; });
  }

  std::string group = unique("group");
  std::vector<std::string> inputs = make_topics({"orders", "deliveries"}, kPartitions);
  std::vector<std::string> outputs = make_topics({"scores", "dead"}, kPartitions);
  std::string changelog = make_topics({"changelog"}, kPartitions, {{"cleanup.policy", "compact"}})[0];
  Member member;
};

struct Sent {
  explicit Sent(std::int32_t partition, std::uint64_t number, const std::string& value, const std::string& writer = "w") {
    records = {{0, "key", value}};
    part.partition = partition;
    part.commit = CommitId{number, writer};
    part.next_offsets = {static_cast<std::int64_t>(number), -1};
    part.outputs = &records;
    text = value;
    part.rows = {{"Sa", text}, {"Sgone", std::nullopt}, {"P", text}};
  }
  std::vector<Outgoing> records;
  std::string text;
  task::PartitionDelivery part;
};

std::vector<std::string> values(const std::vector<Read>& reads) {
  std::vector<std::string> result;
  for (const Read& each : reads) result.push_back(each.value.value_or("(null)"));
  return result;
}

TEST(KafkaTransactions, what_was_delivered_is_there_with_positions_and_id_and_the_changelog_tells_it) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const auto transactions = pipeline.open(pipeline.member);
  EXPECT_EQ(*transactions->committed(1), std::nullopt);
  Sent sent(1, 1, "one");
  const auto marks = transactions->deliver({sent.part});
  ASSERT_TRUE(marks.ok()) << marks.error().message;
  EXPECT_EQ(*marks, std::vector<std::int64_t>{2});
  EXPECT_EQ(*transactions->committed(1), (CommitId{1, "w"}));
  EXPECT_EQ(*transactions->committed(0), std::nullopt);
  EXPECT_EQ(values(read_all(pipeline.outputs[0], kPartitions)), std::vector<std::string>{"one"});

  Sent next(1, 2, "two");
  const auto later = transactions->deliver({next.part});
  ASSERT_TRUE(later.ok()) << later.error().message;
  EXPECT_EQ(*later, std::vector<std::int64_t>{6});  // behind three rows and the first commit's marker
  std::vector<std::string> rows;
  const auto take = [&](std::int64_t offset, std::int64_t, std::string_view key,
                        std::optional<std::string_view> value) -> base::Result<bool> {
    rows.push_back(std::to_string(offset) + std::string(key) + "=" + std::string(value.value_or("null")));
    return true;
  };
  EXPECT_FALSE(*transactions->read_changelog(1, -1, false, take));
  EXPECT_EQ(rows, (std::vector<std::string>{"0Sa=one", "1Sgone=null", "2P=one", "4Sa=two", "5Sgone=null", "6P=two"}));
  rows.clear();
  EXPECT_FALSE(*transactions->read_changelog(1, 2, false, take));
  EXPECT_EQ(rows.size(), 4U);
  rows.clear();
  EXPECT_FALSE(*transactions->read_changelog(0, -1, false, take));
  EXPECT_TRUE(rows.empty());
}

TEST(KafkaTransactions, a_changelog_is_read_until_the_reader_has_enough) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const auto transactions = pipeline.open(pipeline.member);
  Sent sent(0, 1, "one");
  ASSERT_TRUE(transactions->deliver({sent.part}).ok());
  int rows = 0;
  const auto first = [&](std::int64_t, std::int64_t, std::string_view, std::optional<std::string_view>) -> base::Result<bool> {
    return ++rows < 2;
  };
  EXPECT_TRUE(*transactions->read_changelog(0, -1, true, first));
  EXPECT_EQ(rows, 2);
  const auto fail = [&](std::int64_t, std::int64_t, std::string_view, std::optional<std::string_view>) -> base::Result<bool> {
    return base::Error{"no more"};
  };
  EXPECT_EQ(transactions->read_changelog(0, -1, true, fail).error().message, "no more");
}

TEST(KafkaTransactions, a_successor_of_the_same_name_fences_its_predecessor) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const auto predecessor = pipeline.open(pipeline.member);
  Sent one(0, 1, "one");
  ASSERT_TRUE(predecessor->deliver({one.part}).ok());
  const auto successor = pipeline.open(pipeline.member);
  Sent late(0, 2, "too late");
  EXPECT_FALSE(predecessor->deliver({late.part}).ok());
  EXPECT_EQ(*successor->committed(0), (CommitId{1, "w"}));
  Sent two(0, 2, "two", "v");
  ASSERT_TRUE(successor->deliver({two.part}).ok());
  EXPECT_EQ(values(read_all(pipeline.outputs[0], kPartitions)), (std::vector<std::string>{"one", "two"}));
}

TEST(KafkaTransactions, a_member_that_the_group_has_left_behind_is_refused_whole) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const auto transactions = pipeline.open(pipeline.member);
  // Its membership, as a process would hold it that stands still while another one joins.
  struct Stale final : source::KafkaGroup {
    explicit Stale(KafkaSource& source) : inputs(source.inputs()), held(source.membership()) {}
    const std::vector<std::string>& topics() const override { return inputs; }
    source::KafkaMembership membership() const override { return held; }
    base::Result<std::optional<std::string>> committed_metadata(std::int32_t, int) override { return base::Error{"not asked"}; }
    std::vector<std::string> inputs;
    source::KafkaMembership held;
  } stale(*pipeline.member.source);
  Member other(member_of(pipeline.group, pipeline.inputs));
  ASSERT_TRUE(within([&] {
    EXPECT_TRUE(pipeline.member.step());
    EXPECT_TRUE(other.step());
    return pipeline.member.owned.size() == 1 && other.owned.size() == 1;
  }));
  transactions->attach(stale);
  Sent sent(0, 1, "of a zombie");
  const auto refused = transactions->deliver({sent.part});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("ILLEGAL_GENERATION"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(read_all(pipeline.outputs[0], kPartitions).empty());
  EXPECT_TRUE(read_all(pipeline.changelog, kPartitions).empty());
}

TEST(KafkaTransactions, without_an_assignment_nothing_is_sent) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const auto transactions = pipeline.open(pipeline.member);
  ASSERT_TRUE(pipeline.member.source->close().ok());
  Sent sent(0, 1, "lost");
  EXPECT_FALSE(transactions->deliver({sent.part}).ok());
  EXPECT_TRUE(read_all(pipeline.outputs[0], kPartitions).empty());
}

TEST(KafkaTransactions, positions_that_somebody_else_wrote_are_not_taken_for_ours) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  const source::KafkaPartitionList list(rd_kafka_topic_partition_list_new(2));
  for (const std::string& topic : pipeline.inputs) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = 5;
  Writer tool(unique("tool"));
  tool.begin();
  const source::KafkaErrorPtr error(rd_kafka_send_offsets_to_transaction(
      tool.client(), list.get(), pipeline.member.source->membership().get(), kDeadlineMs));
  ASSERT_EQ(error, nullptr);
  tool.commit();
  const auto transactions = pipeline.open(pipeline.member);
  const auto committed = transactions->committed(0);
  ASSERT_FALSE(committed.ok());
  EXPECT_NE(committed.error().message.find("not written by Troth"), std::string::npos) << committed.error().message;
}

TEST(KafkaTransactions, outputs_at_once_are_there_although_the_transaction_is_refused) {
  Pipeline pipeline;
  ASSERT_TRUE(pipeline.join()) << pipeline.member.failure;
  auto options = pipeline.options(pipeline.group);
  options.outputs_at_once = true;
  auto opened = KafkaTransactions::open(options);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  (*opened)->attach(*pipeline.member.source);
  Sent sent(0, 1, "once");
  ASSERT_TRUE((*opened)->deliver({sent.part}).ok());
  EXPECT_EQ(*(*opened)->committed(0), (CommitId{1, "w"}));
  ASSERT_TRUE(pipeline.member.source->close().ok());
  Sent again(0, 2, "at once");
  EXPECT_FALSE((*opened)->deliver({again.part}).ok());
  EXPECT_EQ(values(read_all(pipeline.outputs[0], kPartitions)), (std::vector<std::string>{"once", "at once"}));
}

TEST(KafkaTransactions, a_changelog_with_another_number_of_partitions_is_refused_with_the_remedy) {
  Pipeline pipeline;
  auto options = pipeline.options(pipeline.group);
  options.partitions = kPartitions + 1;
  const auto opened = KafkaTransactions::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("troth topics create --partitions 3"), std::string::npos) << opened.error().message;
}

TEST(OffsetMetadata, is_read_back_and_nothing_else_is_taken_for_it) {
  const CommitId id{17, "abc"};
  EXPECT_EQ(sink::read_offset_metadata(sink::offset_metadata(id)), id);
  for (const char* other : {"", "troth1;", "troth1;17", "troth1;17;", "troth1;0;a", "troth1;x;a", "troth1;1;a;b", "troth2;1;a", "17;abc"}) {
    EXPECT_EQ(sink::read_offset_metadata(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace troth::tests
