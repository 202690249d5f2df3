#include "operators/fold/behaviour.h"

#include <algorithm>

#include "operators/fold/arithmetic.h"

namespace troth::operators {
namespace {

/// What share of its worth an order was given away, in ppm. Clearing old stock takes nothing from an order's worth.
std::int64_t discount_share(const KeptEvent& placed, const SegmentPolicy& policy) {
  const std::int64_t discount = number(placed, FieldId::kDiscountMinor);
  const std::int64_t worth = number(placed, FieldId::kTotalMinor) + discount;
  const std::string_view purpose = choice_or(placed, FieldId::kDiscountPurpose, "other");
  const auto& neutral = policy.neutral_discounts;
  if (worth == 0 || std::find(neutral.begin(), neutral.end(), purpose) != neutral.end()) return 0;
  return share_ppm(discount, worth);
}

}  // namespace

void Behaviour::order_placed(const CaseEvent& placed) {
  if (has_order_) return;
  has_order_ = true;
  writer_.order_event(placed.index);
  Finding& order = writer_.finding(Kind::kOrderPlaced, writer_.case_key(), placed);
  order.finding_class = flag(placed.data, FieldId::kCaptive) ? "captive" : "free";
  order.magnitude = discount_share(placed.data, writer_.policy());
  if (flag(placed.data, FieldId::kPremium)) simply(Kind::kPremiumPaid, placed);
  if (flag(placed.data, FieldId::kNewCategory)) simply(Kind::kNewCategory, placed);
}

void Behaviour::order_cancelled(const CaseEvent& cancelled) {
  const std::string_view reason = choice(cancelled.data, FieldId::kReason);
  if (choice(cancelled.data, FieldId::kBy) == "customer") {
    writer_.finding(Kind::kOrderCancelled, writer_.case_key(), cancelled).finding_class = reason;
  } else if (reason != "fraud") {
    writer_.finding(Kind::kOrderWithdrawn, writer_.case_key(), cancelled);
  }
}

void Behaviour::order_returned(const CaseEvent& requested) {
  const std::string_view reason = choice(requested.data, FieldId::kReason);
  writer_.finding(Kind::kOrderReturned, writer_.case_key(), requested).finding_class = reason;
}

void Behaviour::status_checked(const CaseEvent& checked) {
  if (++checks_ > writer_.policy().free_checks) simply(Kind::kCheckingUp, checked);
}

void Behaviour::outreach_sent(const CaseEvent& sent) {
  if (choice_or(sent.data, FieldId::kKind, "other") == "other") return;
  if (has(sent.data, FieldId::kOrderId) || has(sent.data, FieldId::kComplaintId)) simply(Kind::kOutreach, sent);
}

}  // namespace troth::operators
