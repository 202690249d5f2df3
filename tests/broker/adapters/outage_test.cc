// The adapters while the broker stands still (SIGSTOP: connections stay open, nothing is answered). Needs the broker's
// process id in TROTH_KAFKA_PID, which run.py gives; without it these tests are skipped, and say so.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "engine/sink/kafka_sink.h"
#include "tests/broker/adapters/cluster.h"

namespace troth::tests {
namespace {

using sink::KafkaSink;
using sink::KafkaSinkOptions;
using task::Outgoing;

class KafkaOutage : public testing::Test {
 protected:
  void SetUp() override {
    const char* pid = std::getenv("TROTH_KAFKA_PID");
    if (pid == nullptr) GTEST_SKIP() << "NOT RUN: TROTH_KAFKA_PID is not set";
    broker_ = std::atoi(pid);
    ASSERT_GT(broker_, 1);
  }
  void TearDown() override { go_on(); }
  /// Returns when every thread of the broker stands still: until then one of them may answer yet.
  void stop() {
    ASSERT_EQ(kill(broker_, SIGSTOP), 0);
    ASSERT_TRUE(within([&] { return stands_still(); }));
  }
  void go_on() {
    if (broker_ > 1) kill(broker_, SIGCONT);
  }

 private:
  [[nodiscard]] bool stands_still() const {
    const std::filesystem::path threads = "/proc/" + std::to_string(broker_) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(threads)) {
      std::string line;
      std::getline(std::ifstream(thread.path() / "stat"), line);
      const std::size_t name_end = line.rfind(')');  // "1 (a name) T 0 …"
      if (line.substr(name_end + 1, 3) != " T ") return false;
    }
    return true;
  }
  pid_t broker_ = 0;
};

std::unique_ptr<KafkaSink> open(const std::vector<std::string>& topics, int timeout_ms,
                                const std::string& queue_max = "100000") {
  KafkaSinkOptions options;
  options.kafka = settings();
  options.kafka.extra["queue.buffering.max.messages"] = queue_max;
  options.kafka.extra["socket.timeout.ms"] = "3000";
  options.topics = topics;
  options.write_timeout_ms = timeout_ms;
  options.durable_timeout_ms = timeout_ms;
  auto opened = KafkaSink::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::vector<Outgoing> numbered(int from, int to) {
  std::vector<Outgoing> records;
  for (int i = from; i < to; ++i) records.push_back({0, "k", std::to_string(i)});
  return records;
}

TEST_F(KafkaOutage, a_source_goes_on_polling_loses_its_partitions_with_the_session_and_gets_them_back) {
  const auto topics = make_topics({"orders"}, 2);
  auto options = member_of(unique("group"), topics);
  options.kafka.extra["socket.timeout.ms"] = "3000";
  Member member(options);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); }));
  stop();
  ASSERT_TRUE(member.until([&] { return member.count(Kind::kLost) == 2 && !member.source->health().connected; }))
      << member.failure;
  EXPECT_EQ(member.count(Kind::kRevoked), 0);
  EXPECT_FALSE(member.source->health().last_error.empty());
  EXPECT_GT(member.source->health().since, 0);
  go_on();
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  writer.numbered(topics[0], 0, 10, 20);
  ASSERT_TRUE(member.until([&] { return member.records.size() == 20; })) << member.failure;
  EXPECT_TRUE(member.source->health().connected);
}

// A static member may be thrown out by its own request to join, which the broker answers after the client gave up on
// it.
TEST_F(KafkaOutage, a_static_member_reads_on_after_an_outage_if_need_be_after_a_restart) {
  const auto topics = make_topics({"orders"}, 2);
  const std::string group = unique("group");
  auto options = member_of(group, topics, "one");
  options.kafka.extra["socket.timeout.ms"] = "3000";
  auto member = std::make_unique<Member>(options);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  ASSERT_TRUE(member->until([&] { return member->all_at_end(); }));
  stop();
  ASSERT_TRUE(member->until([&] { return member->count(Kind::kLost) == 2 && !member->source->health().connected; }))
      << member->failure;
  go_on();
  if (!member->until([&] { return member->all_at_end(); })) {
    EXPECT_NE(member->failure.find("start again to resume"), std::string::npos) << member->failure;
    const Member::Positions positions = member->positions;
    member = std::make_unique<Member>(options);
    member->positions = positions;
    ASSERT_TRUE(member->until([&] { return member->all_at_end(); })) << member->failure;
    EXPECT_TRUE(member->records.empty());
  }
  const std::size_t before = member->records.size();
  writer.numbered(topics[0], 0, 10, 20);
  ASSERT_TRUE(member->until([&] { return member->records.size() == before + 10; })) << member->failure;
}

TEST_F(KafkaOutage, a_source_can_be_closed_while_the_broker_stands_still) {
  const auto topics = make_topics({"orders"}, 1);
  Member member(member_of(unique("group"), topics, "one"));
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); }));
  stop();
  const auto start = std::chrono::steady_clock::now();
  const auto closed = member.source->close(2'000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << closed.ok();
}

TEST_F(KafkaOutage, what_was_written_is_acknowledged_once_the_broker_answers_again_and_is_there_once) {
  const auto topics = make_topics({"scores"}, 1);
  const auto out = open(topics, 1'000);
  ASSERT_TRUE(out->write(numbered(0, 100)).ok());
  ASSERT_TRUE(out->make_durable().ok());
  stop();
  ASSERT_TRUE(out->write(numbered(100, 200)).ok());
  for (int round = 0; round < 5; ++round) {  // beyond the client's own timeouts: it sends again
    const auto durable = out->make_durable();
    ASSERT_FALSE(durable.ok());
    EXPECT_NE(durable.error().message.find("not yet acknowledged"), std::string::npos) << durable.error().message;
  }
  go_on();
  std::optional<std::string> last;
  ASSERT_TRUE(within([&] {
    const auto durable = out->make_durable();
    if (!durable.ok()) last = durable.error().message;
    return durable.ok();
  })) << *last;
  const auto read = read_all(topics[0], 1);
  ASSERT_EQ(read.size(), 200U);
  for (std::size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i].value, std::to_string(i));
}

TEST_F(KafkaOutage, a_queue_that_stays_full_is_an_error_and_written_again_everything_is_there_in_order) {
  const auto topics = make_topics({"scores"}, 1);
  const auto out = open(topics, 1'000, "50");
  stop();
  const auto written = out->write(numbered(0, 200));
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message.find("stayed full"), std::string::npos) << written.error().message;
  go_on();
  ASSERT_TRUE(
      within([&] { return out->restore("").ok() && out->write(numbered(0, 200)).ok() && out->make_durable().ok(); }));
  const auto read = read_all(topics[0], 1);
  ASSERT_GE(read.size(), 200U);
  for (std::size_t i = 0; i < 200; ++i) ASSERT_EQ(read[read.size() - 200 + i].value, std::to_string(i));
}

TEST_F(KafkaOutage, nothing_is_opened_while_the_broker_stands_still_and_the_error_comes_in_time) {
  const auto topics = make_topics({"scores"}, 1);
  stop();
  KafkaSinkOptions options;
  options.kafka = settings();
  options.topics = topics;
  options.start_timeout_ms = 1'000;
  const auto start = std::chrono::steady_clock::now();
  const auto opened = KafkaSink::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("cannot reach Kafka at"), std::string::npos) << opened.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace troth::tests
