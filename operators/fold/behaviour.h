// Behaviour: what the customer does (orders, cancels, returns, refers, leaves, checks up) and outreach by the shop
// (TRUST_MODEL: behaviour; checking_up). Lives for one fold.
#pragma once

#include <cstdint>

#include "operators/fold/case_writer.h"

namespace troth::operators {

class Behaviour {
 public:
  explicit Behaviour(CaseWriter& writer) : writer_(writer) {}

  /// Only the first order of the case counts.
  void order_placed(const CaseEvent& placed);
  void order_cancelled(const CaseEvent& cancelled);
  void order_returned(const CaseEvent& requested);
  void status_checked(const CaseEvent& checked);
  void outreach_sent(const CaseEvent& sent);
  /// customer.referred, .subscription_cancelled, .account_closed.
  void simply(Kind kind, const CaseEvent& event) { writer_.finding(kind, writer_.case_key(), event); }

 private:
  CaseWriter& writer_;
  bool has_order_ = false;
  std::int64_t checks_ = 0;
};

}  // namespace troth::operators
