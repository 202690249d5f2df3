// Explanation: rows whose micro-points sum exactly to the score (TRUST_MODEL: explanation). Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "operators/evidence/evidence.h"
#include "operators/score/score.h"

namespace troth::operators {

/// The evidence of one unsealed case at t, as the explanation reads it.
struct ExplainedCase {
  std::string case_key;                     // "o:123"
  TimeUs first_event = 0;                   // orders two cases of one key
  std::span<const KeptEvent* const> events;
  std::span<const Finding> findings;
  std::span<const EvidenceItem> items;      // at t
};

struct ExplanationRow {
  std::string kind;                  // base, a finding's kind, older_history, rhythm
  std::int64_t points = 0;
  std::string dimension;             // rows only
  std::string case_key, object;      // empty for base, rhythm, older_history
  std::vector<std::string> events;   // event names, each once
};

/// `cases` by (case key, first event); `totals` the accumulator of everything, sealed cases included; `score` at the
/// same t. Asserts that the points sum to the score.
[[nodiscard]] std::vector<ExplanationRow> explain(std::span<const ExplainedCase> cases, const Accumulator& totals,
                                                  const Score& score, TimeUs t, const GlobalPolicy& global,
                                                  const ScorePolicy& policy);

/// distribute(v over z, target): integer parts and the largest remainders (ties: earlier row).
[[nodiscard]] std::vector<std::int64_t> distribute(std::span<const Int128> v, Int128 z, std::int64_t target);

}  // namespace troth::operators
