// Faults: the facts of a case (a parcel lost, damaged or wrong, a defect, a misrepresentation, rudeness), each
// established once, and the alerts ORDER_FAULT and PRICE_FAULT that stand until a remedy (TRUST_MODEL: price, terms,
// facts). Lives for one fold.
#pragma once

#include <cstdint>
#include <string_view>

#include "operators/fold/case_writer.h"
#include "operators/fold/failures.h"
#include "operators/fold/standing.h"

namespace troth::operators {

class Faults {
 public:
  Faults(CaseWriter& writer, Failures& failures) : writer_(writer), failures_(failures) {}

  /// The event states a fact: a finding the first time, a momentary failure and an alert each time. `kind` is one of
  /// the six facts; `part` its class, if it has one.
  void state(Kind fact, const CaseEvent& by, std::string_view part = {});
  /// What an order.return_requested states.
  void state_return(const CaseEvent& requested);
  /// What a complaint that is no question states by its category.
  void state_complaint(const CaseEvent& opened);

  /// Something else that is wrong with the order (not_in_full) or its price (hidden_fee, terms_worsened).
  void order_failed(const CaseEvent& by);
  void price_failed(const CaseEvent& by);

  void remedy(const CaseEvent& by);
  void finish();

 private:
  CaseWriter& writer_;
  Failures& failures_;
  Standing order_fault_{CaseRule::kOrderFault};
  Standing price_fault_{CaseRule::kPriceFault};
  std::uint64_t established_ = 0;  // bit per kind up to 63
};

}  // namespace troth::operators
