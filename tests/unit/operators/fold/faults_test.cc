// Facts, price, behaviour, remedies and coupons.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

Story& charge(Story& story, TimeUs at, std::int64_t amount, std::int64_t quoted, bool consented = false) {
  return story.tell(at, "order.charged",
                    {{"order_id", "o1"}, {"amount_minor", amount}, {"quoted_minor", quoted}, {"consented", consented}});
}

TEST(Price, a_charge_within_the_tolerance_keeps_the_price) {
  Story story;
  charge(charge(story, h(0), 1'005, 1'000), h(1), 1'006, 1'000);
  EXPECT_EQ(story.findings({Kind::kPriceKept, Kind::kHiddenFee}),
            (Lines{"price_kept o:o1 0h by 0", "hidden_fee o:o1 1h m=6000 by 1"}));
  EXPECT_EQ(story.intervals(CaseRule::kPriceFault), (Lines{"o:o1 1h..never by 1"}));
}

TEST(Price, the_excess_is_at_most_all_of_it) {
  Story story;
  charge(charge(story, h(0), 5, 0), h(1), 1'000'000'000'000'000, 99);
  EXPECT_EQ(story.findings({Kind::kHiddenFee}),
            (Lines{"hidden_fee o:o1 0h m=1000000 by 0", "hidden_fee o:o1 1h m=1000000 by 1"}));
}

TEST(Price, consent_makes_no_hidden_fee_and_no_kept_price) {
  Story story;
  charge(story, h(0), 2'000, 1'000, true);
  EXPECT_TRUE(story.fold().findings.empty());
}

TEST(Price, terms_changed_with_consent_are_nobodys_business) {
  Story story;
  const auto terms = [&](TimeUs at, bool adverse, bool consented) {
    story.tell(at, "order.terms_changed", {{"order_id", "o1"}, {"adverse", adverse}, {"consented", consented}});
  };
  terms(h(0), true, true);
  terms(h(1), false, false);
  terms(h(2), true, false);
  EXPECT_EQ(story.findings({Kind::kTermsImproved, Kind::kTermsWorsened}),
            (Lines{"terms_improved o:o1 1h by 1", "terms_worsened o:o1 2h by 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kPriceFault), (Lines{"o:o1 2h..never by 2"}));
}

TEST(Facts, a_fact_is_established_once_but_alarms_each_time) {
  Story story;
  story.tell(h(0), "delivery.damaged", {{"order_id", "o1"}, {"part", "auxiliary"}});
  story.tell(h(1), "order.refunded", {{"order_id", "o1"}});
  story.tell(h(2), "order.return_requested", {{"order_id", "o1"}, {"reason", "damaged"}});
  EXPECT_EQ(story.findings({Kind::kParcelDamaged, Kind::kOrderReturned}),
            (Lines{"parcel_damaged auxiliary o:o1 0h by 0", "order_returned damaged o:o1 2h by 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), (Lines{"o:o1 0h..1h by 0 1", "o:o1 2h..never by 2"}));
}

TEST(Facts, the_first_fault_starts_the_alert) {
  Story story;
  story.tell(h(0), "delivery.lost", {{"order_id", "o1"}}).tell(h(1), "delivery.wrong_item", {{"order_id", "o1"}});
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), (Lines{"o:o1 0h..never by 0"}));
}

TEST(Facts, a_remedy_at_the_same_time_leaves_no_alert) {
  Story story;
  story.tell(h(0), "delivery.lost", {{"order_id", "o1"}}).tell(h(0), "order.refunded", {{"order_id", "o1"}});
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), Lines{});
}

TEST(Facts, remedies_are_remedies_whether_or_not_they_changed_anything) {
  const auto ends_after = [](auto tell) {
    Story story;
    story.tell(h(0), "delivery.lost", {{"order_id", "o1"}});
    tell(story);
    return story.intervals(CaseRule::kOrderFault) == Lines{"o:o1 0h..1h by 0 1"};
  };
  const auto made = [&](const char* kind) {
    return ends_after([kind](Story& story) {
      story.tell(h(1), "promise.made", {{"promise_id", "p1"}, {"kind", kind}, {"due_at", h(2)}, {"order_id", "o1"}});
    });
  };
  EXPECT_TRUE(ends_after([](Story& story) { story.tell(h(1), "complaint.resolved", {{"complaint_id", "c9"}}); }));
  EXPECT_TRUE(made("repair"));
  EXPECT_TRUE(made("replacement"));
  EXPECT_FALSE(made("callback"));
  EXPECT_FALSE(made("warranty"));
  EXPECT_FALSE(ends_after([](Story& story) { story.tell(h(1), "complaint.closed", {{"complaint_id", "c9"}}); }));
}

TEST(Facts, the_category_of_a_complaint_states_them) {
  Story story;
  for (const char* category : {"quality", "misrepresentation", "rude_staff", "billing"}) {
    story.tell(h(0), "complaint.opened", {{"complaint_id", category}, {"order_id", "o1"}, {"category", category}});
  }
  EXPECT_EQ(story.findings({Kind::kQualityDefect, Kind::kMisrepresented, Kind::kRudeness}),
            (Lines{"misrepresented o:o1 0h by 1", "quality_defect basic o:o1 0h by 0", "rudeness o:o1 0h by 2"}));
  EXPECT_EQ(story.intervals(CaseRule::kOrderFault), (Lines{"o:o1 0h..never by 0"}));
  EXPECT_EQ(story.intervals(CaseRule::kPriceFault), (Lines{"o:o1 0h..never by 1"}));
}

TEST(Behaviour, the_first_order_counts_with_its_discount) {
  Story story;
  const auto order = [&](const char* purpose) {
    story.tell(h(0), "order.placed",
               {{"order_id", "o1"},
                {"total_minor", std::int64_t{2'000}},
                {"discount_minor", std::int64_t{1'000}},
                {"discount_purpose", purpose},
                {"captive", true},
                {"new_category", true},
                {"premium", true}});
  };
  order("retention");
  order("season");
  EXPECT_EQ(
      story.findings({Kind::kOrderPlaced, Kind::kPremiumPaid, Kind::kNewCategory}),
      (Lines{"order_placed captive o:o1 0h m=333333 by 0", "premium_paid o:o1 0h by 0", "new_category o:o1 0h by 0"}));
  EXPECT_EQ(story.fold().order_event, 0);
}

TEST(Behaviour, neutral_discounts_take_nothing_and_no_purpose_is_other) {
  Story cleared;
  cleared.tell(h(0), "order.placed",
               {{"order_id", "o1"},
                {"total_minor", std::int64_t{1}},
                {"discount_minor", std::int64_t{1}},
                {"discount_purpose", "clearance"}});
  EXPECT_EQ(cleared.findings({Kind::kOrderPlaced}), (Lines{"order_placed free o:o1 0h by 0"}));
  Story other;
  other.policy.neutral_discounts = {"other"};
  other.tell(h(0), "order.placed",
             {{"order_id", "o1"}, {"total_minor", std::int64_t{1}}, {"discount_minor", std::int64_t{1}}});
  EXPECT_EQ(other.findings({Kind::kOrderPlaced}), (Lines{"order_placed free o:o1 0h by 0"}));
}

TEST(Behaviour, a_cancellation_is_the_customers_or_the_shops_unless_it_is_fraud) {
  Story story;
  const auto cancelled = [&](const char* by, const char* reason) {
    story.tell(h(0), "order.cancelled", {{"order_id", "o1"}, {"by", by}, {"reason", reason}});
  };
  cancelled("customer", "fraud");
  cancelled("merchant", "stock");
  cancelled("system", "fraud");
  EXPECT_EQ(story.findings({Kind::kOrderCancelled, Kind::kOrderWithdrawn}),
            (Lines{"order_withdrawn o:o1 0h by 1", "order_cancelled fraud o:o1 0h by 0"}));
}

TEST(Behaviour, checking_up_begins_after_the_free_checks) {
  Story story;
  for (int i = 0; i < 3; ++i) story.tell(h(i), "customer.status_checked", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kCheckingUp}), (Lines{"checking_up o:o1 1h by 1", "checking_up o:o1 2h by 2"}));
}

TEST(Behaviour, outreach_counts_if_it_is_kind_and_about_something) {
  Story story;
  story.tell(h(0), "outreach.sent", {{"order_id", "o1"}, {"kind", "thanks"}});
  story.tell(h(1), "outreach.sent", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kOutreach}), (Lines{"outreach o:o1 0h by 0"}));
  Story about_nothing("e:shop 0");
  about_nothing.tell(h(0), "outreach.sent", {{"kind", "thanks"}});
  EXPECT_TRUE(about_nothing.fold().findings.empty());
}

TEST(Coupons, a_coupon_counts_if_the_failure_outlasts_it) {
  Story story;
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}});
  story.tell(h(5), "coupon.issued", {{"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kCouponInsteadOfFix}), (Lines{"coupon_instead_of_fix o:o1 53h by 1"}));
  story.tell(h(53), "complaint.resolved", {{"complaint_id", "c1"}});
  EXPECT_EQ(story.findings({Kind::kCouponInsteadOfFix}), Lines{});
}

TEST(Coupons, another_failure_at_the_stamp_will_do) {
  Story story;
  story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}});
  story.tell(h(1), "promise.made", {{"promise_id", "p1"}, {"kind", "callback"}, {"due_at", h(50)}, {"order_id", "o1"}});
  story.tell(h(5), "complaint.compensation_paid", {{"complaint_id", "c1"}, {"kind", "coupon"}});
  story.tell(h(6), "complaint.resolved", {{"complaint_id", "c1"}});
  EXPECT_EQ(story.findings({Kind::kCouponInsteadOfFix}), (Lines{"coupon_instead_of_fix o:o1 53h by 2"}));
}

TEST(Coupons, a_coupon_without_failure_is_a_gift) {
  Story story;
  story.tell(h(0), "coupon.issued", {{"order_id", "o1"}});
  story.tell(h(1), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}});
  EXPECT_EQ(story.findings({Kind::kCouponInsteadOfFix}), Lines{});
}

}  // namespace
}  // namespace troth::operators
