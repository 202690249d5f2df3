// The closed lists of the trust model: kinds of findings, dimensions, rules, clocks, states. Each has a fixed order that
// outputs depend on, and a text form that is part of the output format. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace troth::operators {

/// Findings, by the number that orders them.
enum class Kind : std::uint8_t {
  kPromiseKept, kRepromiseKept, kRepromisedEarly, kRepromisedLate, kPromiseSilent, kPromiseLate, kRepromiseLate,
  kPromiseMissing, kPromiseWithdrawn, kOrderWithdrawn, kNotInFull, kParcelLost, kParcelDamaged, kWrongItem,
  kAttemptFailed, kProactiveContact, kCheckingUp, kPriceKept, kHiddenFee, kTermsWorsened, kTermsImproved,
  kMisrepresented, kQualityDefect, kComplaintOpened, kRudeness, kRepeatComplaint, kAcknowledgedOnTime,
  kAcknowledgeOverdue, kFirstReplyOnTime, kFirstReplyOverdue, kNextReplyOnTime, kNextReplyOverdue, kUpdateOverdue,
  kComplaintIgnored, kResolvedOnTime, kFirstContactFix, kResolutionOverdue, kResolutionRejected, kReopened,
  kClosedUnresolved, kEffort, kApology, kReasonGiven, kPersonalCare, kCompensated, kWentOutside,
  kCouponInsteadOfFix, kStars, kNps, kCsat, kCes, kServqualReliability, kServqualResponsiveness, kServqualAssurance,
  kServqualEmpathy, kServqualTangibles, kSentimentGood, kSentimentBad, kReviewAnswered, kReviewUnanswered,
  kOrderPlaced, kPremiumPaid, kNewCategory, kOrderCancelled, kOrderReturned, kReferred, kAccountClosed,
  kSubscriptionCancelled, kOutreach, kKeptLate,
};
inline constexpr std::size_t kFindingKinds = 70;

/// Reliability, responsiveness, honesty, competence, empathy, consistency (cognitive layer); voice (emotional);
/// behaviour (behavioural). This order everywhere.
enum class Dimension : std::uint8_t { R, S, H, C, E, K, V, B };
inline constexpr std::size_t kDimensions = 8;

enum class PromiseKind : std::uint8_t {
  kDelivery, kRefund, kCompensation, kReplacement, kWarranty, kRepair, kCallback, kUpdate,
};
inline constexpr std::size_t kPromiseKinds = 8;

enum class ClockId : std::uint8_t {
  kAcknowledge, kFirstReply, kNextReply, kIgnored, kUpdate, kResolution, kWait, kReviewReply,
};
inline constexpr std::size_t kClocks = 8;

enum class Status : std::uint8_t { kNew, kOpen, kAwaitingCustomer, kAwaitingThirdParty, kOnHold, kResolved, kClosed };
inline constexpr std::size_t kStatusCount = 7;
enum class Priority : std::uint8_t { kLow, kNormal, kHigh, kUrgent };
inline constexpr std::size_t kPriorityCount = 4;

enum class Tier : std::uint8_t { kBroken, kEroding, kWatch, kTrusting, kDevoted };  // ascending trust
inline constexpr std::size_t kTierCount = 5;

/// Case rules in byte order of their names, customer rules in the order of the model.
enum class CaseRule : std::uint8_t {
  kAcknowledgeOverdue, kBadVoiceAfterFailure, kClosedUnresolved, kComplaintIgnored, kComplaintReopened,
  kComplaintRepeated, kOrderFault, kPriceFault, kPromiseAtRisk, kPromiseBroken, kReplyDueSoon, kReplyOverdue,
  kResolutionOverdue, kReviewUnanswered, kUpdateOverdue,
};
inline constexpr std::size_t kCaseRules = 15;
enum class CustomerRule : std::uint8_t {
  kPromiseRepeat, kErosionFast, kErosionSlow, kTierDrop, kSatisfiedButLeaving, kBriberyPattern, kComplaintSeries,
};
inline constexpr std::size_t kCustomerRules = 7;

[[nodiscard]] std::string_view name_of(Kind kind);            // promise_kept …
[[nodiscard]] std::string_view name_of(Dimension dimension);  // R …
[[nodiscard]] std::string_view name_of(PromiseKind kind);     // delivery …
[[nodiscard]] std::string_view name_of(ClockId clock);        // acknowledge …
[[nodiscard]] std::string_view name_of(Status status);        // new …
[[nodiscard]] std::string_view name_of(Priority priority);    // low …
[[nodiscard]] std::string_view name_of(Tier tier);            // broken …
[[nodiscard]] std::string_view name_of(CaseRule rule);        // ACKNOWLEDGE_OVERDUE …
[[nodiscard]] std::string_view name_of(CustomerRule rule);    // PROMISE_REPEAT …

/// All names of an enumeration, in its order.
template <typename Enum, std::size_t kCount>
[[nodiscard]] std::array<std::string_view, kCount> names_of() {
  std::array<std::string_view, kCount> names;
  for (std::size_t i = 0; i < kCount; ++i) names[i] = name_of(static_cast<Enum>(i));
  return names;
}

/// The inverse, for reading policies; nothing if there is no such name.
template <typename Enum>
[[nodiscard]] std::optional<Enum> by_name(std::string_view name, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace troth::operators
