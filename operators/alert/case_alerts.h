// Case alerts: how an interval of the fold looks to the service team at t: id, severity, level, labels, what was done
// about it (TRUST_MODEL: severity, labels, alert.acted). Pure; the customer's task's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/customer/customer.h"
#include "operators/score/score.h"

namespace troth::operators {

/// Name-based UUID of tenant, rule, customer and object (empty for customer rules): equal in every run.
[[nodiscard]] std::string alert_id(std::string_view tenant, std::string_view rule, std::string_view customer,
                                   std::string_view object);

/// What of the customer decides over severity.
struct SeverityContext {
  const SegmentPolicy* policy = nullptr;  // the customer's segment's at t
  bool is_high_value = false;
  bool is_low_tier = false;
  [[nodiscard]] std::int64_t increments() const { return (is_high_value ? 1 : 0) + (is_low_tier ? 1 : 0); }
  friend bool operator==(const SeverityContext&, const SeverityContext&) = default;
};
[[nodiscard]] SeverityContext severity_context(const Customer& customer, const Score& score,
                                               const SegmentPolicy& policy);

[[nodiscard]] std::int64_t severity_of(const Case& one, const Interval& interval, TimeUs t,
                                       const SeverityContext& context);
[[nodiscard]] std::int64_t severity_of(CustomerRule rule, const SeverityContext& context);
/// info, warning, critical or page.
[[nodiscard]] std::string_view level_of(std::int64_t severity, const SegmentPolicy& policy);

/// The labels of an alert on `object` of this case, by key. They refer into the case's events.
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
[[nodiscard]] Labels alert_labels(const Case& one, const ObjectRef& object);

/// The last alert.acted on `id` in [from, to]; null if none.
[[nodiscard]] const KeptEvent* last_action(const Customer& customer, std::string_view id, TimeUs from, TimeUs to);

}  // namespace troth::operators
