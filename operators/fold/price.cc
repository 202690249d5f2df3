#include "operators/fold/price.h"

#include "operators/fold/arithmetic.h"

namespace troth::operators {

void judge_charge(const CaseEvent& charged, CaseWriter& writer, Faults& faults) {
  const std::int64_t amount = number(charged.data, FieldId::kAmountMinor);
  const std::int64_t quoted = number(charged.data, FieldId::kQuotedMinor);
  if (product_at_most(amount, kPpm, quoted, kPpm + writer.policy().price_tolerance)) {
    writer.finding(Kind::kPriceKept, writer.case_key(), charged);
    return;
  }
  if (flag(charged.data, FieldId::kConsented)) return;
  const std::int64_t excess = quoted == 0 ? kPpm : share_ppm(amount - quoted, quoted);
  writer.finding(Kind::kHiddenFee, writer.case_key(), charged).magnitude = excess;
  faults.price_failed(charged);
}

void judge_terms(const CaseEvent& changed, CaseWriter& writer, Faults& faults) {
  if (flag(changed.data, FieldId::kConsented)) return;
  if (!flag(changed.data, FieldId::kAdverse)) {
    writer.finding(Kind::kTermsImproved, writer.case_key(), changed);
    return;
  }
  writer.finding(Kind::kTermsWorsened, writer.case_key(), changed);
  faults.price_failed(changed);
}

}  // namespace troth::operators
