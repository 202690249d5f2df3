// The page of metrics: complete from the start, true to the figures, steady through restarts, and to Prometheus'
// liking.
#include "engine/observe/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/event/event.h"
#include "engine/observe/metric_names.h"
#include "tests/unit/engine/observe/promtool.h"

namespace troth::observe {
namespace {

const std::vector<task::CounterSpec> kModel{
    {"troth_model_customers", "Customers.", {}, true},
    {"troth_model_alerts",
     "Alerts by rule and how they stand.",
     {{"rule", "promise_broken"}, {"state", "firing"}},
     true},
    {"troth_model_alerts",
     "Alerts by rule and how they stand.",
     {{"rule", "promise_broken"}, {"state", "retracted"}},
     true},
    {"troth_model_retractions_total", "Alerts taken back.", {{"rule", "promise_broken"}}, false},
};

task::PartitionStatistics partition(std::int32_t number, base::TimeUs tau) {
  task::PartitionStatistics out;
  out.partition = number;
  out.tau = tau;
  return out;
}

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() : clock_(1'000'000'000'000), metrics_(clock_, options()) {
    tally_.counters = {7, -3, 2, 5};
    statistics_.partitions = {partition(0, 999'000'000'000), partition(3, 900'000'000'000)};
  }

  static MetricsOptions options() {
    return {{"0.1.0", "2.0.2", "7.8.3"}, {"orders", "reviews"}, kModel, [] { return true; }};
  }

  void publish(std::vector<Lag> lags = {}) { metrics_.publish(tally_, statistics_, std::move(lags), troubles_); }

  static GroupFigures group() {
    return {{{"catch up", 2}, {"rebuild", 1}}, 5'000, 60, 3, 1.5, {false, true}, 7};
  }

  /// The value of a series as the page has it; empty: not on it.
  [[nodiscard]] std::string value(const std::string& series) const {
    std::istringstream lines(metrics_.text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
    }
    return "";
  }

  base::ManualClock clock_;
  task::Tally tally_;
  task::Statistics statistics_;
  Troubles troubles_;
  Metrics metrics_;
};

TEST_F(MetricsTest, promtool_is_content_before_and_after_the_first_figures) {
  TROTH_NEEDS_PROMTOOL();
  const CommandResult before = check_metrics(metrics_.text());
  EXPECT_EQ(before.status, 0) << before.output;
  EXPECT_EQ(before.output, "");
  statistics_.commits = 3;
  publish({{0, 0, 17}, {1, 3, 4}});
  const CommandResult after = check_metrics(metrics_.text());
  EXPECT_EQ(after.status, 0) << after.output << metrics_.text();
  EXPECT_EQ(after.output, "");
}

TEST_F(MetricsTest, promtool_would_notice_a_fault) {
  TROTH_NEEDS_PROMTOOL();
  EXPECT_NE(check_metrics("# TYPE troth_x counter\ntroth_x 1\n").status, 0);
}

TEST_F(MetricsTest, every_metric_of_the_list_is_on_the_page_with_help_and_type_and_no_other_is) {
  publish({{0, 0, 1}});
  metrics_.tell_group(group());
  std::set<std::string> listed, shown;
  for (const MetricSpec& spec : metric::kAll)
    EXPECT_TRUE(listed.insert(spec.name).second) << spec.name << " is listed twice";
  for (const task::CounterSpec& spec : kModel) listed.insert(spec.name);
  std::istringstream lines(metrics_.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) shown.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_EQ(listed, shown);
}

TEST_F(MetricsTest, names_say_troth_and_counters_say_total) {
  for (const MetricSpec& spec : metric::kAll) {
    const std::string name = spec.name;
    EXPECT_TRUE(name.starts_with("troth_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.ends_with("_total"), spec.kind == MetricKind::kCounter) << name;
    EXPECT_TRUE(std::string(spec.help).ends_with('.')) << name;
  }
}

TEST_F(MetricsTest, every_reason_is_there_from_the_start_with_zero) {
  publish();
  for (std::size_t i = 0; i < event::kReasonCount; ++i) {
    const std::string reason(event::reason_name(static_cast<event::Reason>(i)));
    EXPECT_EQ(value("troth_task_dead_letters_total{reason=\"" + reason + "\"}"), "0") << reason;
    EXPECT_EQ(value("troth_task_stored_records{outcome=\"" + reason + "\"}"), "0") << reason;
  }
}

TEST_F(MetricsTest, counters_count_from_the_start_of_the_process_and_gauges_show_the_whole) {
  tally_.read = 100, tally_.applied = 90, tally_.duplicates = 6, tally_.refused[1] = 4;
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "0");
  EXPECT_EQ(value("troth_task_stored_records{outcome=\"applied\"}"), "90");
  EXPECT_EQ(value("troth_task_stored_records{outcome=\"malformed\"}"), "4");
  tally_.read = 110, tally_.applied = 97, tally_.duplicates = 7, tally_.refused[1] = 6;
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "10");
  EXPECT_EQ(value("troth_task_records_applied_total"), "7");
  EXPECT_EQ(value("troth_task_records_duplicate_total"), "1");
  EXPECT_EQ(value("troth_task_dead_letters_total{reason=\"malformed\"}"), "2");
  EXPECT_EQ(value("troth_task_stored_records{outcome=\"applied\"}"), "97");
}

TEST_F(MetricsTest, a_displaced_record_does_not_make_a_counter_fall) {
  publish();
  tally_.read = tally_.applied = 10;
  publish();
  tally_.applied = 9;  // one is a conflict now
  publish();
  EXPECT_EQ(value("troth_task_records_applied_total"), "10");
  EXPECT_EQ(value("troth_task_stored_records{outcome=\"applied\"}"), "9");
  tally_.applied = 12;
  publish();
  EXPECT_EQ(value("troth_task_records_applied_total"), "12");
}

TEST_F(MetricsTest, work_that_is_done_again_after_a_restart_is_counted_once) {
  publish();
  tally_.read = 1'000;
  publish();
  tally_.read = 400;  // what the last commit held
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "1000");
  tally_.read = 1'050;
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "1050");
}

TEST_F(MetricsTest, partitions_that_come_or_go_are_no_progress) {
  tally_.read = 100;
  publish();
  tally_.read = 100'000;
  statistics_.partitions.push_back(partition(5, 1));
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "0");
  tally_.read = 100'007;
  publish();
  EXPECT_EQ(value("troth_task_records_read_total"), "7");
}

TEST_F(MetricsTest, the_models_numbers_are_shown_as_it_names_them) {
  publish();
  EXPECT_EQ(value("troth_model_customers"), "7");
  EXPECT_EQ(value(R"(troth_model_alerts{rule="promise_broken",state="firing"})"), "-3");
  EXPECT_EQ(value(R"(troth_model_alerts{rule="promise_broken",state="retracted"})"), "2");
  EXPECT_EQ(value(R"(troth_model_retractions_total{rule="promise_broken"})"), "0");
  tally_.counters[3] = 8;
  publish();
  EXPECT_EQ(value(R"(troth_model_retractions_total{rule="promise_broken"})"), "3");
}

TEST_F(MetricsTest, a_model_whose_counters_are_not_there_yet_shows_zero) {
  tally_.counters.clear();
  publish();
  EXPECT_EQ(value("troth_model_customers"), "0");
}

TEST_F(MetricsTest, delay_goes_on_growing_when_the_driver_tells_nothing) {
  publish();
  EXPECT_EQ(value("troth_task_event_time_delay_least_seconds"), "1000");
  EXPECT_EQ(value("troth_task_event_time_delay_greatest_seconds"), "100000");
  clock_.advance(60'000'000);
  EXPECT_EQ(value("troth_task_event_time_delay_least_seconds"), "1060");
  EXPECT_EQ(value("troth_observe_published_timestamp_seconds"), "1000000");
}

TEST_F(MetricsTest, a_partition_without_events_has_no_delay) {
  statistics_.partitions = {partition(0, 0)};
  publish();
  EXPECT_EQ(value("troth_task_event_time_delay_greatest_seconds"), "");
  EXPECT_EQ(value(R"(troth_task_event_time_seconds{partition="0"})"), "0");
}

TEST_F(MetricsTest, time_per_commit_adds_up_whether_each_commit_is_published_or_not) {
  publish();
  statistics_.commits = 1;
  statistics_.total.store_ns = 4'000'000;
  publish();
  statistics_.commits = 4;
  statistics_.total.store_ns = 34'000'000;
  publish();
  publish();
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_count{phase="store"})"), "4");
  EXPECT_EQ(std::stod(value(R"(troth_task_commit_phase_seconds_sum{phase="store"})")), 0.034);
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_bucket{phase="store",le="0.005"})"), "1");
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_bucket{phase="store",le="0.01"})"), "4");
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_bucket{phase="store",le="+Inf"})"), "4");
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_count{phase="sink"})"), "4");
}

TEST_F(MetricsTest, a_duration_beyond_all_bounds_is_in_the_last_bucket_only) {
  publish();
  statistics_.commits = 1;
  statistics_.total.sink_ns = 3'600'000'000'000;
  publish();
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_bucket{phase="sink",le="60"})"), "0");
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_bucket{phase="sink",le="+Inf"})"), "1");
}

TEST_F(MetricsTest, commits_and_cache_go_on_when_the_engine_is_opened_again) {
  statistics_.commits = 10, statistics_.cache_hits = 50, statistics_.last_commit_outputs = 3;
  publish();
  statistics_.commits = 2, statistics_.cache_hits = 5, statistics_.last_commit_outputs = 4;
  publish();
  EXPECT_EQ(value("troth_task_commits_total"), "12");
  EXPECT_EQ(value("troth_task_cache_hits_total"), "55");
  EXPECT_EQ(value("troth_sink_outputs_total"), "7");
  EXPECT_EQ(value(R"(troth_task_commit_phase_seconds_count{phase="apply"})"), "12");
}

TEST_F(MetricsTest, lag_is_shown_by_name_of_input_and_partition) {
  publish({{0, 0, 17}, {1, 3, 4}});
  EXPECT_EQ(value(R"(troth_source_lag_records{input="orders",partition="0"})"), "17");
  EXPECT_EQ(value(R"(troth_source_lag_records{input="reviews",partition="3"})"), "4");
}

TEST_F(MetricsTest, series_of_lag_are_bounded) {
  std::vector<Lag> lags;
  for (std::size_t i = 0; i <= kLagSeriesMax; ++i) lags.push_back({0, static_cast<std::int32_t>(i), 2});
  publish(lags);
  EXPECT_EQ(value(R"(troth_source_lag_records{input="orders"})"), std::to_string(2 * (kLagSeriesMax + 1)));
  EXPECT_EQ(value(R"(troth_source_lag_records{input="orders",partition="0"})"), "");
}

TEST(Metrics, names_of_files_cannot_break_the_page) {
  TROTH_NEEDS_PROMTOOL();
  const base::ManualClock clock;
  Metrics metrics(
      clock, {{"v\"\n", "\\", ""}, {"a\"b\nc\\d", "\xff\xfe", "caf\xc3\xa9", "100%", "twice", "twice"}, {}, nullptr});
  metrics.publish({}, {}, {{0, 0, 1}, {1, 0, 2}, {2, 0, 3}, {3, 0, 4}, {4, 0, 5}, {5, 0, 6}}, {});
  const std::string text = metrics.text();
  const CommandResult result = check_metrics(text);
  EXPECT_EQ(result.status, 0) << result.output << text;
  EXPECT_NE(text.find(R"({input="%FF%FE",partition="0"} 2)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"({input="100%25",partition="0"} 4)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"({input="twice",partition="0"} 11)"), std::string::npos) << text;
}

TEST_F(MetricsTest, trouble_readiness_and_versions_are_shown) {
  troubles_ = {1, 2, 3, 4};
  publish();
  EXPECT_EQ(value("troth_source_errors_total"), "1");
  EXPECT_EQ(value("troth_state_errors_total"), "2");
  EXPECT_EQ(value("troth_sink_errors_total"), "3");
  EXPECT_EQ(value("troth_app_restarts_total"), "4");
  EXPECT_EQ(value("troth_observe_ready"), "1");
  EXPECT_EQ(value(R"(troth_app_build_info{librdkafka="2.0.2",rocksdb="7.8.3",version="0.1.0"})"), "1");
  EXPECT_GT(std::stod(value("process_resident_memory_bytes")), 1e6);
  EXPECT_GT(std::stod(value("process_start_time_seconds")), 1.7e9);
}

TEST_F(MetricsTest, how_a_member_of_a_group_stands_is_shown_also_before_the_first_figures) {
  TROTH_NEEDS_PROMTOOL();
  EXPECT_EQ(value("troth_task_restoring_partitions"), "");
  metrics_.tell_group(group());
  EXPECT_EQ(value(R"(troth_task_recoveries_total{how="rebuild"})"), "1");
  EXPECT_EQ(value(R"(troth_task_recoveries_total{how="catch up"})"), "2");
  EXPECT_EQ(value("troth_task_restored_rows_total"), "5000");
  EXPECT_EQ(value("troth_task_standby_rows_total"), "60");
  EXPECT_EQ(value("troth_task_restoring_partitions"), "3");
  EXPECT_EQ(value("troth_task_restore_left_seconds"), "1.5");
  EXPECT_EQ(value(R"(troth_source_silent{input="orders"})"), "0");
  EXPECT_EQ(value(R"(troth_source_silent{input="reviews"})"), "1");
  EXPECT_EQ(value("troth_task_held_keys"), "7");
  EXPECT_EQ(check_metrics(metrics_.text()).output, "");
}

TEST_F(MetricsTest, held_bytes_and_records_are_shown) {
  statistics_.events_in_flight = 11, statistics_.dirty_bytes = 12, statistics_.output_bytes = 13,
  statistics_.cached_bytes = 14;
  statistics_.outbox_chunks = 15;
  statistics_.partitions[0].cached_keys = 1, statistics_.partitions[1].cached_keys = 2;
  statistics_.partitions[0].merge_ahead = {3, 4}, statistics_.partitions[1].unsettled_keys = 9;
  publish();
  EXPECT_EQ(value("troth_task_events_in_flight"), "11");
  EXPECT_EQ(value("troth_task_dirty_bytes"), "12");
  EXPECT_EQ(value("troth_task_output_bytes"), "13");
  EXPECT_EQ(value("troth_task_cached_bytes"), "14");
  EXPECT_EQ(value("troth_sink_outbox_chunks"), "15");
  EXPECT_EQ(value("troth_task_cached_keys"), "3");
  EXPECT_EQ(value("troth_task_merge_ahead_records"), "7");
  EXPECT_EQ(value("troth_task_unsettled_keys"), "9");
  EXPECT_EQ(value("troth_task_partitions"), "2");
}

TEST_F(MetricsTest, scrapes_while_figures_are_published_see_one_moment_each) {
  std::atomic<bool> is_over{false};
  std::thread publisher([&] {
    for (int i = 1; i <= 500; ++i) {
      tally_.read = tally_.applied = static_cast<std::uint64_t>(i);
      publish();
    }
    is_over = true;
  });
  do {
    const std::string text = metrics_.text();
    const auto number_behind = [&](const std::string& series) {
      const std::size_t at = text.find("\n" + series + " ");
      return at == std::string::npos ? -1.0 : std::stod(text.substr(at + series.size() + 2));
    };
    ASSERT_EQ(number_behind("troth_task_records_read_total"), number_behind("troth_task_records_applied_total"));
  } while (!is_over);
  publisher.join();
}

}  // namespace
}  // namespace troth::observe
