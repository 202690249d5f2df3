// `alerts`: the rules and the severity of what they find (TRUST_MODEL: alerts).
#include <algorithm>
#include <array>
#include <vector>

#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

constexpr Range kSeverity{0, 1'000, "severity"};
constexpr Range kPoints{0, 1'000'000'000, "micro-points"};
/// More mean gaps of silence than this would lie beyond the years that have a text form.
constexpr Range kSilence{0, 50'000, "thousandths of the mean gap"};

/// A number that one or more of the customer rules have.
struct Parameter {
  std::string_view key;
  std::int64_t CustomerRulePolicy::*field;
  Range range;
};

constexpr Parameter kBroken{"broken", &CustomerRulePolicy::broken, kAtLeastOne};
constexpr Parameter kRepromised{"repromised", &CustomerRulePolicy::repromised, kAtLeastOne};
constexpr Parameter kDrop{"drop", &CustomerRulePolicy::drop, kPoints};
constexpr Parameter kBuilt{"mass", &CustomerRulePolicy::mass, kMass};
constexpr Parameter kMargin{"margin", &CustomerRulePolicy::margin, kPoints};
constexpr Parameter kVoice{"voice", &CustomerRulePolicy::voice, kFactor};
constexpr Parameter kGaps{"silence", &CustomerRulePolicy::silence, kSilence};
constexpr Parameter kTimes{"count", &CustomerRulePolicy::count, kAtLeastOne};

std::vector<Parameter> parameters_of(CustomerRule rule) {
  switch (rule) {
    case CustomerRule::kPromiseRepeat:
      return {kBroken, kRepromised};
    case CustomerRule::kErosionFast:
      return {kDrop, kBuilt};
    case CustomerRule::kErosionSlow:
      return {kDrop, kBuilt};
    case CustomerRule::kTierDrop:
      return {kMargin, kBuilt};
    case CustomerRule::kSatisfiedButLeaving:
      return {kVoice, kBuilt, kGaps};
    case CustomerRule::kBriberyPattern:
      return {kTimes};
    case CustomerRule::kComplaintSeries:
      return {kTimes};
  }
  return {};
}

bool has_window(CustomerRule rule) { return rule != CustomerRule::kSatisfiedButLeaving; }

/// A rule that is off need not have its values; those it has are checked all the same.
bool is_off(const Reader& rule) {
  const auto off = rule.maybe("off");
  return off && off->boolean();
}

std::optional<Reader> needed(const Reader& rule, std::string_view key, bool is_needed) {
  return is_needed ? std::optional(rule.at(key)) : rule.maybe(key);
}

std::string in_seconds(TimeUs us) { return std::to_string(us / event::kSecond) + "s"; }

CaseRulePolicy read_case_rule(const Reader& reader, const GlobalPolicy& global) {
  reader.only({"base", "escalate", "hold", "off"});
  CaseRulePolicy rule;
  rule.exists = !is_off(reader);
  if (const auto base = needed(reader, "base", rule.exists)) rule.base = base->integer(kSeverity);
  if (const auto escalate = reader.maybe("escalate")) rule.escalate = escalate->integers(kCount, 0, kListMax);
  if (const auto hold = reader.maybe("hold")) {
    rule.hold_us = hold->duration();
    if (rule.hold_us > global.quiet_us) hold->expected("at most `quiet`, " + in_seconds(global.quiet_us));
  }
  return rule;
}

CustomerRulePolicy read_customer_rule(const Reader& reader, CustomerRule which, const GlobalPolicy& global) {
  const std::vector<Parameter> parameters = parameters_of(which);
  if (const auto hold = reader.maybe("hold")) hold->refuse("only case rules can have a hold; leave it out");
  std::vector<std::string_view> keys = {"base", "off"};
  if (has_window(which)) keys.emplace_back("window");
  for (const Parameter& each : parameters) keys.push_back(each.key);
  reader.only(keys);

  CustomerRulePolicy rule;
  rule.exists = !is_off(reader);
  if (const auto base = needed(reader, "base", rule.exists)) rule.base = base->integer(kSeverity);
  const auto window = has_window(which) ? needed(reader, "window", rule.exists) : std::nullopt;
  if (window) {
    rule.window_us = window->duration();
    const TimeUs longest = global.quiet_us + global.lateness_us;
    if (rule.window_us > longest) window->expected("at most `quiet` + `lateness`, " + in_seconds(longest));
  }
  for (const Parameter& each : parameters) {
    if (const auto value = needed(reader, each.key, rule.exists)) rule.*each.field = value->integer(each.range);
  }
  return rule;
}

void read_severity(const Reader& severity, SegmentPolicy& policy) {
  severity.only({"high_value_minor", "low_tier", "levels"});
  policy.high_value_minor = severity.at("high_value_minor").integer({0, 1'000'000'000'000'000'000, "minor units"});
  const auto tiers = names_of<Tier, kTierCount>();
  policy.low_tier = static_cast<Tier>(severity.at("low_tier").one_of(tiers, "a tier"));
  const Reader levels = severity.at("levels");
  const std::vector<std::int64_t> values = levels.integers(kSeverity, 3, 3);
  if (!std::is_sorted(values.begin(), values.end())) levels.refuse("they must not descend: warning, critical, page");
  if (values.size() == 3) std::copy(values.begin(), values.end(), policy.levels.begin());
}

/// Calls `read(reader, index)` for each rule of a map of rules, whose names must be known.
template <typename Rule, std::size_t kCount, typename Read>
void for_each_rule(const Reader& rules, const Read& read) {
  rules.only(names_of<Rule, kCount>());
  for (std::size_t i = 0; i < kCount; ++i) {
    if (const auto rule = rules.maybe(name_of(static_cast<Rule>(i)))) read(*rule, i);
  }
}

}  // namespace

void read_alerts(const Reader& alerts, const GlobalPolicy& global, SegmentPolicy& policy) {
  alerts.only({"case", "customer", "severity"});
  for_each_rule<CaseRule, kCaseRules>(alerts.at("case"), [&](const Reader& rule, std::size_t i) {
    policy.case_rules[i] = read_case_rule(rule, global);
  });
  for_each_rule<CustomerRule, kCustomerRules>(alerts.at("customer"), [&](const Reader& rule, std::size_t i) {
    policy.customer_rules[i] = read_customer_rule(rule, static_cast<CustomerRule>(i), global);
  });
  read_severity(alerts.at("severity"), policy);
}

}  // namespace troth::operators
