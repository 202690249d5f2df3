// What a run reads before it opens anything, and what SIGHUP reads again: all of it good, or none of it taken.
#include "engine/app/run_inputs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/engine/app/folder.h"

namespace troth::app {
namespace {

constexpr std::string_view kMilder = "excused: 200000\n";
constexpr std::string_view kHarsher = "excused: 300000\n";

class ReloaderTest : public testing::Test {
 protected:
  /// A run on Kafka with a password in a file and an overlay.
  Reloader started() {
    folder_.put("overlay.yaml", kMilder);
    folder_.put("password", "one");
    const std::string file = folder_.put(
        "config.yaml",
        "state: st\noverlay: overlay.yaml\nkafka:\n  bootstrap: kafka-1:9093\n  settings:\n"
        "    security.protocol: sasl_ssl\n    sasl.mechanism: PLAIN\n    sasl.username: {env: KAFKA_USER}\n"
        "    sasl.password: {file: password}\n");
    const Environment environment{{"KAFKA_USER", "troth"}};
    auto inputs = load_run_inputs(file, environment);
    EXPECT_TRUE(inputs.ok()) << inputs.error().message;
    return {std::move(*inputs), file, environment};
  }
  static std::string password(const Reloader& reloader) {
    return reloader.inputs().config.kafka->settings.at("sasl.password");
  }
  static std::string policy(const Reloader& reloader) { return reloader.inputs().policy.policy->hash(); }

  const Folder folder_;
};

TEST_F(ReloaderTest, nothing_changes_when_nothing_is_different) {
  Reloader reloader = started();
  EXPECT_FALSE(reloader.read_again());
  folder_.put("overlay.yaml", "# the same in other words\n" + std::string(kMilder));
  EXPECT_FALSE(reloader.read_again());
  folder_.put("password", "one\n");
  EXPECT_FALSE(reloader.read_again());
}

TEST_F(ReloaderTest, a_good_policy_is_taken_when_it_is_adopted_and_not_before) {
  Reloader reloader = started();
  const std::string before = policy(reloader);
  folder_.put("overlay.yaml", kHarsher);
  EXPECT_TRUE(reloader.read_again());
  EXPECT_EQ(policy(reloader), before);
  reloader.adopt();
  EXPECT_NE(policy(reloader), before);
  EXPECT_FALSE(reloader.read_again());
  folder_.put("overlay.yaml", kMilder);
  EXPECT_TRUE(reloader.read_again());
  reloader.adopt();
  EXPECT_EQ(policy(reloader), before);
}

TEST_F(ReloaderTest, a_bad_policy_is_refused_and_with_it_everything_else) {
  Reloader reloader = started();
  const std::string before = policy(reloader);
  folder_.put("password", "two");
  for (const std::string_view bad : {"colour: red\n", "[", "evidence: {promise_late: {rows: 7}}\n"}) {
    folder_.put("overlay.yaml", bad);
    EXPECT_FALSE(reloader.read_again()) << bad;
  }
  folder_.remove("overlay.yaml");
  EXPECT_FALSE(reloader.read_again());
  EXPECT_EQ(policy(reloader), before);
  EXPECT_EQ(password(reloader), "one");
}

TEST_F(ReloaderTest, a_policy_that_the_state_cannot_be_used_under_is_refused_before_anything_is_closed) {
  Reloader reloader = started();
  const std::string overlay = folder_.put("overlay.yaml", "global: {skew: 6m}\n");
  ASSERT_TRUE(load_policy(std::nullopt, overlay).ok());
  EXPECT_FALSE(reloader.read_again());
}

TEST_F(ReloaderTest, another_secret_is_taken) {
  Reloader reloader = started();
  folder_.put("password", "two");
  EXPECT_TRUE(reloader.read_again());
  EXPECT_EQ(password(reloader), "one");
  reloader.adopt();
  EXPECT_EQ(password(reloader), "two");
  EXPECT_EQ(reloader.inputs().config.kafka->settings.at("sasl.username"), "troth");
  EXPECT_FALSE(reloader.read_again());
}

TEST_F(ReloaderTest, a_bad_secret_is_refused_and_with_it_the_policy) {
  Reloader reloader = started();
  const std::string before = policy(reloader);
  folder_.put("overlay.yaml", kHarsher);
  folder_.put("password", "");
  EXPECT_FALSE(reloader.read_again());
  folder_.remove("password");
  EXPECT_FALSE(reloader.read_again());
  EXPECT_EQ(policy(reloader), before);
  folder_.put("password", "three");
  EXPECT_TRUE(reloader.read_again());
}

TEST_F(ReloaderTest, what_was_read_last_is_adopted) {
  Reloader reloader = started();
  folder_.put("password", "two");
  EXPECT_TRUE(reloader.read_again());
  folder_.put("password", "three");
  EXPECT_TRUE(reloader.read_again());
  reloader.adopt();
  EXPECT_EQ(password(reloader), "three");
}

TEST(Reloader, does_not_close_what_reads_an_input_that_cannot_be_read_twice) {
  const Folder folder;
  const std::string pipe = folder.put("gone", "") + ".pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& input : {std::string("-"), pipe}) {
    folder.put("overlay.yaml", kMilder);
    const std::string file =
        folder.put("config.yaml", "state: st\noverlay: overlay.yaml\nfiles: {inputs: [\"" + input + "\"]}\n");
    auto inputs = load_run_inputs(file, Environment{});
    ASSERT_TRUE(inputs.ok()) << inputs.error().message;
    Reloader reloader(std::move(*inputs), file, Environment{});
    folder.put("overlay.yaml", kHarsher);
    EXPECT_FALSE(reloader.read_again()) << input;
  }
}

TEST(RunInputs, say_which_part_is_missing) {
  const Folder folder;
  const auto message_of = [&](const std::string& more) {
    const auto inputs =
        load_run_inputs(folder.put("config.yaml", "state: st\nfiles: {inputs: [a]}\n" + more), Environment{});
    return inputs.ok() ? std::string() : inputs.error().message;
  };
  EXPECT_EQ(message_of(""), "");
  EXPECT_NE(message_of("policy: absent.yaml\n").find("absent.yaml"), std::string::npos);
  EXPECT_NE(message_of("overlay: absent.yaml\n").find("absent.yaml"), std::string::npos);
  EXPECT_NE(message_of("erasure_key_file: absent.key\n").find("absent.key"), std::string::npos);
}

}  // namespace
}  // namespace troth::app
