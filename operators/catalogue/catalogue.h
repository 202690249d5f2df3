// The catalogue of events that the trust model reads: names, ranks and fields (TRUST_MODEL: catalogue). The engine's
// decoder works from it. Immutable; any thread.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include "engine/event/event.h"
#include "engine/event/kept_event.h"

namespace troth::operators {

using event::Event;
using event::KeptEvent;
using event::kNever;
using event::TimeUs;

/// Ranks, in canonical order: the rank decides between events of one instant.
enum class Type : std::uint8_t {
  kCustomerUpdated,
  kOrderPlaced,
  kDeliveryPromised,
  kOrderCharged,
  kOrderTermsChanged,
  kOrderRefundPromised,
  kDeliveryRepromised,
  kDeliveryNotified,
  kDeliveryExcused,
  kDeliveryDispatched,
  kDeliveryScanned,
  kDeliveryOutForDelivery,
  kDeliveryAttempted,
  kDeliveryDelivered,
  kDeliveryLost,
  kDeliveryDamaged,
  kDeliveryWrongItem,
  kPromiseMade,
  kPromiseChanged,
  kPromiseExcused,
  kPromiseKept,
  kPromiseWithdrawn,
  kOrderRefunded,
  kOrderCancelled,
  kOrderReturnRequested,
  kOrderPaymentDisputed,
  kComplaintOpened,
  kComplaintAcknowledged,
  kComplaintReplied,
  kComplaintCustomerReplied,
  kComplaintStatusChanged,
  kComplaintPriorityChanged,
  kComplaintReassigned,
  kComplaintCompensationPromised,
  kComplaintCompensationPaid,
  kComplaintResolved,
  kComplaintCustomerConfirmed,
  kComplaintCustomerRejected,
  kComplaintReopened,
  kComplaintClosed,
  kComplaintEscalatedExternal,
  kComplaintProactiveContact,
  kReviewSubmitted,
  kReviewUpdated,
  kReviewRemoved,
  kReviewReplied,
  kSurveyAnswered,
  kCustomerReferred,
  kCustomerStatusChecked,
  kCustomerSubscriptionCancelled,
  kCustomerAccountClosed,
  kOutreachSent,
  kCouponIssued,
  kAlertActed,
  kCustomerErased,
};
inline constexpr std::size_t kTypeCount = 55;

/// An event as it arrives or as it is kept.
template <typename E>
concept AnyEvent = std::same_as<E, Event> || std::same_as<E, KeptEvent>;

[[nodiscard]] inline Type type_of(const AnyEvent auto& event) { return static_cast<Type>(event.rank()); }

/// Fields of `data`, one id per name.
enum class FieldId : std::uint8_t {
  kSegment,
  kLtvMinor,
  kOrderId,
  kTotalMinor,
  kDiscountMinor,
  kDiscountPurpose,
  kCaptive,
  kNewCategory,
  kPremium,
  kPromiseId,
  kDueAt,
  kDueDate,
  kDueZone,
  kExpress,
  kAmountMinor,
  kQuotedMinor,
  kConsented,
  kAdverse,
  kNotified,
  kByCustomer,
  kKind,
  kOptionOffered,
  kCause,
  kFault,
  kQtyDelivered,
  kQtyPromised,
  kPart,
  kComplaintId,
  kBy,
  kReason,
  kCategory,
  kPriority,
  kLossMinor,
  kPublic,
  kApology,
  kReasonGiven,
  kPersonalised,
  kSentimentPpm,
  kConfidencePpm,
  kStatus,
  kChannelSwitch,
  kBody,
  kReviewId,
  kStars,
  kVerified,
  kSurveyId,
  kInstrument,
  kScore,
  kItems,
  kAlertId,
  kAction,
  kActor,
  kAssignee,
  kUntil,
  kNoteCode,
};

/// Typed access. A field's default (parentheses in the catalogue) is applied by whoever reads it, through `otherwise`:
/// normalised data holds only what was said.
[[nodiscard]] inline bool has(const AnyEvent auto& e, FieldId f) { return e.has(static_cast<std::uint8_t>(f)); }
[[nodiscard]] inline std::int64_t number(const AnyEvent auto& e, FieldId f, std::int64_t otherwise = 0) {
  return e.number(static_cast<std::uint8_t>(f), otherwise);
}
[[nodiscard]] inline bool flag(const AnyEvent auto& e, FieldId f, bool otherwise = false) {
  return number(e, f, otherwise ? 1 : 0) != 0;
}
[[nodiscard]] inline std::string_view text(const AnyEvent auto& e, FieldId f) {
  return e.text(static_cast<std::uint8_t>(f));
}
/// The word of a one-of field, as the catalogue writes it; empty if absent.
[[nodiscard]] std::string_view choice(const Event& e, FieldId f);
[[nodiscard]] std::string_view choice(const KeptEvent& e, FieldId f);

[[nodiscard]] const event::Catalogue& catalogue();

}  // namespace troth::operators
