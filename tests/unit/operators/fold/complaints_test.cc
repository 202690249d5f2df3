// A complaint's life: status, open periods, solution, undoing, effort, manner, compensation.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

Story complaint(TimeUs at = h(0)) {
  Story story("c:c1");
  story.tell(at, "complaint.opened", {{"complaint_id", "c1"}});
  return story;
}
Story& then(Story& story, TimeUs at, const char* what) { return story.tell(at, what, {{"complaint_id", "c1"}}); }
Story& message(Story& story, TimeUs at, std::int64_t sentiment = 0) {
  return story.tell(at, "complaint.customer_replied", {{"complaint_id", "c1"}, {"sentiment_ppm", sentiment}});
}
Story& status(Story& story, TimeUs at, const char* to) {
  return story.tell(at, "complaint.status_changed", {{"complaint_id", "c1"}, {"status", to}});
}

// --------------------------------------------------------------------------------------------------------------
// opening

TEST(Complaints, opening_is_a_finding_of_its_kind_and_counts_once) {
  Story story("c:c1");
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"kind", "claim"}});
  story.tell(h(1), "complaint.opened", {{"complaint_id", "c1"}, {"kind", "question"}});
  EXPECT_EQ(story.findings({Kind::kComplaintOpened, Kind::kRepeatComplaint}),
            (Lines{"complaint_opened claim c:c1 0h by 0"}));
}

TEST(Complaints, a_second_complaint_soon_after_the_first_is_a_repetition) {
  Story story;
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}});
  story.tell(h(100), "complaint.opened", {{"complaint_id", "c2"}, {"order_id", "o1"}, {"kind", "question"}});
  story.tell(h(240), "complaint.opened", {{"complaint_id", "c3"}, {"order_id", "o1"}});
  story.tell(h(480) + 1, "complaint.opened", {{"complaint_id", "c4"}, {"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kRepeatComplaint}), (Lines{"repeat_complaint c:c3 240h by 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintRepeated), (Lines{"c:c3 240h..never by 2"}));
  story.tell(h(500), "complaint.resolved", {{"complaint_id", "c3"}});
  EXPECT_EQ(story.intervals(CaseRule::kComplaintRepeated), (Lines{"c:c3 240h..500h by 2 4"}));
}

TEST(Complaints, a_question_states_no_fact) {
  Story story("c:c1");
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"kind", "question"}, {"category", "quality"}});
  EXPECT_EQ(story.findings({Kind::kQualityDefect}), Lines{});
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), Lines{});
}

// -------------------------------------------------------------------------------------------------------------
// solution

TEST(Complaints, a_solution_that_nobody_contests_earns_its_credit_after_a_while) {
  Story story = complaint();
  then(story, h(5), "complaint.resolved");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime, Kind::kFirstContactFix}),
            (Lines{"resolved_on_time complaint c:c1 77h by 0 1", "first_contact_fix complaint c:c1 77h by 0 1"}));
}

TEST(Complaints, a_confirmation_earns_the_credit_at_once) {
  Story story = complaint();
  then(then(story, h(5), "complaint.resolved"), h(6), "complaint.customer_confirmed");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime}), (Lines{"resolved_on_time complaint c:c1 6h by 0 1 2"}));
}

TEST(Complaints, a_confirmation_at_the_stamp_comes_too_late_to_be_named) {
  Story story = complaint();
  then(then(story, h(5), "complaint.resolved"), h(77), "complaint.customer_confirmed");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime}), (Lines{"resolved_on_time complaint c:c1 77h by 0 1"}));
}

TEST(Complaints, opening_it_again_before_the_stamp_removes_the_credit_and_at_the_stamp_does_not) {
  Story before = complaint();
  then(then(before, h(5), "complaint.resolved"), h(77) - 1, "complaint.reopened");
  EXPECT_EQ(before.findings({Kind::kResolvedOnTime}), Lines{});

  Story at = complaint();
  then(then(at, h(5), "complaint.resolved"), h(77), "complaint.reopened");
  then(at, h(80), "complaint.resolved");
  EXPECT_EQ(at.findings({Kind::kResolvedOnTime}), (Lines{"resolved_on_time complaint c:c1 77h by 0 1"}));
}

TEST(Complaints, a_solution_after_the_deadline_earns_nothing) {
  Story story = complaint();
  then(story, h(10) + 1, "complaint.resolved");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime, Kind::kFirstContactFix}), Lines{});
  Story exact = complaint();
  then(exact, h(10), "complaint.resolved");
  EXPECT_EQ(exact.findings({Kind::kResolvedOnTime}).size(), 1U);
}

TEST(Complaints, a_second_solution_is_no_first_contact_fix) {
  Story story = complaint();
  then(then(then(story, h(1), "complaint.resolved"), h(2), "complaint.reopened"), h(3), "complaint.resolved");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime, Kind::kFirstContactFix}),
            (Lines{"resolved_on_time complaint c:c1 75h by 0 3"}));
}

TEST(Complaints, resolving_what_is_closed_changes_nothing) {
  Story story = complaint();
  then(then(story, h(1), "complaint.closed"), h(2), "complaint.resolved");
  EXPECT_EQ(story.findings({Kind::kResolvedOnTime}), Lines{});
}

// ---------------------------------------------------------------------------------------------------------------
// undone

TEST(Complaints, rejections_and_reopenings_are_counted_together) {
  Story story = complaint();
  then(then(story, h(1), "complaint.resolved"), h(2), "complaint.customer_rejected");
  then(then(story, h(3), "complaint.resolved"), h(4), "complaint.reopened");
  then(story, h(5), "complaint.reopened");  // it is open: nothing new
  EXPECT_EQ(story.findings({Kind::kResolutionRejected, Kind::kReopened}),
            (Lines{"resolution_rejected complaint c:c1 2h by 2", "reopened complaint c:c1 4h m=1 by 4"}));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintReopened), (Lines{"c:c1 2h..3h by 2 3", "c:c1 4h..never by 4"}));
}

TEST(Complaints, a_message_opens_it_again_softly_and_the_reopening_after_it_still_counts_once) {
  Story story = complaint();
  message(then(story, h(1), "complaint.resolved"), h(2));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintReopened), Lines{});
  then(then(story, h(3), "complaint.reopened"), h(4), "complaint.reopened");
  EXPECT_EQ(story.findings({Kind::kReopened}), (Lines{"reopened complaint c:c1 3h by 3"}));
  EXPECT_EQ(story.intervals(CaseRule::kComplaintReopened), (Lines{"c:c1 3h..never by 3"}));
}

TEST(Complaints, thanks_do_not_open_it_again) {
  Story thanks = complaint();
  message(then(thanks, h(1), "complaint.resolved"), h(2), 300'000);
  EXPECT_TRUE(thanks.fold().clocks.empty());
  Story grumble = complaint();
  message(then(grumble, h(1), "complaint.resolved"), h(2), 299'999);
  EXPECT_FALSE(grumble.fold().clocks.empty());
}

TEST(Complaints, a_message_after_a_confirmation_does_not_open_it_again) {
  Story story = complaint();
  then(then(story, h(1), "complaint.resolved"), h(2), "complaint.customer_confirmed");
  EXPECT_TRUE(message(story, h(3)).fold().clocks.empty());
  // Once it was open again, the old confirmation says nothing.
  then(then(story, h(4), "complaint.reopened"), h(5), "complaint.resolved");
  EXPECT_FALSE(message(story, h(6)).fold().clocks.empty());
}

TEST(Complaints, a_policy_may_leave_reopening_to_the_shop) {
  Story story = complaint();
  story.policy.reply_reopens = false;
  message(then(story, h(1), "complaint.resolved"), h(2));
  EXPECT_TRUE(story.fold().clocks.empty());
}

TEST(Complaints, a_status_opens_it_again_softly_too) {
  Story story = complaint();
  status(then(story, h(1), "complaint.resolved"), h(2), "on_hold");
  EXPECT_FALSE(story.fold().clocks.empty());
  then(story, h(3), "complaint.customer_rejected");
  EXPECT_EQ(story.findings({Kind::kResolutionRejected}).size(), 1U);
}

// --------------------------------------------------------------------------------------------------- closed,
// unresolved

TEST(Complaints, closing_it_while_open_leaves_it_unresolved) {
  Story story = complaint();
  then(story, h(1), "complaint.closed");
  EXPECT_EQ(story.findings({Kind::kClosedUnresolved}), (Lines{"closed_unresolved complaint c:c1 1h by 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kClosedUnresolved), (Lines{"c:c1 1h..never by 1"}));
  then(then(story, h(2), "complaint.customer_confirmed"), h(3), "complaint.reopened");
  then(story, h(4), "complaint.closed");
  EXPECT_EQ(story.findings({Kind::kClosedUnresolved}).size(), 1U);
  EXPECT_EQ(story.intervals(CaseRule::kClosedUnresolved), (Lines{"c:c1 1h..2h by 1 2"}));
}

TEST(Complaints, closing_what_is_resolved_is_in_order) {
  Story story = complaint();
  then(then(story, h(1), "complaint.resolved"), h(2), "complaint.closed");
  EXPECT_EQ(story.findings({Kind::kClosedUnresolved, Kind::kComplaintIgnored}), Lines{});
}

TEST(Complaints, a_bad_csat_that_names_it_says_it_is_unresolved) {
  Story story = complaint();
  then(story, h(1), "complaint.resolved");
  story.tell(h(2), "survey.answered",
             {{"survey_id", "s1"}, {"complaint_id", "c1"}, {"instrument", "csat"}, {"score", std::int64_t{2}}});
  EXPECT_EQ(story.findings({Kind::kClosedUnresolved}), (Lines{"closed_unresolved complaint c:c1 2h by 2"}));
  EXPECT_EQ(message(story, h(3)).intervals(CaseRule::kClosedUnresolved), (Lines{"c:c1 2h..3h by 2 3"}));
}

// ------------------------------------------------------------------------------------------------------- effort,
// manner

TEST(Complaints, contacts_and_handoffs_beyond_the_free_ones_are_effort) {
  Story story = complaint();
  for (int i = 1; i <= 3; ++i) message(story, h(i));
  story.tell(h(4), "complaint.reassigned", {{"complaint_id", "c1"}, {"channel_switch", true}});
  story.tell(h(5), "complaint.reassigned", {{"complaint_id", "c1"}});
  EXPECT_EQ(story.findings({Kind::kEffort}),
            (Lines{"effort contact c:c1 3h by 3", "effort channel c:c1 4h by 4", "effort handoff c:c1 5h by 5",
                   "effort waiting c:c1 10h by 0", "effort waiting c:c1 20h m=1 by 0"}));
}

TEST(Complaints, manner_counts_once_and_only_in_answers) {
  Story story = complaint();
  story.tell(h(1), "complaint.replied", {{"complaint_id", "c1"}, {"by", "auto"}, {"apology", true}});
  story.tell(h(2), "complaint.replied", {{"complaint_id", "c1"}, {"public", false}, {"apology", true}});
  story.tell(h(3), "complaint.replied", {{"complaint_id", "c1"}, {"apology", true}, {"personalised", true}});
  story.tell(h(4), "complaint.replied", {{"complaint_id", "c1"}, {"apology", true}, {"reason_given", true}});
  EXPECT_EQ(story.findings({Kind::kApology, Kind::kReasonGiven, Kind::kPersonalCare}),
            (Lines{"apology c:c1 3h by 3", "personal_care c:c1 3h by 3", "reason_given c:c1 4h by 4"}));
}

TEST(Complaints, the_customers_tone_is_a_finding) {
  Story story = complaint();
  message(story, h(1), -500'001);
  story.tell(
      h(2), "complaint.customer_replied",
      {{"complaint_id", "c1"}, {"sentiment_ppm", std::int64_t{333'333}}, {"confidence_ppm", std::int64_t{500'000}}});
  EXPECT_EQ(story.findings({Kind::kSentimentGood, Kind::kSentimentBad}),
            (Lines{"sentiment_bad c:c1 1h m=500001 by 1", "sentiment_good c:c1 2h m=166666 by 2"}));
}

// ---------------------------------------------------------------------------------------------------------
// compensation

TEST(Complaints, compensation_is_measured_by_the_loss) {
  Story story("c:c1");
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"loss_minor", std::int64_t{3'000}}});
  for (const std::int64_t amount : {std::int64_t{1'000}, std::int64_t{1'000'000'000'000'000}}) {
    story.tell(h(1), "complaint.compensation_paid",
               {{"complaint_id", "c1"}, {"kind", "cash"}, {"amount_minor", amount}});
  }
  story.tell(h(2), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"kind", "points"}});
  story.tell(h(3), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"kind", "replacement"}});
  EXPECT_EQ(story.findings({Kind::kCompensated}),
            (Lines{"compensated cash c:c1 1h m=333333 by 1", "compensated cash c:c1 1h m=1000000 by 2",
                   "compensated points c:c1 2h by 3", "compensated replacement c:c1 3h m=1000000 by 4"}));
}

TEST(Complaints, what_is_stated_of_an_unknown_complaint_stands) {
  Story story("c:c1");
  then(story, h(0), "complaint.customer_rejected");
  then(story, h(1), "complaint.closed");
  story.tell(h(2), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"kind", "cash"}});
  story.tell(h(3), "complaint.escalated_external", {{"complaint_id", "c1"}, {"body", "press"}});
  EXPECT_EQ(story.fold().findings.size(), 2U);
  EXPECT_EQ(story.findings({Kind::kCompensated, Kind::kWentOutside}),
            (Lines{"compensated cash c:c1 2h m=1000000 by 2", "went_outside press c:c1 3h by 3"}));
}

}  // namespace
}  // namespace troth::operators
