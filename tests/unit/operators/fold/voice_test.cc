// Reviews and surveys, and when a bad voice has a cause in the case.
#include <gtest/gtest.h>

#include "tests/unit/operators/fold/story.h"

namespace troth::operators {
namespace {

Story& review(Story& story, TimeUs at, std::int64_t stars, const char* type = "review.submitted") {
  return story.tell(at, type, {{"review_id", "r1"}, {"order_id", "o1"}, {"stars", stars}});
}
Story& then(Story& story, TimeUs at, const char* what) {
  return story.tell(at, what, {{"review_id", "r1"}, {"order_id", "o1"}});
}
Story& survey(Story& story, TimeUs at, const char* instrument, std::int64_t score) {
  return story.tell(at, "survey.answered",
                    {{"survey_id", "s1"}, {"order_id", "o1"}, {"instrument", instrument}, {"score", score}});
}
/// An order whose parcel was damaged at 0h.
Story failed() {
  Story story;
  story.tell(h(0), "delivery.damaged", {{"order_id", "o1"}});
  return story;
}

TEST(Voice, a_review_counts_with_its_latest_version) {
  Story story;
  story.tell(h(0), "review.submitted",
             {{"review_id", "r1"},
              {"order_id", "o1"},
              {"stars", std::int64_t{1}},
              {"verified", false},
              {"sentiment_ppm", std::int64_t{-900'000}}});
  review(story, h(5), 4, "review.updated");
  EXPECT_EQ(story.findings({Kind::kStars, Kind::kSentimentBad}), (Lines{"stars unverified r:r1 5h m=3 by 1"}));
}

TEST(Voice, a_second_submission_does_nothing_even_after_a_removal) {
  Story story;
  review(review(story, h(0), 5), h(1), 1);
  EXPECT_EQ(story.findings({Kind::kStars}), (Lines{"stars verified r:r1 0h m=4 by 0"}));
  review(then(story, h(2), "review.removed"), h(3), 2);
  EXPECT_EQ(story.findings({Kind::kStars}), Lines{});
}

TEST(Voice, an_update_of_an_unknown_review_does_nothing) {
  Story story;
  review(story, h(0), 1, "review.updated");
  EXPECT_TRUE(story.fold().findings.empty());
}

TEST(Voice, a_review_that_asks_for_an_answer_waits_for_a_human) {
  Story story;
  review(story, h(0), 3).tell(h(1), "review.replied", {{"review_id", "r1"}, {"by", "auto"}});
  EXPECT_EQ(story.findings({Kind::kReviewUnanswered}), (Lines{"review_unanswered r:r1 10h by 0"}));
  EXPECT_EQ(story.intervals(CaseRule::kReviewUnanswered), (Lines{"r:r1 10h..never by 0"}));
  then(story, h(10), "review.replied");
  EXPECT_EQ(story.findings({Kind::kReviewUnanswered, Kind::kReviewAnswered}),
            (Lines{"review_answered r:r1 10h by 0 2"}));
}

TEST(Voice, good_reviews_need_no_answer) {
  Story story;
  then(review(story, h(0), 4), h(1), "review.replied");
  EXPECT_EQ(story.findings({Kind::kReviewUnanswered, Kind::kReviewAnswered}), Lines{});
}

TEST(Voice, a_removal_ends_the_wait_but_is_not_named) {
  Story story;
  then(review(story, h(0), 1), h(15), "review.removed");
  EXPECT_EQ(story.findings({Kind::kReviewUnanswered}), (Lines{"review_unanswered r:r1 10h by 0"}));
  EXPECT_EQ(story.intervals(CaseRule::kReviewUnanswered), (Lines{"r:r1 10h..15h by 0"}));
}

TEST(Voice, a_survey_counts_with_its_last_answer) {
  Story story;
  survey(survey(survey(story, h(0), "nps", 9), h(1), "csat", 5), h(2), "ces", 7);
  EXPECT_EQ(story.findings({Kind::kNps, Kind::kCsat, Kind::kCes}), (Lines{"ces s:s1 2h m=6 by 2"}));
  EXPECT_EQ(story.fold().labels.at(0).event, 2U);
}

TEST(Voice, servqual_is_the_weighted_mean_of_each_dimension) {
  Story story;
  story.tell(h(0), "survey.answered",
             {{"survey_id", "s1"},
              {"instrument", "servqual"},
              {"items", std::vector<event::Item>{{4, 7, 1}, {0, 1, 1}, {0, 4, 2}}}});
  EXPECT_EQ(story.findings({Kind::kServqualReliability, Kind::kServqualTangibles, Kind::kServqualEmpathy}),
            (Lines{"servqual_reliability s:s1 0h m=333333 by 0", "servqual_tangibles s:s1 0h m=1000000 by 0"}));
}

// ---------------------------------------------------------------------------------------------- bad voice after a
// failure

TEST(Voice, a_bad_review_without_a_failure_is_no_alert) {
  Story story;
  review(story, h(1), 1);
  EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure), Lines{});
}

TEST(Voice, a_bad_review_after_a_failure_is_an_alert_until_a_remedy) {
  Story story = failed();
  review(story, h(1), 2);
  EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure), (Lines{"r:r1 1h..never by 1"}));
  story.tell(h(3), "order.refunded", {{"order_id", "o1"}});
  EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure), (Lines{"r:r1 1h..3h by 1 2"}));
}

TEST(Voice, a_momentary_failure_is_remembered_for_a_while) {
  Story before = failed();
  EXPECT_EQ(survey(before, h(100) - 1, "nps", 6).intervals(CaseRule::kBadVoiceAfterFailure).size(), 1U);
  Story after = failed();
  EXPECT_EQ(survey(after, h(100), "nps", 6).intervals(CaseRule::kBadVoiceAfterFailure).size(), 0U);
}

TEST(Voice, a_lasting_failure_is_remembered_from_its_end) {
  for (const TimeUs at : {h(130) - 1, h(130)}) {
    Story story;
    story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(10)}});
    story.tell(h(30), "delivery.delivered", {{"order_id", "o1"}});
    EXPECT_EQ(survey(story, at, "csat", 2).intervals(CaseRule::kBadVoiceAfterFailure).size(), at < h(130) ? 1U : 0U);
  }
}

TEST(Voice, a_due_time_passed_counts_from_its_instant_on) {
  for (const TimeUs at : {h(10) - 1, h(10)}) {
    Story story;
    story.tell(h(0), "delivery.promised", {{"order_id", "o1"}, {"promise_id", "p1"}, {"due_at", h(10)}});
    EXPECT_EQ(survey(story, at, "csat", 1).intervals(CaseRule::kBadVoiceAfterFailure).size(), at < h(10) ? 0U : 1U);
  }
}

TEST(Voice, an_open_complaint_is_a_failure_and_a_question_is_none) {
  for (const char* kind : {"complaint", "question"}) {
    Story story;
    story.tell(h(0), "complaint.opened", {{"complaint_id", "c1"}, {"order_id", "o1"}, {"kind", kind}});
    review(story, h(300), 1);
    EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure).size(), kind == std::string("complaint") ? 1U : 0U);
  }
}

TEST(Voice, a_better_version_a_human_reply_or_the_removal_end_it) {
  Story better = failed();
  review(review(better, h(1), 1), h(2), 3, "review.updated");
  EXPECT_EQ(better.intervals(CaseRule::kBadVoiceAfterFailure), (Lines{"r:r1 1h..2h by 1 2"}));
  for (const char* end : {"review.replied", "review.removed"}) {
    Story story = failed();
    then(review(review(story, h(1), 1), h(2), 2, "review.updated"), h(3), end);
    EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure), (Lines{"r:r1 1h..3h by 1 3"}));
  }
}

TEST(Voice, a_better_answer_to_a_survey_ends_nothing) {
  Story story = failed();
  survey(survey(story, h(1), "nps", 0), h(2), "nps", 10);
  EXPECT_EQ(story.intervals(CaseRule::kBadVoiceAfterFailure), (Lines{"s:s1 1h..never by 1"}));
}

}  // namespace
}  // namespace troth::operators
