// Voice: what customers say: reviews with their versions, answers and removal, and surveys; and the alerts for a bad
// voice after a failure and a review without answer (TRUST_MODEL: voice). Lives for one fold.
#pragma once

#include <string_view>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/id_index.h"
#include "operators/fold/standing.h"

namespace troth::operators {

class Voice {
 public:
  explicit Voice(CaseWriter& writer)
      : writer_(writer),
        review_index_(writer.memory()),
        survey_index_(writer.memory()),
        reviews_(writer.memory()),
        surveys_(writer.memory()) {}

  // `failed_recently`: whether the case did so by this event.
  void review_submitted(const CaseEvent& event, bool failed_recently);
  void review_updated(const CaseEvent& event, bool failed_recently);
  void review_removed(const CaseEvent& event);
  void review_replied(const CaseEvent& event);
  void survey_answered(const CaseEvent& event, bool failed_recently);

  void remedy(const CaseEvent& event);
  void finish();

 private:
  struct Review {
    std::string_view id;
    std::uint32_t submitted_by;
    std::uint32_t version_by;  // the latest version
    bool is_removed = false;
    TimeUs removed_at = kNever;
    TimeUs answered_at = kNever;  // by a human, before any removal
    std::uint32_t answered_by = 0;
    Standing bad_voice{CaseRule::kBadVoiceAfterFailure};

    [[nodiscard]] ObjectRef object() const { return {'r', id}; }
  };
  struct Survey {
    std::string_view id;
    std::uint32_t answered_by;  // the last answer
    Standing bad_voice{CaseRule::kBadVoiceAfterFailure};

    [[nodiscard]] ObjectRef object() const { return {'s', id}; }
  };

  /// The review that an event names; null if it is unknown or removed by then.
  [[nodiscard]] Review* standing_review(const CaseEvent& event);
  void judge_version(Review& review, const CaseEvent& version, bool failed_recently);
  void write_review(const Review& review);
  void write_answer(const Review& review);
  void write_survey(const Survey& survey);

  CaseWriter& writer_;
  IdIndex review_index_;
  IdIndex survey_index_;
  std::pmr::vector<Review> reviews_;
  std::pmr::vector<Survey> surveys_;
};

}  // namespace troth::operators
