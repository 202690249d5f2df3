// Evidence: what the policy makes of findings (TRUST_MODEL: evidence). Turns the findings of one case that are true at
// t into items: amounts on dimensions, with cap, recovery and loss factor applied. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "operators/fold/case_fold.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// One amount of evidence. x in µe: > 0 a gain, < 0 a loss (after its loss factor); never 0; |x| < 2^24.
struct EvidenceItem {
  TimeUs stamp = 0;
  std::int32_t amount = 0;
  Dimension dimension{};
  std::uint32_t finding = 0;  // index into the case's findings
};

/// Items of the findings with stamp ≤ t (`findings` in the fold's order), in that order, rows in policy order.
/// `policy` is the case's segment's.
[[nodiscard]] std::vector<EvidenceItem> evidence_at(std::span<const Finding> findings, TimeUs t,
                                                    const SegmentPolicy& policy);
/// The same into a list that is empty.
void evidence_at(std::span<const Finding> findings, TimeUs t, const SegmentPolicy& policy,
                 std::vector<EvidenceItem>& items);

}  // namespace troth::operators
