// How an interval looks to the service team: id, severity, level, labels.
#include "operators/alert/case_alerts.h"

#include <gtest/gtest.h>

#include "tests/unit/operators/model/telling.h"

namespace troth::operators::test {
namespace {

/// One interval of a rule of base 2, as a customer's segment sees it.
struct Alarm {
  SegmentPolicy policy;
  Case one;
  Interval interval;
  SeverityContext context;

  explicit Alarm(CaseRule rule) {
    CaseRulePolicy& line = policy.case_rules[static_cast<std::size_t>(rule)];
    line.exists = true;
    line.base = 2;
    policy.levels = {2, 4, 6};
    one.policy = &policy;
    interval.rule = rule;
    interval.start = hour(10);
    context.policy = &policy;
  }
  CaseRulePolicy& rule() { return policy.case_rules[static_cast<std::size_t>(interval.rule)]; }
  [[nodiscard]] std::int64_t severity(TimeUs t = hour(10)) const { return severity_of(one, interval, t, context); }
};

TEST(AlertId, is_the_name_based_uuid_of_tenant_rule_customer_and_object) {
  EXPECT_EQ(alert_id("default", "PROMISE_BROKEN", "ann", "p:p1"), "b338ced7-4c19-58b1-b565-c00e7771ab27");
  EXPECT_EQ(alert_id("default", "TIER_DROP", "ann", ""), "2fa46473-3721-5c1f-86d0-b3e09b557273");
}

TEST(Severity, is_the_base_where_nothing_else_speaks) { EXPECT_EQ(Alarm(CaseRule::kReplyOverdue).severity(), 2); }

TEST(Severity, rises_with_each_escalation_at_the_stage_that_is_reached) {
  Alarm alarm(CaseRule::kReplyOverdue);
  alarm.rule().escalate = {1, 2};
  alarm.interval.stages = {hour(10), hour(20), hour(30)};
  EXPECT_EQ(alarm.severity(hour(20) - 1), 2);
  EXPECT_EQ(alarm.severity(hour(20)), 3);
  EXPECT_EQ(alarm.severity(hour(30) - 1), 3);
  EXPECT_EQ(alarm.severity(hour(30)), 4);
}

TEST(Severity, skips_no_escalation_when_stages_are_reached_at_once) {
  Alarm alarm(CaseRule::kReplyOverdue);
  alarm.rule().escalate = {1, 2, 7};
  alarm.interval.stages = {hour(10), hour(10), hour(10)};
  EXPECT_EQ(alarm.severity(hour(10)), 4);
}

TEST(Severity, of_a_broken_promise_is_higher_until_the_customer_is_told) {
  Alarm alarm(CaseRule::kPromiseBroken);
  alarm.interval.told_at = hour(12);
  EXPECT_EQ(alarm.severity(hour(12) - 1), 3);
  EXPECT_EQ(alarm.severity(hour(12)), 2);
  alarm.interval.told_at = kNever;
  EXPECT_EQ(alarm.severity(hour(1000)), 3);
}

TEST(Severity, of_an_excused_date_is_lower_but_never_below_nothing) {
  Alarm alarm(CaseRule::kPromiseBroken);
  alarm.interval.excused = true;
  EXPECT_EQ(alarm.severity(), 1);
  alarm.rule().base = 0;
  EXPECT_EQ(alarm.severity(), 0);
}

TEST(Severity, of_other_rules_cares_neither_for_notice_nor_for_excuse) {
  Alarm alarm(CaseRule::kOrderFault);
  alarm.interval.told_at = kNever;
  alarm.interval.excused = true;
  EXPECT_EQ(alarm.severity(), 2);
}

TEST(Severity, is_one_more_for_a_valuable_customer_and_one_for_a_low_tier) {
  Alarm alarm(CaseRule::kOrderFault);
  alarm.context.is_high_value = true;
  EXPECT_EQ(alarm.severity(), 3);
  alarm.context.is_low_tier = true;
  EXPECT_EQ(alarm.severity(), 4);
  alarm.policy.customer_rules[static_cast<std::size_t>(CustomerRule::kTierDrop)].base = 1;
  EXPECT_EQ(severity_of(CustomerRule::kTierDrop, alarm.context), 3);
}

TEST(Severity, is_the_customers_segments_or_the_cases_where_that_has_no_such_rule) {
  Alarm alarm(CaseRule::kOrderFault);
  SegmentPolicy customers = alarm.policy;
  customers.case_rules[static_cast<std::size_t>(CaseRule::kOrderFault)].base = 5;
  alarm.context.policy = &customers;
  EXPECT_EQ(alarm.severity(), 5);
  customers.case_rules[static_cast<std::size_t>(CaseRule::kOrderFault)].exists = false;
  EXPECT_EQ(alarm.severity(), 2);
}

TEST(Level, begins_at_its_severity) {
  const Alarm alarm(CaseRule::kOrderFault);
  const std::vector<std::string_view> levels{"info", "info", "warning", "warning", "critical", "critical", "page"};
  for (std::size_t severity = 0; severity < levels.size(); ++severity) {
    EXPECT_EQ(level_of(static_cast<std::int64_t>(severity), alarm.policy), levels[severity]);
  }
  EXPECT_EQ(level_of(1'000, alarm.policy), "page");
}

TEST(AlertLabels, are_those_of_the_order_overlaid_by_those_of_the_object) {
  Event order = event_of(hour(0), "order.placed", "1", {{"order_id", "o"}, {"total_minor", 100}});
  order.labels = {{"region", "north"}, {"team", "sales"}};
  Event promise = event_of(hour(1), "delivery.promised", "2", {{"order_id", "o"}, {"promise_id", "p"}, {"due_at", hour(9)}});
  promise.labels = {{"carrier", "fast"}, {"team", "logistics"}};
  const KeptEvent kept_order(order);
  const KeptEvent kept_promise(promise);
  Case one;
  one.events = {&kept_order, &kept_promise};
  one.fold.order_event = 0;
  one.fold.labels = {{ObjectRef{'p', "p"}, 1}};
  EXPECT_EQ(alert_labels(one, {'p', "p"}), (Labels{{"carrier", "fast"}, {"region", "north"}, {"team", "logistics"}}));
  EXPECT_EQ(alert_labels(one, {'o', "o"}), (Labels{{"region", "north"}, {"team", "sales"}}));
  one.fold.order_event = -1;
  EXPECT_EQ(alert_labels(one, {'o', "o"}), Labels{});
}

}  // namespace
}  // namespace troth::operators::test
