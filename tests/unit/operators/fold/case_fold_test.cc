// The fold as a whole: order of findings, rules that do not exist, activity, labels.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

TEST(CaseFold, findings_come_by_stamp_kind_object_magnitude_and_names) {
  Story story;
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "pb"}, {"due_at", h(24)}});
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "pa"}, {"due_at", h(24)}});
  story.tell(h(24), "order.payment_disputed", {{"order_id", "o1"}});
  story.tell(h(24), "order.payment_disputed", {{"order_id", "o1"}});
  story.last().source = "sho";  // "sho 3" sorts before "shop 2"
  const CaseFold fold = story.fold();
  std::vector<std::string> order;
  for (const Finding& f : fold.findings) {
    if (f.stamp == h(24))
      order.push_back(std::string(name_of(f.kind)) + " " + f.object.str() + " " + std::to_string(*f.events.begin()));
  }
  EXPECT_EQ(order, (Lines{"promise_silent p:pa 1", "promise_silent p:pb 0", "promise_late p:pa 1",
                          "promise_late p:pb 0", "went_outside o:o1 3", "went_outside o:o1 2"}));
}

TEST(CaseFold, a_rule_that_the_policy_does_not_have_writes_no_intervals) {
  Story story;
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  story.policy.case_rules[static_cast<std::size_t>(CaseRule::kPromiseBroken)].exists = false;
  EXPECT_TRUE(story.intervals(CaseRule::kPromiseBroken).empty());
  EXPECT_FALSE(story.intervals(CaseRule::kPromiseAtRisk).empty());
}

TEST(CaseFold, activity_reaches_to_the_last_future_stamp) {
  Story story;
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  EXPECT_EQ(story.fold().activity_end, h(124));  // promise_missing
  EXPECT_EQ(story.activity(), h(124));
  story.tell(h(2), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.activity(), h(2));
}

TEST(CaseFold, activity_counts_starts_and_finite_ends_of_alerts) {
  Story story;
  // No stage, silence or absence of it is a finding here; only the alert tells that something will happen.
  story.policy.promise_stages_us = {1'000 * event::kHour};
  story.policy.promise_missing_us = 1'000 * event::kHour;
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  story.tell(h(1), "delivery.notified", {{"order_id", "o1"}, {"kind", "delay"}});
  story.tell(h(30), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.activity(), h(30));
}

TEST(CaseFold, labels_come_from_what_made_the_thing) {
  Story story;
  story.tell(h(0), "order.placed", {{"order_id", "o1"}, {"total_minor", std::int64_t{1}}});
  story.tell(h(1), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  story.tell(h(2), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(48)}});
  story.tell(h(3), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}});
  const CaseFold fold = story.fold();
  EXPECT_EQ(fold.order_event, 0);
  ASSERT_EQ(fold.labels.size(), 2U);
  for (const LabelSource& each : fold.labels) EXPECT_EQ(each.event, each.object.kind == 'p' ? 1U : 3U);
}

TEST(CaseFold, objects_refer_into_the_events) {
  Story story;
  story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  const CaseFold fold = story.fold();
  EXPECT_EQ(fold.promises.at(0).promise_id.data(), text(story.last_kept(), FieldId::kPromiseId).data());
}

}  // namespace
}  // namespace troth::operators
