// Price and terms: what was charged against what was quoted, and terms changed without consent (TRUST_MODEL: price,
// terms, facts). Pure functions of one event; they live with the fold that calls them.
#pragma once

#include "operators/fold/case_writer.h"
#include "operators/fold/faults.h"

namespace troth::operators {

void judge_charge(const CaseEvent& charged, CaseWriter& writer, Faults& faults);
void judge_terms(const CaseEvent& changed, CaseWriter& writer, Faults& faults);

}  // namespace troth::operators
