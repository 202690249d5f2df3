// What the clocks of a complaint establish: overdue and on time, alerts in the open periods, ignored, the clocks
// listed.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

Story complaint() {
  Story story("c:c1");
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}});
  return story;
}
Story& then(Story& story, TimeUs at, const char* what) { return story.tell(at, what, {{"complaint_id", "c1"}}); }
Story& answer(Story& story, TimeUs at) { return then(story, at, "complaint.replied"); }
Story& message(Story& story, TimeUs at) { return then(story, at, "complaint.customer_replied"); }

TEST(ComplaintClocks, an_unanswered_complaint_carries_its_overdue_steps) {
  Story story = complaint();
  EXPECT_EQ(story.findings({Kind::kAcknowledgeOverdue, Kind::kFirstReplyOverdue, Kind::kComplaintIgnored}),
            (Lines{"acknowledge_overdue complaint c:c1 10h by 0", "first_reply_overdue complaint c:c1 10h by 0",
                   "acknowledge_overdue complaint c:c1 20h m=1 by 0", "first_reply_overdue complaint c:c1 20h m=1 by 0",
                   "complaint_ignored complaint c:c1 30h by 0"}));
}

TEST(ComplaintClocks, an_answer_exactly_at_the_deadline_is_on_time) {
  Story story = complaint();
  answer(story, h(10));
  EXPECT_EQ(story.findings({Kind::kFirstReplyOnTime, Kind::kFirstReplyOverdue, Kind::kAcknowledgedOnTime}),
            (Lines{"acknowledged_on_time complaint c:c1 10h by 0 1", "first_reply_on_time complaint c:c1 10h by 0 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kReplyOverdue), Lines{});
}

TEST(ComplaintClocks, an_automatic_reply_acknowledges_but_does_not_answer) {
  Story story = complaint();
  story.tell(h(1), "complaint.replied", {{"complaint_id", "c1"}, {"by", "auto"}});
  EXPECT_EQ(story.findings({Kind::kAcknowledgedOnTime, Kind::kFirstReplyOnTime}),
            (Lines{"acknowledged_on_time complaint c:c1 1h by 0 1"}));
}

TEST(ComplaintClocks, an_internal_note_does_nothing) {
  Story story = complaint();
  story.tell(h(1), "complaint.replied", {{"complaint_id", "c1"}, {"public", false}});
  EXPECT_EQ(story.findings({Kind::kAcknowledgedOnTime, Kind::kFirstReplyOnTime}), Lines{});
}

TEST(ComplaintClocks, the_next_reply_runs_from_the_first_message_after_an_answer) {
  Story story = complaint();
  message(message(answer(story, h(1)), h(2)), h(5));
  EXPECT_EQ(story.findings({Kind::kNextReplyOverdue}),
            (Lines{"next_reply_overdue complaint c:c1 12h by 2", "next_reply_overdue complaint c:c1 22h m=1 by 2"}));
  answer(story, h(6));
  EXPECT_EQ(story.findings({Kind::kNextReplyOverdue, Kind::kNextReplyOnTime}),
            (Lines{"next_reply_on_time complaint c:c1 6h by 2 4"}));
}

TEST(ComplaintClocks, every_answer_promises_the_next_update) {
  Story story = complaint();
  answer(answer(story, h(1)), h(15));
  EXPECT_EQ(story.findings({Kind::kUpdateOverdue}),
            (Lines{"update_overdue complaint c:c1 11h by 1 2", "update_overdue complaint c:c1 25h by 2",
                   "update_overdue complaint c:c1 35h m=1 by 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kUpdateOverdue), (Lines{"c:c1 11h..15h by 1 2", "c:c1 25h..never by 2"}));
}

TEST(ComplaintClocks, an_overdue_alert_pauses_while_the_complaint_is_not_open) {
  Story story = complaint();
  then(then(then(story, h(12), "complaint.resolved"), h(30), "complaint.reopened"), h(40), "complaint.closed");
  EXPECT_EQ(story.intervals(CaseRule::kResolutionOverdue), (Lines{"c:c1 10h..12h by 0", "c:c1 30h..40h by 0"}));
  const CaseFold fold = story.fold();
  for (const Interval& each : fold.intervals) {
    if (each.rule != CaseRule::kResolutionOverdue) continue;
    EXPECT_EQ(each.stages, (std::vector<TimeUs>{h(10), h(38)}));
  }
}

TEST(ComplaintClocks, a_warning_comes_before_the_reply_is_overdue) {
  Story story = complaint();
  EXPECT_EQ(story.intervals(CaseRule::kReplyDueSoon), (Lines{"c:c1 8h..10h by 0"}));
  answer(story, h(9));
  EXPECT_EQ(story.intervals(CaseRule::kReplyDueSoon), (Lines{"c:c1 8h..9h by 0 1"}));
}

TEST(ComplaintClocks, waiting_for_the_customer_stops_the_clocks_until_the_customer_writes) {
  Story story = complaint();
  story.tell(h(4), "complaint.status_changed", {{"complaint_id", "c1"}, {"status", "awaiting_customer"}});
  EXPECT_EQ(story.findings({Kind::kFirstReplyOverdue, Kind::kComplaintIgnored}), Lines{});
  message(story, h(50));
  EXPECT_EQ(story.findings({Kind::kFirstReplyOverdue}).at(0), "first_reply_overdue complaint c:c1 56h by 0");
}

TEST(ComplaintClocks, a_new_priority_sets_a_new_target) {
  Story story = complaint();
  story.tell(h(4), "complaint.priority_changed", {{"complaint_id", "c1"}, {"priority", "urgent"}});
  EXPECT_EQ(story.findings({Kind::kFirstReplyOverdue}).at(0), "first_reply_overdue complaint c:c1 4h by 0");
  EXPECT_EQ(story.fold().clocks.at(0).target_us, 2 * event::kHour);
}

// --------------------------------------------------------------------------------------------------------------
// ignored

TEST(ComplaintClocks, three_messages_in_a_row_make_it_ignored_once_the_reply_is_overdue) {
  Story story = complaint();
  message(message(story, h(2)), h(14));
  EXPECT_EQ(story.findings({Kind::kComplaintIgnored}), (Lines{"complaint_ignored complaint c:c1 14h by 0"}));
  Story early = complaint();
  message(message(early, h(2)), h(3));
  EXPECT_EQ(early.findings({Kind::kComplaintIgnored}), (Lines{"complaint_ignored complaint c:c1 10h by 0"}));
}

TEST(ComplaintClocks, an_answer_breaks_the_row_of_messages) {
  Story story = complaint();
  message(message(answer(message(story, h(2)), h(3)), h(4)), h(20));
  EXPECT_EQ(story.findings({Kind::kComplaintIgnored}), (Lines{"complaint_ignored complaint c:c1 34h by 3"}));
}

TEST(ComplaintClocks, closing_without_any_answer_is_ignoring_and_the_first_answer_ends_it) {
  Story story = complaint();
  then(story, h(1), "complaint.closed");
  EXPECT_EQ(story.findings({Kind::kComplaintIgnored}), (Lines{"complaint_ignored complaint c:c1 1h by 0 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintIgnored), (Lines{"c:c1 1h..never by 0 1"}));
  answer(story, h(5));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintIgnored), (Lines{"c:c1 1h..5h by 0 1"}));
}

TEST(ComplaintClocks, it_is_ignored_once_at_most) {
  Story story = complaint();
  message(answer(story, h(40)), h(50));
  EXPECT_EQ(story.findings({Kind::kComplaintIgnored}), (Lines{"complaint_ignored complaint c:c1 30h by 0 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintIgnored), (Lines{"c:c1 30h..40h by 0 1"}));
}

// --------------------------------------------------------------------------------------------------------- clocks
// listed

TEST(ComplaintClocks, the_runs_without_stop_are_listed_in_order_of_start) {
  Story story = complaint();
  message(answer(story, h(1)), h(3));
  const CaseFold fold = story.fold();
  std::vector<std::string> listed;
  for (const ClockRun& run : fold.clocks) {
    listed.push_back(std::string(name_of(run.clock)) + " " + Story::hours(run.started_at) + " due " +
                     Story::hours(run.due_at));
  }
  EXPECT_EQ(listed, (Lines{"resolution 0h due 10h", "wait 0h due 10h", "update 1h due 11h", "next_reply 3h due 13h"}));
}

TEST(ComplaintClocks, a_paused_clock_shows_what_had_elapsed_and_no_due_time) {
  Story story = complaint();
  story.tell(h(4), "complaint.status_changed", {{"complaint_id", "c1"}, {"status", "awaiting_customer"}});
  const CaseFold fold = story.fold();
  ASSERT_EQ(fold.clocks.size(), 4U);
  EXPECT_TRUE(fold.clocks[0].paused);
  EXPECT_EQ(fold.clocks[0].due_at, kNever);
  EXPECT_EQ(elapsed_at(fold.clocks[0], h(90)), 4 * event::kHour);
}

TEST(ComplaintClocks, a_running_clock_goes_on_with_time) {
  Story story = complaint();
  story.tell(h(4), "complaint.status_changed", {{"complaint_id", "c1"}, {"status", "on_hold"}});
  EXPECT_EQ(elapsed_at(story.fold().clocks.at(0), h(90)), 90 * event::kHour);
}

TEST(ComplaintClocks, nothing_is_listed_of_a_complaint_that_is_over) {
  Story story = complaint();
  then(story, h(1), "complaint.resolved");
  EXPECT_TRUE(story.fold().clocks.empty());
}

}  // namespace
}  // namespace troth::operators
