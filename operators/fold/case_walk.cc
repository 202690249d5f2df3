#include "operators/fold/case_walk.h"

#include "engine/base/assert.h"
#include "operators/fold/price.h"

namespace troth::operators {
namespace {

PromiseKind promised_kind(const KeptEvent& made) {
  const auto kind = by_name<PromiseKind>(choice(made, FieldId::kKind), kPromiseKinds);
  TROTH_ASSERT(kind.has_value());
  return *kind;
}

PromiseKind compensation_kind(const KeptEvent& e) {
  return choice(e, FieldId::kKind) == "replacement" ? PromiseKind::kReplacement : PromiseKind::kCompensation;
}

/// The event alone counts, whether or not it changed anything.
bool is_remedy(const KeptEvent& e) {
  switch (type_of(e)) {
    case Type::kOrderRefunded:
    case Type::kOrderRefundPromised:
    case Type::kOrderCancelled:
    case Type::kComplaintResolved:
    case Type::kComplaintCompensationPromised:
    case Type::kComplaintCompensationPaid: return true;
    case Type::kPromiseMade: {
      const PromiseKind kind = promised_kind(e);
      return kind == PromiseKind::kRefund || kind == PromiseKind::kCompensation || kind == PromiseKind::kReplacement ||
             kind == PromiseKind::kRepair;
    }
    default: return false;
  }
}

using ComplaintStep = void (Complaint::*)(const CaseEvent&);

/// What the event is to the complaint it names; null if nothing.
ComplaintStep complaint_step(Type type) {
  switch (type) {
    case Type::kComplaintAcknowledged: return &Complaint::acknowledged;
    case Type::kComplaintReplied: return &Complaint::replied;
    case Type::kComplaintCustomerReplied: return &Complaint::customer_replied;
    case Type::kComplaintStatusChanged: return &Complaint::status_changed;
    case Type::kComplaintPriorityChanged: return &Complaint::priority_changed;
    case Type::kComplaintReassigned: return &Complaint::reassigned;
    case Type::kComplaintResolved: return &Complaint::resolved;
    case Type::kComplaintCustomerConfirmed: return &Complaint::confirmed;
    case Type::kComplaintCustomerRejected: return &Complaint::rejected;
    case Type::kComplaintReopened: return &Complaint::reopened;
    case Type::kComplaintClosed: return &Complaint::closed;
    default: return nullptr;
  }
}

}  // namespace

void CaseWalk::take(const CaseEvent& event) {
  on_promise(event);
  on_delivery(event);
  on_complaint(event);
  on_the_rest(event);
  if (!is_remedy(event.data)) return;
  faults_.remedy(event);
  voice_.remedy(event);
}

void CaseWalk::finish() {
  promises_.finish();
  complaints_.finish();
  faults_.finish();
  voice_.finish();
  failures_.write_coupons(writer_);
}

bool CaseWalk::failed_recently(const CaseEvent& event) const {
  return complaints_.is_failing() || promises_.is_overdue(event.time) ||
         failures_.is_remembered(event.time, writer_.policy().failure_memory_us);
}

void CaseWalk::on_promise(const CaseEvent& event) {
  switch (type_of(event.data)) {
    case Type::kDeliveryPromised: return promises_.made(event, PromiseKind::kDelivery);
    case Type::kOrderRefundPromised: return promises_.made(event, PromiseKind::kRefund);
    case Type::kPromiseMade: return promises_.made(event, promised_kind(event.data));
    case Type::kComplaintCompensationPromised: return promises_.made(event, compensation_kind(event.data));
    case Type::kDeliveryRepromised: return promises_.changed(event, true);
    case Type::kPromiseChanged: return promises_.changed(event, false);
    case Type::kPromiseExcused: return promises_.promise_excused(event);
    case Type::kPromiseKept: return promises_.kept(event);
    case Type::kPromiseWithdrawn: return promises_.withdrawn(event);
    case Type::kOrderRefunded: return promises_.paid(event, PromiseKind::kRefund);
    default: return;
  }
}

void CaseWalk::on_delivery(const CaseEvent& event) {
  switch (type_of(event.data)) {
    case Type::kDeliveryNotified: return promises_.notified(event, !complaints_.empty());
    case Type::kDeliveryExcused: return promises_.delivery_excused(event);
    case Type::kDeliveryAttempted:
      writer_.finding(Kind::kAttemptFailed, writer_.case_key(), event).finding_class =
          choice(event.data, FieldId::kFault);
      return promises_.moved(event);
    case Type::kDeliveryDispatched:
    case Type::kDeliveryScanned:
    case Type::kDeliveryOutForDelivery: return promises_.moved(event);
    case Type::kDeliveryDelivered: return promises_.delivered(event);
    case Type::kDeliveryLost: promises_.lost(event); return faults_.state(Kind::kParcelLost, event);
    case Type::kDeliveryDamaged:
      promises_.spoiled(event);
      return faults_.state(Kind::kParcelDamaged, event, choice_or(event.data, FieldId::kPart, "basic"));
    case Type::kDeliveryWrongItem: promises_.spoiled(event); return faults_.state(Kind::kWrongItem, event);
    default: return;
  }
}

void CaseWalk::on_complaint(const CaseEvent& event) {
  switch (type_of(event.data)) {
    case Type::kComplaintOpened: return complaints_.opened(event);
    case Type::kComplaintCompensationPaid: return compensation_paid(event);
    case Type::kComplaintEscalatedExternal: return complaints_.escalated(event);
    case Type::kComplaintProactiveContact:
      if (complaints_.empty()) writer_.finding(Kind::kProactiveContact, writer_.case_key(), event);
      return;
    default: break;
  }
  const ComplaintStep step = complaint_step(type_of(event.data));
  if (step == nullptr) return;
  if (Complaint* complaint = complaints_.named_by(event); complaint != nullptr) (complaint->*step)(event);
}

void CaseWalk::on_the_rest(const CaseEvent& event) {
  switch (type_of(event.data)) {
    case Type::kOrderPlaced: return behaviour_.order_placed(event);
    case Type::kOrderCharged: return judge_charge(event, writer_, faults_);
    case Type::kOrderTermsChanged: return judge_terms(event, writer_, faults_);
    case Type::kOrderCancelled: promises_.order_cancelled(event); return behaviour_.order_cancelled(event);
    case Type::kOrderReturnRequested: return returned(event);
    case Type::kOrderPaymentDisputed:
      writer_.finding(Kind::kWentOutside, writer_.case_key(), event).finding_class = "chargeback";
      return;
    case Type::kReviewSubmitted: return voice_.review_submitted(event, failed_recently(event));
    case Type::kReviewUpdated: return voice_.review_updated(event, failed_recently(event));
    case Type::kReviewRemoved: return voice_.review_removed(event);
    case Type::kReviewReplied: return voice_.review_replied(event);
    case Type::kSurveyAnswered: return survey_answered(event);
    case Type::kCustomerReferred: return behaviour_.simply(Kind::kReferred, event);
    case Type::kCustomerStatusChecked: return behaviour_.status_checked(event);
    case Type::kCustomerSubscriptionCancelled: return behaviour_.simply(Kind::kSubscriptionCancelled, event);
    case Type::kCustomerAccountClosed: return behaviour_.simply(Kind::kAccountClosed, event);
    case Type::kOutreachSent: return behaviour_.outreach_sent(event);
    case Type::kCouponIssued: return failures_.add_coupon(event);
    default: return;
  }
}

void CaseWalk::returned(const CaseEvent& event) {
  const std::string_view reason = choice(event.data, FieldId::kReason);
  if (reason == "damaged" || reason == "wrong_item") promises_.spoiled(event);
  faults_.state_return(event);
  behaviour_.order_returned(event);
}

void CaseWalk::compensation_paid(const CaseEvent& event) {
  promises_.paid(event, compensation_kind(event.data));
  complaints_.compensation_paid(event);
  if (choice(event.data, FieldId::kKind) == "coupon") failures_.add_coupon(event);
}

/// A bad csat that names a complaint also says that this is not solved.
void CaseWalk::survey_answered(const CaseEvent& event) {
  voice_.survey_answered(event, failed_recently(event));
  if (choice(event.data, FieldId::kInstrument) != "csat") return;
  if (number(event.data, FieldId::kScore) > writer_.policy().bad_csat) return;
  if (Complaint* complaint = complaints_.named_by(event); complaint != nullptr) complaint->unresolved(event);
}

}  // namespace troth::operators
