// Health says yes only on a sign, and no by itself when signs stay away (promise P15).
#include "engine/observe/health.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace troth::observe {
namespace {

constexpr base::TimeUs kSecond = 1'000'000;
using Reasons = std::vector<std::string>;

class HealthTest : public testing::Test {
 protected:
  void make_ready() {
    health_.source_contact();
    health_.set_partitions(16, 16);
    health_.store_opened();
    health_.beat();
    health_.step_succeeded();
  }
  /// Time passes while everything is well, apart from what a test leaves out.
  void pass(base::TimeUs time, bool contact = true, bool step = true) {
    for (base::TimeUs passed = 0; passed < time; passed += kSecond) {
      clock_.advance(kSecond);
      health_.beat();
      if (contact) health_.source_contact();
      if (step) health_.step_succeeded();
    }
  }

  base::ManualClock clock_{5'000 * kSecond};
  Health health_{clock_};
};

TEST_F(HealthTest, a_new_process_lives_and_is_not_ready_and_says_all_that_is_missing) {
  EXPECT_TRUE(health_.reasons_not_live().empty());
  EXPECT_EQ(health_.reasons_not_ready(), (Reasons{"source: not reached yet", "partitions: not assigned yet",
                                                  "store: not open yet", "driver: no step done yet"}));
  const HealthAnswer answer = health_.readyz();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(
      answer.body,
      R"({"ready":false,"reasons":["source: not reached yet","partitions: not assigned yet","store: not open yet",)"
      R"("driver: no step done yet"]})");
}

TEST_F(HealthTest, ready_once_every_sign_was_given) {
  make_ready();
  EXPECT_TRUE(health_.is_ready());
  EXPECT_EQ(health_.readyz().status, 200);
  EXPECT_EQ(health_.readyz().body, R"({"ready":true,"reasons":[]})");
}

TEST_F(HealthTest, each_sign_is_needed) {
  health_.set_partitions(1, 1), health_.store_opened(), health_.step_succeeded();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"source: not reached yet"});
  health_.source_lost();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"source: not reached yet"});
  health_.source_contact();
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, a_loop_that_stops_is_dead_after_thirty_seconds) {
  make_ready();
  clock_.advance(30 * kSecond);
  EXPECT_EQ(health_.healthz().status, 200);
  EXPECT_EQ(health_.healthz().body, R"({"live":true,"reasons":[]})");
  clock_.advance(1);
  EXPECT_EQ(health_.healthz().status, 503);
  EXPECT_EQ(health_.healthz().body, R"({"live":false,"reasons":["driver: no sign of life for 30 s"]})");
  health_.beat();
  EXPECT_EQ(health_.healthz().status, 200);
}

TEST_F(HealthTest, a_loop_that_only_meets_errors_lives_but_is_not_ready) {
  make_ready();
  pass(61 * kSecond, true, false);
  EXPECT_TRUE(health_.reasons_not_live().empty());
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"driver: no successful step for 61 s"});
}

TEST_F(HealthTest, a_lost_source_is_told_from_its_first_loss) {
  make_ready();
  health_.source_lost();
  pass(7 * kSecond, false);
  health_.source_lost();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"source: connection lost for 7 s"});
  health_.source_contact();
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, a_source_that_is_silent_too_long_counts_as_gone) {
  make_ready();
  pass(60 * kSecond, false);
  EXPECT_TRUE(health_.is_ready());
  pass(kSecond, false);
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"source: no contact for 61 s"});
}

TEST_F(HealthTest, partitions_in_restore_are_counted) {
  make_ready();
  health_.set_partitions(16, 3);
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"partitions: 3 of 16 restored"});
}

TEST_F(HealthTest, an_instance_without_partitions_stands_by_and_is_ready) {
  make_ready();
  health_.set_partitions(0, 0);
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, a_failed_commit_is_made_good_by_a_commit_only) {
  make_ready();
  health_.commit_failed();
  pass(4 * kSecond);
  health_.commit_failed();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"store: commits fail since 4 s"});
  health_.store_opened();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"store: commits fail since 4 s"});
  health_.commit_succeeded();
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, work_that_waits_too_long_for_its_commit_is_told) {
  make_ready();
  health_.work_waits();
  pass(60 * kSecond);
  health_.work_waits();
  health_.store_opened();
  pass(60 * kSecond);
  EXPECT_TRUE(health_.is_ready());
  pass(kSecond);
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"commit: work waits since 121 s"});
  health_.commit_succeeded();
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, without_work_no_commit_is_missed) {
  make_ready();
  pass(1'000 * kSecond);
  EXPECT_TRUE(health_.is_ready());
  health_.work_waits();
  health_.work_forgotten();
  pass(1'000 * kSecond);
  EXPECT_TRUE(health_.is_ready());
}

TEST_F(HealthTest, who_stops_is_not_ready_any_more_but_lives) {
  make_ready();
  health_.stopping();
  health_.beat();
  health_.step_succeeded();
  health_.source_contact();
  EXPECT_EQ(health_.reasons_not_ready(), (Reasons{"stopping", "partitions: not assigned yet"}));
  EXPECT_EQ(health_.healthz().status, 200);
}

TEST_F(HealthTest, who_opens_anew_after_stopping_is_ready_once_its_partitions_are_there) {
  make_ready();
  health_.stopping();
  health_.store_opened();
  EXPECT_EQ(health_.reasons_not_ready(), Reasons{"partitions: not assigned yet"});
  health_.set_partitions(16, 16);
  EXPECT_TRUE(health_.is_ready());
}

TEST(Health, is_told_and_asked_from_several_threads) {
  const SteadyClock clock;
  Health health(clock);
  std::thread driver([&] {
    for (int i = 0; i < 20'000; ++i) {
      health.beat(), health.step_succeeded(), health.source_contact(), health.work_waits(), health.commit_succeeded();
      health.set_partitions(4, 4), health.store_opened();
    }
  });
  for (int i = 0; i < 2'000; ++i) EXPECT_FALSE(health.readyz().body.empty());
  driver.join();
  EXPECT_TRUE(health.is_ready());
}

TEST(SteadyClock, goes_forward) {
  const SteadyClock clock;
  const base::TimeUs first = clock.now();
  EXPECT_LE(first, clock.now());
}

}  // namespace
}  // namespace troth::observe
