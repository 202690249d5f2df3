#include "engine/task/crew.h"

#include <gtest/gtest.h>

#include <numeric>

namespace troth::task {
namespace {

class CrewOf : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, CrewOf, ::testing::Values(1U, 2U, 5U));

TEST_P(CrewOf, runs_the_jobs_of_a_worker_in_order) {
  Crew crew(GetParam());
  std::vector<std::vector<int>> seen(GetParam());
  for (int i = 0; i < 1'000; ++i) {
    const std::size_t worker = static_cast<std::size_t>(i) % GetParam();
    crew.post(worker, [&seen, worker, i] {
      seen[worker].push_back(i);
      return base::success();
    });
  }
  crew.wait();
  std::size_t jobs = 0;
  for (const auto& each : seen) {
    EXPECT_TRUE(std::is_sorted(each.begin(), each.end()));
    jobs += each.size();
  }
  EXPECT_EQ(jobs, 1'000U);
}

TEST_P(CrewOf, keeps_the_first_error_and_runs_nothing_more) {
  Crew crew(GetParam());
  EXPECT_TRUE(crew.status().ok());
  crew.post(0, [] { return base::Status(base::Error{"first"}); });
  crew.wait();
  bool has_run = false;
  crew.post(GetParam() - 1, [&] {
    has_run = true;
    return base::Status(base::Error{"second"});
  });
  crew.wait();
  EXPECT_FALSE(has_run);
  EXPECT_EQ(crew.status().error().message, "first");
  EXPECT_EQ(crew.fail(base::Error{"third"}).message, "first");
}

TEST_P(CrewOf, ends_although_jobs_wait) {
  Crew crew(GetParam());
  for (int i = 0; i < 5; ++i) crew.post(0, [] { return base::success(); });
}

}  // namespace
}  // namespace troth::task
