#include "operators/catalogue/kinds.h"

#include <array>
#include <cstddef>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kFindingNames = {
    "promise_kept"sv,         "repromise_kept"sv,       "repromised_early"sv,        "repromised_late"sv,
    "promise_silent"sv,       "promise_late"sv,         "repromise_late"sv,          "promise_missing"sv,
    "promise_withdrawn"sv,    "order_withdrawn"sv,      "not_in_full"sv,             "parcel_lost"sv,
    "parcel_damaged"sv,       "wrong_item"sv,           "attempt_failed"sv,          "proactive_contact"sv,
    "checking_up"sv,          "price_kept"sv,           "hidden_fee"sv,              "terms_worsened"sv,
    "terms_improved"sv,       "misrepresented"sv,       "quality_defect"sv,          "complaint_opened"sv,
    "rudeness"sv,             "repeat_complaint"sv,     "acknowledged_on_time"sv,    "acknowledge_overdue"sv,
    "first_reply_on_time"sv,  "first_reply_overdue"sv,  "next_reply_on_time"sv,      "next_reply_overdue"sv,
    "update_overdue"sv,       "complaint_ignored"sv,    "resolved_on_time"sv,        "first_contact_fix"sv,
    "resolution_overdue"sv,   "resolution_rejected"sv,  "reopened"sv,                "closed_unresolved"sv,
    "effort"sv,               "apology"sv,              "reason_given"sv,            "personal_care"sv,
    "compensated"sv,          "went_outside"sv,         "coupon_instead_of_fix"sv,   "stars"sv,
    "nps"sv,                  "csat"sv,                 "ces"sv,                     "servqual_reliability"sv,
    "servqual_responsiveness"sv, "servqual_assurance"sv, "servqual_empathy"sv,       "servqual_tangibles"sv,
    "sentiment_good"sv,       "sentiment_bad"sv,        "review_answered"sv,         "review_unanswered"sv,
    "order_placed"sv,         "premium_paid"sv,         "new_category"sv,            "order_cancelled"sv,
    "order_returned"sv,       "referred"sv,             "account_closed"sv,          "subscription_cancelled"sv,
    "outreach"sv,             "kept_late"sv,
};
static_assert(kFindingNames.size() == kFindingKinds);
static_assert(kFindingNames[static_cast<std::size_t>(Kind::kStars)] == "stars");
static_assert(kFindingNames[static_cast<std::size_t>(Kind::kKeptLate)] == "kept_late");

constexpr std::array kDimensionNames = {"R"sv, "S"sv, "H"sv, "C"sv, "E"sv, "K"sv, "V"sv, "B"sv};
static_assert(kDimensionNames.size() == kDimensions);

constexpr std::array kPromiseKindNames = {"delivery"sv, "refund"sv, "compensation"sv, "replacement"sv,
                                          "warranty"sv, "repair"sv, "callback"sv,     "update"sv};
static_assert(kPromiseKindNames.size() == kPromiseKinds);

constexpr std::array kClockNames = {"acknowledge"sv, "first_reply"sv, "next_reply"sv, "ignored"sv,
                                    "update"sv,      "resolution"sv,  "wait"sv,       "review_reply"sv};
static_assert(kClockNames.size() == kClocks);

constexpr std::array kStatusNames = {"new"sv,     "open"sv,     "awaiting_customer"sv, "awaiting_third_party"sv,
                                     "on_hold"sv, "resolved"sv, "closed"sv};
static_assert(kStatusNames.size() == kStatusCount);

constexpr std::array kPriorityNames = {"low"sv, "normal"sv, "high"sv, "urgent"sv};
static_assert(kPriorityNames.size() == kPriorityCount);

constexpr std::array kTierNames = {"broken"sv, "eroding"sv, "watch"sv, "trusting"sv, "devoted"sv};
static_assert(kTierNames.size() == kTierCount);

constexpr std::array kCaseRuleNames = {
    "ACKNOWLEDGE_OVERDUE"sv, "BAD_VOICE_AFTER_FAILURE"sv, "CLOSED_UNRESOLVED"sv, "COMPLAINT_IGNORED"sv,
    "COMPLAINT_REOPENED"sv,  "COMPLAINT_REPEATED"sv,      "ORDER_FAULT"sv,       "PRICE_FAULT"sv,
    "PROMISE_AT_RISK"sv,     "PROMISE_BROKEN"sv,          "REPLY_DUE_SOON"sv,    "REPLY_OVERDUE"sv,
    "RESOLUTION_OVERDUE"sv,  "REVIEW_UNANSWERED"sv,       "UPDATE_OVERDUE"sv,
};
static_assert(kCaseRuleNames.size() == kCaseRules);

constexpr std::array kCustomerRuleNames = {"PROMISE_REPEAT"sv,        "EROSION_FAST"sv,    "EROSION_SLOW"sv,    "TIER_DROP"sv,
                                           "SATISFIED_BUT_LEAVING"sv, "BRIBERY_PATTERN"sv, "COMPLAINT_SERIES"sv};
static_assert(kCustomerRuleNames.size() == kCustomerRules);

template <std::size_t kCount, typename Enum>
std::string_view name_in(const std::array<std::string_view, kCount>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  TROTH_ASSERT(index < kCount);
  return names[index];
}

}  // namespace

std::string_view name_of(Kind kind) { return name_in(kFindingNames, kind); }
std::string_view name_of(Dimension dimension) { return name_in(kDimensionNames, dimension); }
std::string_view name_of(PromiseKind kind) { return name_in(kPromiseKindNames, kind); }
std::string_view name_of(ClockId clock) { return name_in(kClockNames, clock); }
std::string_view name_of(Status status) { return name_in(kStatusNames, status); }
std::string_view name_of(Priority priority) { return name_in(kPriorityNames, priority); }
std::string_view name_of(Tier tier) { return name_in(kTierNames, tier); }
std::string_view name_of(CaseRule rule) { return name_in(kCaseRuleNames, rule); }
std::string_view name_of(CustomerRule rule) { return name_in(kCustomerRuleNames, rule); }

}  // namespace troth::operators
