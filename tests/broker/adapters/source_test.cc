// KafkaSource against a real broker.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <thread>

#include "tests/broker/adapters/cluster.h"

extern char** environ;

namespace troth::tests {
namespace {

std::vector<std::string> numbers(int from, int to) {
  std::vector<std::string> result;
  for (int i = from; i < to; ++i) result.push_back(std::to_string(i));
  return result;
}

TEST(KafkaSource, a_lone_member_gets_every_partition_of_all_topics_and_reads_each_to_its_end) {
  const auto topics = make_topics({"orders", "deliveries"}, 3);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 5);
  writer.numbered(topics[1], 2, 0, 3);
  Member member(member_of(unique("group"), topics));
  EXPECT_EQ(member.source->partitions(), 3);
  EXPECT_EQ(member.source->inputs(), topics);
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.owned, (std::set<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(member.values(0, 0), numbers(0, 5));
  EXPECT_EQ(member.values(1, 2), numbers(0, 3));
  EXPECT_EQ(member.records.size(), 8U);
  EXPECT_TRUE(member.source->health().connected);
  EXPECT_TRUE(member.source->close().ok());
}

TEST(KafkaSource, nothing_is_read_before_every_assigned_partition_has_its_positions) {
  const auto topics = make_topics({"orders"}, 2);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 5);
  Member member(member_of(unique("group"), topics));
  member.answers = false;
  ASSERT_TRUE(member.until([&] { return member.owned.size() == 2; }));
  ASSERT_TRUE(member.source->seek(0, {2}).ok());
  member.positions[0] = {2};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(member.step(50));
  EXPECT_TRUE(member.records.empty());
  EXPECT_EQ(member.source->lag(0, 1), std::nullopt);
  ASSERT_TRUE(member.source->seek(1, {-1}).ok());
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(2, 5));
  EXPECT_EQ(member.source->lag(0, 0), 0);
}

TEST(KafkaSource, reading_begins_at_the_positions_given_whatever_the_group_has_stored) {
  const auto topics = make_topics({"orders", "deliveries"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  writer.numbered(topics[1], 0, 0, 10);
  const std::string group = unique("group");
  {
    Member first(member_of(group, topics));
    ASSERT_TRUE(first.until([&] { return first.all_at_end(); }));
    const source::KafkaPartitionList list(rd_kafka_topic_partition_list_new(2));
    for (const std::string& topic : topics) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = 10;
    Writer tool(unique("tool"));
    tool.begin();
    const source::KafkaErrorPtr error(
        rd_kafka_send_offsets_to_transaction(tool.client(), list.get(), first.source->membership().get(), kDeadlineMs));
    ASSERT_EQ(error, nullptr) << rd_kafka_error_string(error.get());
    tool.commit();
  }
  Member member(member_of(group, topics));
  member.positions[0] = {4, 10};
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(4, 10));
  EXPECT_TRUE(member.values(1, 0).empty());
}

TEST(KafkaSource, null_and_empty_are_told_apart_and_headers_come_along) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer;
  writer.put(topics[0], 0, std::nullopt, "value");
  writer.put(topics[0], 0, "", "value");
  writer.put(topics[0], 0, "key", std::nullopt);
  writer.put(topics[0], 0, "key", "");
  writer.put(topics[0], 0, std::string("k\0y", 3), std::string("v\0\xff", 3),
             {{"ce_type", "order.placed"}, {"none", std::nullopt}, {"ce_type", ""}});
  writer.flush();
  Member member(member_of(unique("group"), topics));
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  ASSERT_EQ(member.records.size(), 5U);
  const auto& records = member.records;
  EXPECT_EQ(records[0].key, std::nullopt);
  EXPECT_EQ(records[0].value, "value");
  EXPECT_EQ(records[1].key, "");
  EXPECT_EQ(records[2].value, std::nullopt);
  EXPECT_EQ(records[3].value, "");
  EXPECT_EQ(records[4].key, std::string("k\0y", 3));
  EXPECT_EQ(records[4].value, std::string("v\0\xff", 3));
  EXPECT_EQ(records[4].headers, (task::Headers{{"ce_type", "order.placed"}, {"none", ""}, {"ce_type", ""}}));
  EXPECT_TRUE(records[0].headers.empty());
  EXPECT_EQ(records[4].origin.offset, 4);
  EXPECT_EQ(records[4].origin.input, 0);
}

TEST(KafkaSource, an_input_stays_at_its_end_under_a_trickle_and_leaves_it_for_a_backlog) {
  const auto topics = make_topics({"orders"}, 1);
  auto options = member_of(unique("group"), topics);
  options.behind_records = 100;
  Member member(options);
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); }));
  Writer writer;
  for (int i = 0; i < 5; ++i) {
    writer.numbered(topics[0], 0, i, i + 1);
    ASSERT_TRUE(member.until([&] { return member.records.size() == static_cast<std::size_t>(i) + 1; }));
  }
  EXPECT_EQ(member.count(Kind::kNotAtEnd), 0);

  // Paused while the backlog grows, so that the first fetch after it sees all of it.
  ASSERT_TRUE(member.source->pause(0, 0).ok());
  writer.numbered(topics[0], 0, 5, 5'000);
  ASSERT_TRUE(member.source->resume(0, 0).ok());
  ASSERT_TRUE(member.until([&] { return member.records.size() == 5'000 && member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.count(Kind::kNotAtEnd), 1);
  EXPECT_EQ(member.count(Kind::kAtEnd), 2);
  EXPECT_EQ(member.values(0, 0), numbers(0, 5'000));
}

TEST(KafkaSource, a_paused_input_brings_nothing_and_goes_on_where_it_stopped) {
  const auto topics = make_topics({"orders", "deliveries"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 20'000);
  writer.numbered(topics[1], 0, 0, 20'000);
  Member member(member_of(unique("group"), topics));
  ASSERT_TRUE(member.until([&] { return member.values(0, 0).size() >= 100; }));
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(member.source->pause(0, 0).ok());
    ASSERT_TRUE(member.step());  // what did not fit into the last one
    const std::size_t before = member.values(0, 0).size();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(member.step(10));
    EXPECT_EQ(member.values(0, 0).size(), before);
    ASSERT_TRUE(member.source->resume(0, 0).ok());
    ASSERT_TRUE(member.step(50));
  }
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(0, 20'000));
  EXPECT_EQ(member.values(1, 0), numbers(0, 20'000));
  EXPECT_EQ(member.source->counts().gaps, 0U);
}

TEST(KafkaSource, a_small_poll_brings_everything_in_order_too) {
  const auto topics = make_topics({"orders"}, 2);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 50);
  writer.numbered(topics[0], 1, 0, 50);
  Member member(member_of(unique("group"), topics));
  ASSERT_TRUE(within([&] { return !member.step(20, 1) || (member.all_at_end() && member.records.size() == 100); }));
  EXPECT_EQ(member.values(0, 0), numbers(0, 50));
  EXPECT_EQ(member.values(0, 1), numbers(0, 50));
}

TEST(KafkaSource, going_back_while_running_reads_again_from_there) {
  const auto topics = make_topics({"orders", "deliveries"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 5'000);
  writer.numbered(topics[1], 0, 0, 10);
  Member member(member_of(unique("group"), topics));
  ASSERT_TRUE(member.until([&] { return member.values(0, 0).size() >= 2'000; }));
  ASSERT_TRUE(member.source->pause(1, 0).ok());
  member.records.clear();
  member.at_end.clear();
  member.positions[0] = {1'000, -1};
  ASSERT_TRUE(member.source->seek(0, {1'000, -1}).ok());
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(1'000, 5'000));
  EXPECT_EQ(member.values(1, 0), numbers(0, 10));
  EXPECT_EQ(member.source->counts().gaps, 0U);
}

TEST(KafkaSource, aborted_records_are_not_read_and_markers_do_not_keep_an_input_from_its_end) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer(unique("txn"));
  writer.begin();
  writer.put(topics[0], 0, "k", "0");
  writer.commit();
  writer.begin();
  writer.put(topics[0], 0, "k", "aborted");
  writer.flush();  // else the broker may not know of the transaction yet
  writer.abort();
  writer.begin();
  writer.put(topics[0], 0, "k", "1");
  writer.commit();
  Member member(member_of(unique("group"), topics));
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(0, 2));
  EXPECT_EQ(member.source->lag(0, 0), 0);
  EXPECT_EQ(member.source->counts().gaps, 1U);  // seen, not refused
}

TEST(KafkaSource, a_position_that_is_a_marker_is_read_once_more_and_accepted) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer(unique("txn"));
  for (int i = 0; i < 2; ++i) {
    writer.begin();
    writer.put(topics[0], 0, "k", std::to_string(i));
    writer.commit();
  }
  Member member(member_of(unique("group"), topics));
  member.positions[0] = {1};  // the marker of the first transaction
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(1, 2));
  // And once more at the end: behind the last marker it looks as if a record were missing before it.
  EXPECT_EQ(member.source->counts().reread, 2U);
}

void cut_log(const std::string& topic, std::int64_t before) {
  Writer admin;
  const source::KafkaPartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = before;
  rd_kafka_DeleteRecords_t* order = rd_kafka_DeleteRecords_new(list.get());
  const source::KafkaQueue queue(rd_kafka_queue_new(admin.client()));
  rd_kafka_DeleteRecords(admin.client(), &order, 1, nullptr, queue.get());
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue.get(), kDeadlineMs);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_event_error_string(event);
  rd_kafka_event_destroy(event);
  rd_kafka_DeleteRecords_destroy(order);
}

TEST(KafkaSource, a_position_that_was_cut_off_the_log_is_a_final_error_that_names_the_place) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  cut_log(topics[0], 6);
  Member member(member_of(unique("group"), topics));
  member.positions[0] = {3};
  ASSERT_FALSE(member.until([&] { return member.all_at_end(); }));
  EXPECT_TRUE(member.records.empty());
  EXPECT_NE(member.failure.find("topic " + topics[0] + ", partition 0"), std::string::npos) << member.failure;
  EXPECT_NE(member.failure.find("offset to read, 3,"), std::string::npos) << member.failure;
  EXPECT_NE(member.failure.find("replay the history"), std::string::npos) << member.failure;
  EXPECT_FALSE(member.step());  // and it stays
  EXPECT_TRUE(member.source->close().ok());
}

TEST(KafkaSource, a_log_cut_exactly_at_the_position_is_none_the_worse) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  cut_log(topics[0], 6);
  Member member(member_of(unique("group"), topics));
  member.positions[0] = {6};
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.values(0, 0), numbers(6, 10));
}

TEST(KafkaSource, a_position_beyond_the_log_is_refused_because_the_topic_is_another_one) {
  const auto topics = make_topics({"orders"}, 1);
  Writer writer;
  writer.numbered(topics[0], 0, 0, 10);
  Member member(member_of(unique("group"), topics));
  member.positions[0] = {11};
  ASSERT_FALSE(member.until([&] { return member.all_at_end(); }));
  EXPECT_NE(member.failure.find("made anew"), std::string::npos) << member.failure;
}

TEST(KafkaSource, topics_that_are_missing_or_differ_in_partitions_are_refused_at_start) {
  auto topics = make_topics({"orders", "deliveries"}, 2);
  topics.push_back(make_topics({"reviews"}, 3)[0]);
  const auto differ = KafkaSource::open(member_of(unique("group"), topics));
  ASSERT_FALSE(differ.ok());
  EXPECT_NE(differ.error().message.find(topics[2] + " has 3"), std::string::npos) << differ.error().message;
  topics[2] = "no-such-topic";
  const auto missing = KafkaSource::open(member_of(unique("group"), topics));
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("missing: no-such-topic"), std::string::npos) << missing.error().message;
  EXPECT_NE(missing.error().message.find("troth topics create"), std::string::npos);
}

TEST(KafkaSource, two_members_share_whole_partitions_and_the_first_hands_over_before_it_loses_them) {
  const auto topics = make_topics({"orders", "deliveries", "complaints"}, 6);
  Writer writer;
  for (int partition = 0; partition < 6; ++partition) {
    for (const std::string& topic : topics) writer.numbered(topic, partition, 0, 100);
  }
  const std::string group = unique("group");
  Member first(member_of(group, topics, "one"));
  ASSERT_TRUE(first.until([&] { return first.all_at_end(); }));
  EXPECT_EQ(first.owned.size(), 6U);

  Member second(member_of(group, topics, "two"));
  const auto settled = [&] { return first.owned.size() == 3 && second.owned.size() == 3; };
  ASSERT_TRUE(within([&] { return !first.step(5) || !second.step(5) || settled(); }))
      << first.failure << second.failure;
  EXPECT_EQ(first.count(Kind::kRevoked), 6);
  EXPECT_EQ(first.count(Kind::kLost), 0);
  std::set<std::int32_t> all = first.owned;
  all.insert(second.owned.begin(), second.owned.end());
  EXPECT_EQ(all.size(), 6U);
  ASSERT_TRUE(within([&] { return !first.step(5) || !second.step(5) || (first.all_at_end() && second.all_at_end()); }));
  // The first goes on where it was: nothing again, and nothing of the other's.
  EXPECT_EQ(first.records.size(), 6U * 3 * 100);
  EXPECT_EQ(second.records.size(), 3U * 3 * 100);
  for (const task::Record& each : second.records) EXPECT_TRUE(second.owned.contains(each.origin.partition));
  writer.numbered(topics[2], *first.owned.begin(), 100, 110);
  ASSERT_TRUE(within([&] { return !first.step(5) || !second.step(5) || first.records.size() == 1'810; }));
  EXPECT_EQ(first.values(2, *first.owned.begin()), numbers(0, 110));
}

TEST(KafkaSource, over_many_rebalances_in_full_flow_each_record_comes_exactly_once) {
  const auto topics = make_topics({"orders", "deliveries"}, 4);
  const std::string group = unique("group");
  Member::Positions positions;
  Member first(member_of(group, topics));
  first.store = &positions;
  std::vector<task::Record> seen;
  Writer writer;
  int written = 0;
  const auto write = [&] {
    for (int i = 0; i < 50; ++i, ++written)
      writer.put(topics[static_cast<unsigned>(written) % 2], written / 2 % 4, "k", std::to_string(written));
  };
  for (int round = 0; round < 8; ++round) {
    Member second(member_of(group, topics));
    second.store = &positions;
    int polls_together = 0;
    ASSERT_TRUE(within([&] {
      write();
      if (!first.step(2) || !second.step(2)) return true;
      polls_together += second.owned.size() == 2 && !second.records.empty() ? 1 : 0;
      return polls_together > 5 + round;
    }));
    ASSERT_TRUE(second.failure.empty()) << second.failure;
    seen.insert(seen.end(), second.records.begin(), second.records.end());
    ASSERT_TRUE(second.source->close().ok());
    ASSERT_TRUE(within([&] {
      write();
      return !first.step(2) || first.owned.size() == 4;
    }));
  }
  writer.flush();
  ASSERT_TRUE(within([&] { return !first.step(5) || static_cast<int>(first.records.size() + seen.size()) >= written; }))
      << first.failure;
  seen.insert(seen.end(), first.records.begin(), first.records.end());
  std::set<int> values;
  for (const task::Record& each : seen) values.insert(std::stoi(*each.value));
  EXPECT_EQ(static_cast<int>(seen.size()), written);
  EXPECT_EQ(static_cast<int>(values.size()), written);
  EXPECT_EQ(first.source->counts().gaps, 0U);
  EXPECT_GE(first.count(Kind::kRevoked), 8 * 4);
}

TEST(KafkaSource, a_revoked_partition_is_ours_until_the_next_poll) {
  const auto topics = make_topics({"orders"}, 2);
  const std::string group = unique("group");
  Member first(member_of(group, topics));
  ASSERT_TRUE(first.until([&] { return first.all_at_end(); }));
  Member second(member_of(group, topics));
  ASSERT_TRUE(within([&] { return !second.step(5) || !first.step(5) || first.count(Kind::kRevoked) > 0; }));
  // The first has not polled since: it is closing its epoch. Nobody else gets anything meanwhile.
  const auto until = source::kafka_deadline(1'500);
  while (source::kafka_time_left(until, 1) > 0) ASSERT_TRUE(second.step(20));
  EXPECT_TRUE(second.owned.empty());
  ASSERT_TRUE(within(
      [&] { return !first.step(5) || !second.step(5) || (first.owned.size() == 1 && second.owned.size() == 1); }));
}

TEST(KafkaSource, a_member_beyond_the_number_of_partitions_waits_without_any) {
  const auto topics = make_topics({"orders"}, 1);
  const std::string group = unique("group");
  Member first(member_of(group, topics));
  ASSERT_TRUE(first.until([&] { return first.all_at_end(); }));
  Member second(member_of(group, topics));
  const auto until = source::kafka_deadline(2'000);
  while (source::kafka_time_left(until, 1) > 0) ASSERT_TRUE(first.step(10) && second.step(10));
  EXPECT_EQ(first.owned.size() + second.owned.size(), 1U);
}

/// This program as a member of its own, to be killed.
class OtherProcess {
 public:
  OtherProcess(const std::string& group, const std::string& instance, const std::vector<std::string>& topics) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::vector<std::string> words = {"/proc/self/exe", "--member", group, instance};
    words.insert(words.end(), topics.begin(), topics.end());
    std::vector<char*> arguments;
    for (std::string& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~OtherProcess() {
    kill_it();
    std::fclose(output_);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  /// Waits until it reads; answers of how many partitions.
  int reads() {
    int count = -1;
    EXPECT_EQ(std::fscanf(output_, "reading %d", &count), 1);
    return count;
  }
  void kill_it() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};

TEST(KafkaSource, a_killed_static_member_that_returns_gets_its_partitions_back_and_the_others_notice_nothing) {
  const auto topics = make_topics({"orders", "deliveries"}, 4);
  const std::string group = unique("group");
  OtherProcess killed(group, "one", topics);
  EXPECT_EQ(killed.reads(), 4);
  Member other(member_of(group, topics, "two"));
  ASSERT_TRUE(other.until([&] { return other.owned.size() == 2; })) << other.failure;
  const std::set<std::int32_t> others = other.owned;
  const std::size_t news = other.news.size();
  killed.kill_it();

  const auto start = std::chrono::steady_clock::now();
  Member back(member_of(group, topics, "one"));
  ASSERT_TRUE(within([&] { return !back.step(5) || !other.step(5) || back.all_at_end(); })) << back.failure;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5))
      << "waited for the session of the dead one";
  EXPECT_EQ(back.owned.size(), 2U);
  EXPECT_EQ(other.owned, others);
  EXPECT_EQ(other.count(Kind::kRevoked) + other.count(Kind::kLost), 0);
  EXPECT_GE(other.news.size(), news);
}

TEST(KafkaSource, a_second_process_with_the_same_instance_id_stops_the_first_with_the_remedy) {
  const auto topics = make_topics({"orders"}, 1);
  const std::string group = unique("group");
  Member first(member_of(group, topics, "one"));
  ASSERT_TRUE(first.until([&] { return first.all_at_end(); }));
  Member second(member_of(group, topics, "one"));
  ASSERT_TRUE(within([&] { return !second.step(5) || !first.step(5); }));
  EXPECT_TRUE(second.failure.empty()) << second.failure;
  EXPECT_NE(first.failure.find("instance `one`"), std::string::npos) << first.failure;
  const auto closed = first.source->close();
  EXPECT_TRUE(closed.ok()) << closed.error().message;
  ASSERT_TRUE(second.until([&] { return second.all_at_end(); })) << second.failure;
}

TEST(KafkaSource, a_member_that_does_not_poll_in_time_has_lost_its_partitions_and_gets_them_anew) {
  const auto topics = make_topics({"orders"}, 1);
  auto options = member_of(unique("group"), topics);
  options.kafka.extra["max.poll.interval.ms"] = "6000";
  Member member(options);
  ASSERT_TRUE(member.until([&] { return member.all_at_end(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(8'000));
  ASSERT_TRUE(member.until([&] { return member.count(Kind::kLost) == 1 && member.all_at_end(); })) << member.failure;
  EXPECT_EQ(member.count(Kind::kRevoked), 0);
  EXPECT_NE(member.source->health().last_error.find("MAX_POLL_EXCEEDED"), std::string::npos)
      << member.source->health().last_error;
}

TEST(KafkaSource, closing_is_quick_in_every_state) {
  const auto topics = make_topics({"orders"}, 2);
  const auto quickly = [](Member& member) {
    const auto start = std::chrono::steady_clock::now();
    const auto closed = member.source->close();
    EXPECT_TRUE(closed.ok()) << closed.error().message;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
    EXPECT_TRUE(member.source->close().ok());  // twice does no harm
  };
  Member idle(member_of(unique("group"), topics));
  quickly(idle);
  Member held(member_of(unique("group"), topics));
  held.answers = false;
  ASSERT_TRUE(held.until([&] { return held.owned.size() == 2; }));
  quickly(held);
  Member running(member_of(unique("group"), topics));
  ASSERT_TRUE(running.until([&] { return running.all_at_end(); }));
  quickly(running);
}

}  // namespace
}  // namespace troth::tests
