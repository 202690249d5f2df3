// Checks: the instants at which something about a customer changes of itself (TRUST_MODEL: checks). Between two checks
// nothing changes but decayed numbers and what rests on them; what is streamed is the state at the last check. Pure.
#pragma once

#include <functional>

#include "operators/customer/customer.h"
#include "operators/score/score.h"

namespace troth::operators {

/// The least instant > t at which something changes; kNever if there is none. `customer` is evaluated at t.
[[nodiscard]] TimeUs next_change_at(const Customer& customer, const Rhythm& rhythm, bool rule_is_active, TimeUs t,
                                    const SegmentPolicy& policy);

/// The last check ≤ t that is no midnight: the latest event or whatever comes due after it. All held events are ≤ t and
/// the customer is known and folded.
[[nodiscard]] TimeUs last_check_but_midnights(const Customer& customer, TimeUs t);

/// The next 00:00 UTC after t.
[[nodiscard]] TimeUs next_midnight(TimeUs t);

}  // namespace troth::operators
