// Customer rules: alerts on a customer as a whole (TRUST_MODEL: customer rules). They have no memory: active at t or
// not, read from the findings and evidence in a window, the score, and the score as it was before the window. Pure; the
// customer's task's thread.
#pragma once

#include <string>
#include <vector>

#include "operators/customer/customer.h"
#include "operators/score/score.h"

namespace troth::operators {

struct CustomerAlert {
  CustomerRule rule{};
  TimeUs since = 0;
  std::vector<std::string> events;
};

/// Those active at t, in the order of the rules. `customer` is evaluated at t, `score` is its score then, `policy` its
/// segment's then.
[[nodiscard]] std::vector<CustomerAlert> customer_alerts(const Customer& customer, const Score& score, TimeUs t,
                                                         const SegmentPolicy& policy);

/// The instant at which silence reaches the rule's bound, whatever the voice says; kNever if the rule does not exist or
/// there is no rhythm (SATISFIED_BUT_LEAVING).
[[nodiscard]] TimeUs leaving_since(const Orders& orders, const Rhythm& rhythm, const SegmentPolicy& policy);

}  // namespace troth::operators
