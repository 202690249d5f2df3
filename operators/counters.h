// Counters: what the trust model counts for metrics and summaries, by fixed labels (rules, states, levels, tiers,
// kinds). The engine sums and stores them per partition. Constants; any thread.
#pragma once

#include <span>
#include <string_view>

#include "engine/task/model.h"
#include "operators/trust_state.h"

namespace troth::operators::counters {

inline constexpr std::size_t kRules = kCaseRules + kCustomerRules;
inline constexpr std::size_t kLevels = 4;

/// Rules of both sorts in one numbering: case rules first.
[[nodiscard]] constexpr std::size_t rule_index(CaseRule rule) { return static_cast<std::size_t>(rule); }
[[nodiscard]] constexpr std::size_t rule_index(CustomerRule rule) {
  return kCaseRules + static_cast<std::size_t>(rule);
}
[[nodiscard]] std::string_view rule_name(std::size_t rule);

// Positions in the list.
inline constexpr std::size_t kCustomers = 0;  // known customers, the erased apart
inline constexpr std::size_t kPromisesKept = 1;
inline constexpr std::size_t kPromisesBroken = 2;
inline constexpr std::size_t kTiers = 3;                                 // customers by tier, 5
inline constexpr std::size_t kAlerts = kTiers + 5;                       // alerts by rule and how they stand, 22 × 4
inline constexpr std::size_t kFiring = kAlerts + kRules * kSentStates;   // firing alerts by rule and level, 22 × 4
inline constexpr std::size_t kRetractions = kFiring + kRules * kLevels;  // retractions ever sent, by rule, 22
inline constexpr std::size_t kLosses = kRetractions + kRules;  // µe of loss ever counted, by kind of finding, 70
inline constexpr std::size_t kCount = kLosses + kFindingKinds;

[[nodiscard]] constexpr std::size_t alerts(std::size_t rule, SentState state) {
  return kAlerts + rule * kSentStates + static_cast<std::size_t>(state);
}
[[nodiscard]] constexpr std::size_t firing(std::size_t rule, std::uint8_t level) {
  return kFiring + rule * kLevels + level;
}

[[nodiscard]] std::span<const task::CounterSpec> specs();

}  // namespace troth::operators::counters
