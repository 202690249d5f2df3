#include "operators/counters.h"

#include <array>
#include <string>
#include <vector>

namespace troth::operators::counters {
namespace {

constexpr std::array<std::string_view, kSentStates> kStateNames{"firing", "resolved", "expired", "retracted"};
constexpr std::array<std::string_view, kLevels> kLevelNames{"info", "warning", "critical", "page"};

std::vector<task::CounterSpec> make_specs() {
  std::vector<task::CounterSpec> specs(kCount);
  specs[kCustomers] = {"troth_model_customers", "Customers with accepted events, the erased apart.", {}, true};
  specs[kPromisesKept] = {"troth_model_promises_kept", "Promises that are found kept.", {}, true};
  specs[kPromisesBroken] = {
      "troth_model_promises_broken", "Promises that were broken at their first due date.", {}, true};
  for (std::size_t tier = 0; tier < 5; ++tier) {
    specs[kTiers + tier] = {"troth_model_customers_by_tier",
                            "Customers by tier of trust.",
                            {{"tier", std::string(name_of(static_cast<Tier>(tier)))}},
                            true};
  }
  for (std::size_t rule = 0; rule < kRules; ++rule) {
    const std::string name(rule_name(rule));
    for (std::size_t state = 0; state < kSentStates; ++state) {
      specs[kAlerts + rule * kSentStates + state] = {"troth_model_alerts",
                                                     "Alerts by rule and how they stand.",
                                                     {{"rule", name}, {"state", std::string(kStateNames[state])}},
                                                     true};
    }
    for (std::size_t level = 0; level < kLevels; ++level) {
      specs[kFiring + rule * kLevels + level] = {"troth_model_alerts_firing",
                                                 "Alerts firing now, by rule and level.",
                                                 {{"level", std::string(kLevelNames[level])}, {"rule", name}},
                                                 true};
    }
    specs[kRetractions + rule] = {"troth_model_retractions_total",
                                  "Alerts taken back because they never held, by rule.",
                                  {{"rule", name}},
                                  false};
  }
  for (std::size_t kind = 0; kind < kFindingKinds; ++kind) {
    specs[kLosses + kind] = {"troth_model_loss_microevidence",
                             "Evidence of loss, undecayed, in millionths of a kept promise, by kind of finding.",
                             {{"kind", std::string(name_of(static_cast<Kind>(kind)))}},
                             true};
  }
  return specs;
}

}  // namespace

std::string_view rule_name(std::size_t rule) {
  return rule < kCaseRules ? name_of(static_cast<CaseRule>(rule))
                           : name_of(static_cast<CustomerRule>(rule - kCaseRules));
}

std::span<const task::CounterSpec> specs() {
  static const std::vector<task::CounterSpec> kSpecs = make_specs();
  return kSpecs;
}

}  // namespace troth::operators::counters
