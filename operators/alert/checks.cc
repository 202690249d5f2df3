#include "operators/alert/checks.h"

#include <algorithm>

#include "operators/alert/customer_rules.h"

namespace troth::operators {
namespace {

constexpr int kFirstDecayCheck = 3;  // last event + 2^3 … 2^10 days: decay alone moves little sooner
constexpr int kLastDecayCheck = 10;

TimeUs decay_check(TimeUs last_event, int k) { return last_event + (event::kDay << k); }

/// The since of SATISFIED_BUT_LEAVING as a check: only if it is later than the last order.
TimeUs leaving_check(const Orders& orders, const Rhythm& rhythm, const SegmentPolicy& policy) {
  const TimeUs since = leaving_since(orders, rhythm, policy);
  return since > orders.last ? since : kNever;
}

}  // namespace

TimeUs next_midnight(TimeUs t) { return (event::floor_div(t, event::kDay) + 1) * event::kDay; }

TimeUs next_change_at(const Customer& customer, const Rhythm& rhythm, bool rule_is_active, TimeUs t,
                      const SegmentPolicy& policy) {
  TimeUs next = kNever;
  const auto consider = [&](TimeUs at) {
    if (at > t) next = std::min(next, at);
  };
  customer.for_each_case(t, [&](const Case& one) {
    const auto at = std::upper_bound(one.breakpoints.begin(), one.breakpoints.end(), t);
    if (at != one.breakpoints.end()) consider(*at);
  });
  consider(leaving_check(customer.orders_at(t), rhythm, policy));
  const TimeUs last = customer.last_event();
  for (int k = kFirstDecayCheck; k <= kLastDecayCheck; ++k) consider(decay_check(last, k));
  if (rule_is_active) consider(next_midnight(t));
  return next;
}

TimeUs last_check_but_midnights(const Customer& customer, TimeUs t) {
  const TimeUs last_event = customer.last_event();
  TimeUs last = std::max(last_event, customer.remains().last_seal);
  const auto consider = [&](TimeUs at) {
    if (at <= t) last = std::max(last, at);
  };
  // Cases sealed by t included: their seal is a check.
  for (const auto& [key, bucket] : customer.buckets()) {
    for (const auto& one : bucket->cases) {
      const auto after = std::upper_bound(one->breakpoints.begin(), one->breakpoints.end(), t);
      if (after != one->breakpoints.begin()) consider(*std::prev(after));
    }
  }
  for (int k = kFirstDecayCheck; k <= kLastDecayCheck; ++k) consider(decay_check(last_event, k));
  const SegmentPolicy& policy = customer.policy().segment(customer.segment_at(t));
  const Orders orders = customer.orders_at(t);
  consider(leaving_check(orders, rhythm_at(orders, t, policy.score), policy));
  return last;
}

}  // namespace troth::operators
