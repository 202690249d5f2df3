// What the ledger makes of promises: due dates, notices, outcomes, lateness, alerts.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

Story& promise(Story& story, TimeUs at, TimeUs due, const char* id = "p1") {
  return story.tell(at, "delivery.promised", {{"order_id", "o1"}, {"promise_id", id}, {"due_at", due}});
}

TEST(Promises, a_delivery_exactly_at_the_due_time_is_in_time) {
  Story story;
  promise(story, h(0), h(24)).tell(h(24), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept, Kind::kPromiseLate, Kind::kPromiseSilent}),
            (Lines{"promise_kept delivery p:p1 24h by 0 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseBroken), Lines{});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kKept);
}

TEST(Promises, a_promise_without_outcome_carries_its_future_lateness) {
  Story story;
  promise(story, h(0), h(24));
  EXPECT_EQ(story.findings({Kind::kPromiseLate, Kind::kPromiseSilent, Kind::kPromiseMissing}),
            (Lines{"promise_silent delivery p:p1 24h by 0", "promise_late delivery p:p1 24h by 0",
                   "promise_late delivery p:p1 48h m=1 by 0", "promise_late delivery p:p1 72h m=2 by 0",
                   "promise_missing delivery p:p1 124h by 0"}));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseBroken), (Lines{"p:p1 24h..never by 0"}));
  EXPECT_EQ(story.fold().promises.at(0).ended_at, kNever);
}

TEST(Promises, an_outcome_takes_back_the_stages_from_its_instant_on) {
  Story story;
  promise(story, h(0), h(24)).tell(h(48), "delivery.delivered", {{"order_id", "o1"}, {"promise_id", "p1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseLate, Kind::kKeptLate, Kind::kPromiseKept}),
            (Lines{"promise_late delivery p:p1 24h by 0 1", "kept_late delivery p:p1 48h by 0 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseBroken), (Lines{"p:p1 24h..48h by 0 1"}));
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kLate);
}

TEST(Promises, kept_late_carries_the_last_stage_before_the_outcome) {
  Story story;
  promise(story, h(0), h(24)).tell(h(48) + 1, "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kKeptLate}), (Lines{"kept_late delivery p:p1 48h+1us m=1 by 0 1"}));
}

TEST(Promises, stages_of_a_callback_run_at_its_pace_rounded_up) {
  Story story;
  story.policy.promise_stages_us = {0, event::kHour + 1};
  story.tell(h(0), "promise.made", {{"promise_id", "p1"}, {"kind", "callback"}, {"due_at", h(1)}});
  EXPECT_EQ(story.findings({Kind::kPromiseLate}),
            (Lines{"promise_late callback p:p1 1h by 0", "promise_late callback p:p1 1h+300000001us m=1 by 0"}));
}

TEST(Promises, express_is_a_class_of_its_own) {
  Story story;
  story.tell(h(0), "delivery.promised",
             {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}, {"express", true}});
  story.tell(h(1), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept}), (Lines{"promise_kept express p:p1 1h by 0 1"}));
}

TEST(Promises, a_new_date_does_not_excuse_the_first_one) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(12), "delivery.repromised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(60)}});
  story.tell(h(50), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kRepromisedEarly, Kind::kRepromisedLate, Kind::kPromiseLate, Kind::kRepromiseLate,
                            Kind::kRepromiseKept, Kind::kKeptLate, Kind::kPromiseSilent}),
            (Lines{"repromised_early delivery p:p1 12h by 1", "promise_late delivery p:p1 24h n=43200 by 0 2",
                   "promise_late delivery p:p1 48h m=1 n=43200 by 0 2", "repromise_kept delivery p:p1 50h by 1 2",
                   "kept_late delivery p:p1 50h m=1 by 0 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseBroken), Lines{});  // the date was replaced before it came
}

TEST(Promises, a_new_date_that_is_missed_as_well_is_late_twice) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(30), "delivery.repromised",
             {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(40)}, {"notified", false}});
  story.tell(h(41), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kRepromisedLate, Kind::kPromiseLate, Kind::kRepromiseLate, Kind::kPromiseSilent}),
            (Lines{"promise_silent delivery p:p1 24h by 0 2", "promise_late delivery p:p1 24h by 0 2",
                   "repromised_late delivery p:p1 30h by 1", "promise_silent delivery p:p1 40h by 1 2",
                   "repromise_late delivery p:p1 40h by 1 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseBroken), (Lines{"p:p1 24h..30h by 0", "p:p1 40h..41h by 1 2"}));
}

TEST(Promises, a_date_of_the_customers_own_is_the_new_measure) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(12), "promise.changed", {{"promise_id", "p1"}, {"due_at", h(60)}, {"by_customer", true}});
  story.tell(h(60), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kRepromisedEarly, Kind::kRepromisedLate, Kind::kPromiseLate, Kind::kPromiseKept}),
            (Lines{"promise_kept delivery p:p1 60h by 0 2"}));
  const CaseFold fold = story.fold();
  EXPECT_EQ(fold.promises.at(0).first_due_at, h(60));
  EXPECT_EQ(fold.promises.at(0).changes, 1);
}

TEST(Promises, lateness_until_the_customers_own_date_stays) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(50), "promise.changed", {{"promise_id", "p1"}, {"due_at", h(90)}, {"by_customer", true}});
  story.tell(h(80), "delivery.delivered", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseLate, Kind::kPromiseKept}),
            (Lines{"promise_late delivery p:p1 24h by 0 2", "promise_late delivery p:p1 48h m=1 by 0 2",
                   "promise_kept delivery p:p1 80h by 0 2"}));
}

TEST(Promises, a_notice_counts_for_the_date_that_stands_and_for_the_first_one) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(10), "promise.changed", {{"promise_id", "p1"}, {"due_at", h(40)}, {"notified", false}});
  story.tell(h(20), "delivery.notified", {{"order_id", "o1"}, {"kind", "delay"}, {"option_offered", true}});
  // 4 h and 20 h of lead, a quarter more for the option.
  EXPECT_EQ(story.findings({Kind::kPromiseLate, Kind::kRepromiseLate, Kind::kPromiseSilent}).at(0),
            "promise_late delivery p:p1 24h n=18000 by 0");
  EXPECT_EQ(story.findings({Kind::kRepromiseLate}).at(0), "repromise_late delivery p:p1 40h n=90000 by 1");
  EXPECT_TRUE(story.fold().promises.at(0).told_before_due);
}

TEST(Promises, a_notice_after_the_due_time_tells_but_gives_no_lead) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(24) + 1, "delivery.notified", {{"order_id", "o1"}, {"kind", "delay"}});
  EXPECT_EQ(story.findings({Kind::kPromiseSilent}), (Lines{"promise_silent delivery p:p1 24h by 0"}));
  const CaseFold fold = story.fold();
  const Interval& broken = *std::find_if(fold.intervals.begin(), fold.intervals.end(),
                                         [](const Interval& i) { return i.rule == CaseRule::kPromiseBroken; });
  EXPECT_EQ(broken.told_at, h(24) + 1);
  EXPECT_EQ(broken.stages, (std::vector<TimeUs>{h(24), h(48), h(72)}));
  EXPECT_FALSE(fold.promises.at(0).told_before_due);
}

TEST(Promises, progress_is_no_notice) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(10), "delivery.notified", {{"order_id", "o1"}, {"kind", "progress"}});
  EXPECT_EQ(story.findings({Kind::kPromiseSilent, Kind::kProactiveContact}).size(), 1U);
}

TEST(Promises, a_change_is_no_notice_for_the_date_it_sets) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(12), "delivery.repromised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(60)}});
  EXPECT_EQ(story.findings({Kind::kPromiseSilent}), (Lines{"promise_silent delivery p:p1 60h by 1"}));
}

TEST(Promises, an_earlier_date_is_no_broken_word) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(12), "delivery.repromised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(20)}});
  EXPECT_EQ(story.findings({Kind::kRepromisedEarly, Kind::kRepromisedLate}), Lines{});
}

TEST(Promises, making_an_open_promise_again_changes_its_date_only) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(12), "promise.made", {{"promise_id", "p1"}, {"kind", "callback"}, {"due_at", h(60)}});
  EXPECT_EQ(story.findings({Kind::kRepromisedEarly}), (Lines{"repromised_early delivery p:p1 12h by 1"}));
  const CaseFold fold = story.fold();
  ASSERT_EQ(fold.promises.size(), 1U);
  EXPECT_EQ(fold.promises[0].kind, PromiseKind::kDelivery);
  EXPECT_EQ(fold.promises[0].first_due_at, h(24));
  EXPECT_EQ(fold.promises[0].due_at, h(60));
}

TEST(Promises, a_closed_promise_hears_nothing_more) {
  Story story;
  promise(story, h(0), h(24)).tell(h(10), "delivery.delivered", {{"order_id", "o1"}});
  promise(story, h(11), h(90));
  story.tell(h(12), "promise.withdrawn", {{"promise_id", "p1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseWithdrawn, Kind::kRepromisedEarly, Kind::kPromiseLate}), Lines{});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kKept);
}

TEST(Promises, a_delivery_without_promise_speaks_of_all_open_ones_made_so_far) {
  Story story;
  promise(story, h(0), h(24), "p1");
  promise(story, h(1), h(48), "p2");
  story.tell(h(20), "delivery.delivered", {{"order_id", "o1"}});
  promise(story, h(21), h(72), "p3");
  EXPECT_EQ(story.findings({Kind::kPromiseKept}),
            (Lines{"promise_kept delivery p:p1 20h by 0 2", "promise_kept delivery p:p2 20h by 1 2"}));
}

TEST(Promises, a_delivery_does_not_keep_a_refund) {
  Story story;
  story.tell(h(0), "order.refund_promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(24)}});
  story.tell(h(1), "delivery.delivered", {{"order_id", "o1"}, {"promise_id", "p1"}});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kOpen);
}

TEST(Promises, a_refund_without_promise_keeps_the_open_one_made_first) {
  Story story;
  story.tell(h(0), "order.refund_promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(90)}});
  story.tell(h(1), "promise.made", {{"promise_id", "p2"}, {"kind", "refund"}, {"due_at", h(24)}, {"order_id", "o1"}});
  story.tell(h(2), "order.refunded", {{"order_id", "o1"}});
  story.tell(h(3), "order.refunded", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept}),
            (Lines{"promise_kept refund p:p1 2h by 0 2", "promise_kept refund p:p2 3h by 1 3"}));
}

TEST(Promises, a_payment_keeps_a_named_promise_only_of_its_kind) {
  Story story("c:c1");
  story.tell(h(0), "complaint.compensation_promised",
             {{"complaint_id", "c1"}, {"promise_id", "p1"}, {"kind", "replacement"}, {"due_at", h(24)}});
  story.tell(h(1), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"promise_id", "p1"}, {"kind", "cash"}});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kOpen);
  story.tell(h(2), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"kind", "replacement"}});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kKept);
}

TEST(Promises, a_short_delivery_closes_and_says_how_much_is_missing) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(20), "delivery.delivered",
             {{"order_id", "o1"}, {"qty_delivered", std::int64_t{2}}, {"qty_promised", std::int64_t{3}}});
  EXPECT_EQ(story.findings({Kind::kNotInFull, Kind::kPromiseKept}), (Lines{"not_in_full p:p1 20h m=333333 by 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), (Lines{"o:o1 20h..never by 1"}));
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kPartial);
}

TEST(Promises, a_damaged_parcel_spoils_what_was_kept_before) {
  Story story;
  promise(story, h(0), h(24)).tell(h(20), "delivery.delivered", {{"order_id", "o1"}});
  story.tell(h(30), "delivery.damaged", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept, Kind::kParcelDamaged}), (Lines{"parcel_damaged basic o:o1 30h by 2"}));
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kKept);
}

TEST(Promises, a_return_for_another_reason_spoils_nothing) {
  Story story;
  promise(story, h(0), h(24)).tell(h(20), "delivery.delivered", {{"order_id", "o1"}});
  story.tell(h(30), "order.return_requested", {{"order_id", "o1"}, {"reason", "defect"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept}).size(), 1U);
  story.tell(h(31), "order.return_requested", {{"order_id", "o1"}, {"reason", "wrong_item"}});
  EXPECT_EQ(story.findings({Kind::kPromiseKept}).size(), 0U);
}

TEST(Promises, an_excuse_in_time_marks_the_date_and_a_later_one_does_not) {
  Story in_time;
  promise(in_time, h(0), h(24)).tell(h(24), "delivery.excused", {{"order_id", "o1"}, {"cause", "weather"}});
  EXPECT_EQ(in_time.findings({Kind::kPromiseLate}).at(0), "promise_late delivery p:p1 24h excused by 0");
  EXPECT_TRUE(in_time.fold().promises.at(0).excused);

  Story too_late;
  promise(too_late, h(0), h(24)).tell(h(24) + 1, "delivery.excused", {{"order_id", "o1"}, {"cause", "weather"}});
  EXPECT_EQ(too_late.findings({Kind::kPromiseLate}).at(0), "promise_late delivery p:p1 24h by 0");
}

TEST(Promises, what_the_customer_prevents_is_over) {
  Story story;
  promise(story, h(0), h(24)).tell(h(10), "delivery.excused", {{"order_id", "o1"}, {"cause", "customer"}});
  EXPECT_EQ(story.findings({Kind::kPromiseLate, Kind::kPromiseKept}), Lines{});
  EXPECT_EQ(story.fold().promises.at(0).outcome, Outcome::kExcused);
}

TEST(Promises, a_cancelled_order_voids_open_deliveries_but_not_refunds) {
  Story story;
  promise(story, h(0), h(24));
  story.tell(h(1), "order.refund_promised", {{"order_id", "o1"}, {"promise_id", "p2"}, {"due_at", h(24)}});
  story.tell(h(2), "order.cancelled", {{"order_id", "o1"}, {"by", "customer"}, {"reason", "late"}});
  const CaseFold fold = story.fold();
  EXPECT_EQ(fold.promises.at(0).outcome, Outcome::kVoid);
  EXPECT_EQ(fold.promises.at(1).outcome, Outcome::kOpen);
}

TEST(Promises, a_promise_is_at_risk_until_something_moves) {
  Story story;
  promise(story, h(0), h(24));
  EXPECT_EQ(story.intervals(CaseRule::kPromiseAtRisk), (Lines{"p:p1 12h..24h by 0"}));
  story.tell(h(15), "delivery.scanned", {{"order_id", "o1"}});
  EXPECT_EQ(story.intervals(CaseRule::kPromiseAtRisk), (Lines{"p:p1 12h..15h by 0"}));
}

TEST(Promises, a_sign_of_movement_before_a_new_date_says_nothing_of_it) {
  Story story;
  promise(story, h(0), h(24)).tell(h(1), "delivery.dispatched", {{"order_id", "o1"}});
  story.tell(h(2), "delivery.repromised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(42)}});
  EXPECT_EQ(story.intervals(CaseRule::kPromiseAtRisk), (Lines{"p:p1 22h..42h by 2"}));
}

TEST(Promises, a_sign_at_the_instant_of_a_new_date_counts_for_it) {
  Story story;
  promise(story, h(0), h(24)).tell(h(2), "delivery.dispatched", {{"order_id", "o1"}});
  story.tell(h(2), "promise.changed", {{"promise_id", "p1"}, {"due_at", h(42)}});
  EXPECT_EQ(story.intervals(CaseRule::kPromiseAtRisk), Lines{});
}

TEST(Promises, telling_of_a_delay_in_time_is_proactive_unless_someone_complained) {
  Story story;
  promise(story, h(0), h(24)).tell(h(10), "delivery.notified", {{"order_id", "o1"}, {"kind", "delay"}});
  story.tell(h(11), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}, {"kind", "question"}});
  story.tell(h(12), "delivery.notified", {{"order_id", "o1"}, {"kind", "delay"}});
  EXPECT_EQ(story.findings({Kind::kProactiveContact}), (Lines{"proactive_contact o:o1 10h by 1"}));
}

TEST(Promises, a_withdrawn_promise_is_a_finding_of_its_class) {
  Story story;
  story.tell(h(0), "promise.made", {{"promise_id", "p1"}, {"kind", "repair"}, {"due_at", h(24)}});
  story.tell(h(1), "promise.withdrawn", {{"promise_id", "p1"}});
  EXPECT_EQ(story.findings({Kind::kPromiseWithdrawn, Kind::kPromiseLate}),
            (Lines{"promise_withdrawn repair p:p1 1h by 1"}));
}

TEST(Promises, an_event_of_an_unknown_promise_does_nothing) {
  Story story;
  story.tell(h(0), "promise.kept", {{"promise_id", "p1"}});
  story.tell(h(1), "delivery.lost", {{"order_id", "o1"}, {"promise_id", "p1"}});
  const CaseFold fold = story.fold();
  EXPECT_TRUE(fold.promises.empty());
  EXPECT_EQ(story.findings({Kind::kParcelLost}), (Lines{"parcel_lost o:o1 1h by 1"}));  // a fact stands
  EXPECT_EQ(fold.findings.size(), 1U);
}

TEST(Promises, many_promises_are_still_told_apart) {
  Story story;
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back("p" + std::to_string(i));
  for (const std::string& id : ids) promise(story, h(0), h(24), id.c_str());
  story.tell(h(1), "promise.kept", {{"promise_id", "p33"}});
  const CaseFold fold = story.fold();
  for (const Promise& each : fold.promises) EXPECT_EQ(each.outcome == Outcome::kKept, each.promise_id == "p33");
}

}  // namespace
}  // namespace troth::operators
