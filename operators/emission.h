// Emission: compares how a customer stands at a check with what was said last, and says what changed: scores, promises,
// alerts with their life (firing, updated, resolved, expired, retracted), null values for what was sealed (TRUST_MODEL:
// emission, streamed records). Pure but for the memory it keeps in the state; the customer's task's thread.
#pragma once

#include "engine/task/model.h"
#include "operators/record/view.h"
#include "operators/trust_state.h"

namespace troth::operators {

/// Output streams, by index.
enum class Stream : std::uint8_t { kScores, kAlerts, kPromises };

/// Keys of output records: the customer, behind its tenant unless that is `default`.
[[nodiscard]] std::string customer_key(std::string_view tenant, std::string_view customer);

/// Says what changed. `view` is at the customer's last check ≤ τ; intervals younger than their hold at τ wait. Answers
/// when the first of those that wait is due (kNever: none waits).
[[nodiscard]] TimeUs emit_changes(TrustState& state, const View& view, TimeUs tau, task::Effects& effects);

/// Alerts whose case key is gone stand where their object was named last. Before anything is sealed or compared.
void rehome_alerts(TrustState& state, Customer& shown);

/// A case is about to be sealed: what was sent of it leaves the topics.
void emit_seal(TrustState& state, const Case& one, task::Effects& effects);

/// Null values for everything ever sent of a customer that is erased; what it was counted in is taken back.
void emit_erasure(TrustState& state, task::Effects& effects);

}  // namespace troth::operators
