#include "operators/alert/case_alerts.h"

#include <algorithm>

#include "engine/base/hash.h"

namespace troth::operators {
namespace {

constexpr char kUnitSeparator = '\x1f';
// 6f1d2c1e-5b7a-5c0e-9d43-7e0c1a2b3c4d: the name space of alert ids, fixed by the model.
constexpr std::array<std::uint8_t, 16> kAlertNamespace{0x6f, 0x1d, 0x2c, 0x1e, 0x5b, 0x7a, 0x5c, 0x0e,
                                                       0x9d, 0x43, 0x7e, 0x0c, 0x1a, 0x2b, 0x3c, 0x4d};

/// How many `escalate` entries are ≤ the index of the last stage reached at t.
std::int64_t escalations(const Interval& interval, TimeUs t, const CaseRulePolicy& rule) {
  const auto reached = std::upper_bound(interval.stages.begin(), interval.stages.end(), t) - interval.stages.begin();
  return std::count_if(rule.escalate.begin(), rule.escalate.end(), [&](std::int64_t stage) { return stage < reached; });
}

}  // namespace

std::string alert_id(std::string_view tenant, std::string_view rule, std::string_view customer,
                     std::string_view object) {
  std::string name(tenant);
  for (const std::string_view part : {rule, customer, object}) {
    name += kUnitSeparator;
    name += part;
  }
  return base::uuid_v5(kAlertNamespace, name);
}

SeverityContext severity_context(const Customer& customer, const Score& score, const SegmentPolicy& policy) {
  return {&policy, customer.ltv_minor() >= policy.high_value_minor, score.tier <= policy.low_tier};
}

std::int64_t severity_of(const Case& one, const Interval& interval, TimeUs t, const SeverityContext& context) {
  const auto index = static_cast<std::size_t>(interval.rule);
  // Severity is the customer's segment's affair; a rule that it does not have is the case's.
  const CaseRulePolicy& of_customer = context.policy->case_rules[index];
  const CaseRulePolicy& rule = of_customer.exists ? of_customer : one.policy->case_rules[index];
  std::int64_t severity = rule.base + escalations(interval, t, rule) + context.increments();
  if (interval.rule == CaseRule::kPromiseBroken) {
    if (interval.told_at > t) ++severity;
    if (interval.excused) --severity;
  }
  return std::max<std::int64_t>(severity, 0);
}

std::int64_t severity_of(CustomerRule rule, const SeverityContext& context) {
  const std::int64_t base = context.policy->customer_rules[static_cast<std::size_t>(rule)].base;
  return std::max<std::int64_t>(base + context.increments(), 0);
}

std::string_view level_of(std::int64_t severity, const SegmentPolicy& policy) {
  if (severity >= policy.levels[2]) return "page";
  if (severity >= policy.levels[1]) return "critical";
  if (severity >= policy.levels[0]) return "warning";
  return "info";
}

Labels alert_labels(const Case& one, const ObjectRef& object) {
  Labels labels;
  const auto overlay = [&](const KeptEvent& event) {
    for (const auto& [key, value] : event.labels()) {
      const auto at = std::lower_bound(labels.begin(), labels.end(), key,
                                       [](const auto& label, std::string_view other) { return label.first < other; });
      if (at != labels.end() && at->first == key) {
        at->second = value;
      } else {
        labels.insert(at, {key, value});
      }
    }
  };
  if (one.fold.order_event >= 0) overlay(*one.events[static_cast<std::size_t>(one.fold.order_event)]);
  for (const LabelSource& source : one.fold.labels) {
    if (source.object == object) overlay(*one.events[source.event]);
  }
  return labels;
}

const KeptEvent* last_action(const Customer& customer, std::string_view id, TimeUs from, TimeUs to) {
  const KeptEvent* last = nullptr;
  for (const auto& held : customer.actions()) {
    const KeptEvent& action = held->event;
    if (action.time >= from && action.time <= to && text(action, FieldId::kAlertId) == id) last = &action;
  }
  return last;
}

}  // namespace troth::operators
