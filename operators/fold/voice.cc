#include "operators/fold/voice.h"

#include <algorithm>
#include <array>

#include "engine/base/assert.h"
#include "operators/fold/sentiment.h"
#include "operators/fold/stage_clock.h"

namespace troth::operators {
namespace {

bool is_bad_answer(const KeptEvent& answer, const SegmentPolicy& policy) {
  const std::string_view instrument = choice(answer, FieldId::kInstrument);
  const std::int64_t score = number(answer, FieldId::kScore);
  return (instrument == "nps" && score <= policy.bad_nps) || (instrument == "csat" && score <= policy.bad_csat);
}

constexpr std::array<Kind, 5> kServqualKinds = {Kind::kServqualReliability, Kind::kServqualResponsiveness,
                                                Kind::kServqualAssurance, Kind::kServqualEmpathy,
                                                Kind::kServqualTangibles};

/// The weighted mean of a dimension's items, 0 at the worst score and a million at the best; in order of dimensions.
void write_servqual(const CaseEvent& answer, ObjectRef object, CaseWriter& writer) {
  constexpr std::int64_t kSteps = 6;  // from score 1 to 7
  const std::vector<event::Item> items = answer.data.items(static_cast<std::uint8_t>(FieldId::kItems));
  TROTH_ASSERT(!items.empty());
  std::array<std::int64_t, kServqualKinds.size()> sums{};
  std::array<std::int64_t, kServqualKinds.size()> weights{};
  for (const event::Item& item : items) {
    sums[item.dimension] += std::int64_t{item.weight} * (item.score - 1);
    weights[item.dimension] += item.weight;
  }
  for (std::size_t i = 0; i < kServqualKinds.size(); ++i) {
    if (weights[i] == 0) continue;
    writer.finding(kServqualKinds[i], object, answer).magnitude = sums[i] * kPpm / (kSteps * weights[i]);
  }
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------
// reviews

Voice::Review* Voice::standing_review(const CaseEvent& event) {
  const auto position = review_index_.find(text(event.data, FieldId::kReviewId));
  if (!position || reviews_[*position].is_removed) return nullptr;
  return &reviews_[*position];
}

void Voice::judge_version(Review& review, const CaseEvent& version, bool failed_recently) {
  review.version_by = version.index;
  if (number(version.data, FieldId::kStars) > writer_.policy().bad_stars) {
    review.bad_voice.end(version, review.object(), writer_);
  } else if (failed_recently) {
    review.bad_voice.start(version);
  }
}

void Voice::review_submitted(const CaseEvent& event, bool failed_recently) {
  const std::string_view id = text(event.data, FieldId::kReviewId);
  if (review_index_.find(id)) return;
  review_index_.add(id);
  reviews_.push_back({.id = id, .submitted_by = event.index, .version_by = event.index});
  judge_version(reviews_.back(), event, failed_recently);
}

void Voice::review_updated(const CaseEvent& event, bool failed_recently) {
  if (Review* review = standing_review(event); review != nullptr) judge_version(*review, event, failed_recently);
}

void Voice::review_removed(const CaseEvent& event) {
  Review* review = standing_review(event);
  if (review == nullptr) return;
  review->is_removed = true;
  review->removed_at = event.time;
  review->bad_voice.end(event, review->object(), writer_);
}

void Voice::review_replied(const CaseEvent& event) {
  Review* review = standing_review(event);
  if (review == nullptr || choice_or(event.data, FieldId::kBy, "human") != "human") return;
  review->bad_voice.end(event, review->object(), writer_);
  if (review->answered_at != kNever) return;
  review->answered_at = event.time;
  review->answered_by = event.index;
}

void Voice::write_review(const Review& review) {
  writer_.label_source(review.object(), review.submitted_by);
  review.bad_voice.finish(review.object(), writer_);
  write_answer(review);
  if (review.is_removed) return;
  const CaseEvent version = writer_.event(review.version_by);
  const KeptEvent& submitted = writer_.event(review.submitted_by).data;
  Finding& stars = writer_.finding(Kind::kStars, review.object(), version);
  stars.finding_class = flag(submitted, FieldId::kVerified, true) ? "verified" : "unverified";
  stars.magnitude = number(version.data, FieldId::kStars) - 1;
  write_sentiment(version, review.object(), writer_);
}

/// The clock for an answer runs from a review that asks for one until an answer, or the removal.
void Voice::write_answer(const Review& review) {
  const CaseEvent submitted = writer_.event(review.submitted_by);
  if (number(submitted.data, FieldId::kStars) > writer_.policy().answer_stars) return;
  const bool is_answered = review.answered_at != kNever;
  const EventRefs events =
      is_answered ? EventRefs{review.submitted_by, review.answered_by} : EventRefs{review.submitted_by};
  const TimeUs stop = std::min(review.answered_at, review.removed_at);
  const HistoryEntry always{submitted.time, Status::kOpen, Priority::kNormal};
  const ClockPolicy& clock = writer_.policy().clocks[static_cast<std::size_t>(ClockId::kReviewReply)];
  const TimeUs overdue_at = read_clock(clock, {&always, 1}, submitted.time, stop).first_stage();
  if (overdue_at != kNever) {
    writer_.finding(Kind::kReviewUnanswered, review.object(), overdue_at, events);
    writer_.interval(CaseRule::kReviewUnanswered, review.object(), overdue_at, stop, events);
  } else if (is_answered) {
    writer_.finding(Kind::kReviewAnswered, review.object(), review.answered_at, events);
  }
}

// --------------------------------------------------------------------------------------------------------------
// surveys

void Voice::survey_answered(const CaseEvent& event, bool failed_recently) {
  const std::string_view id = text(event.data, FieldId::kSurveyId);
  auto position = survey_index_.find(id);
  if (!position) {
    position = survey_index_.add(id);
    surveys_.push_back({.id = id, .answered_by = event.index});
  }
  Survey& survey = surveys_[*position];
  survey.answered_by = event.index;
  if (failed_recently && is_bad_answer(event.data, writer_.policy())) survey.bad_voice.start(event);
}

void Voice::write_survey(const Survey& survey) {
  writer_.label_source(survey.object(), survey.answered_by);
  survey.bad_voice.finish(survey.object(), writer_);
  const CaseEvent answer = writer_.event(survey.answered_by);
  const std::string_view instrument = choice(answer.data, FieldId::kInstrument);
  if (instrument == "servqual") return write_servqual(answer, survey.object(), writer_);
  const std::int64_t score = number(answer.data, FieldId::kScore);
  if (instrument == "nps") writer_.finding(Kind::kNps, survey.object(), answer).magnitude = score;
  if (instrument == "csat") writer_.finding(Kind::kCsat, survey.object(), answer).magnitude = score - 1;
  if (instrument == "ces") writer_.finding(Kind::kCes, survey.object(), answer).magnitude = score - 1;
}

// -----------------------------------------------------------------------------------------------------------------
// both

void Voice::remedy(const CaseEvent& event) {
  for (Review& review : reviews_) review.bad_voice.end(event, review.object(), writer_);
  for (Survey& survey : surveys_) survey.bad_voice.end(event, survey.object(), writer_);
}

void Voice::finish() {
  for (const Review& review : reviews_) write_review(review);
  for (const Survey& survey : surveys_) write_survey(survey);
}

}  // namespace troth::operators
