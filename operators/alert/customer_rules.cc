#include "operators/alert/customer_rules.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

/// A finding in a window, with the case it stands in.
struct Found {
  const Case* one;
  const Finding* finding;

  /// (stamp, kind, case key, object, m): which finding made a number full.
  friend bool operator<(const Found& a, const Found& b) {
    if (a.finding->stamp != b.finding->stamp) return a.finding->stamp < b.finding->stamp;
    if (a.finding->kind != b.finding->kind) return a.finding->kind < b.finding->kind;
    if (a.one->bucket->ref != b.one->bucket->ref) return a.one->bucket->ref < b.one->bucket->ref;
    if (a.finding->object != b.finding->object) return a.finding->object < b.finding->object;
    return a.finding->magnitude < b.finding->magnitude;
  }
};

/// What all cases that are not sealed have together, whenever: where that does not suffice, no window needs a look.
struct Overview {
  CountedFindings counted;
  TimeUs last_loss = -kNever;
};

Overview overview_at(const Customer& customer, TimeUs t) {
  Overview all;
  customer.for_each_case(t, [&](const Case& one) {
    all.counted.broken += one.counted.broken;
    all.counted.repromised += one.counted.repromised;
    all.counted.coupons += one.counted.coupons;
    all.counted.complaints += one.counted.complaints;
    all.last_loss = std::max(all.last_loss, one.evidence.last_loss);
  });
  return all;
}

/// Reads the findings and losses of all cases that are not sealed, within windows that end at t.
class Window {
 public:
  Window(const Customer& customer, const Overview& all, TimeUs t, TimeUs width)
      : customer_(customer), all_(all), t_(t), begin_(t - width) {}

  /// Those that are `wanted`; `counted` is how many there are whenever. None if these are fewer than `number`.
  template <typename Wanted>
  [[nodiscard]] std::vector<Found> findings(const Wanted& wanted, std::int64_t CountedFindings::*counted,
                                            std::int64_t number) const {
    std::vector<Found> found;
    if (all_.counted.*counted < number) return found;
    customer_.for_each_case(t_, [&](const Case& one) {
      const auto& all = one.fold.findings;
      auto at = std::upper_bound(all.begin(), all.end(), begin_,
                                 [](TimeUs time, const Finding& f) { return time < f.stamp; });
      for (; at != all.end() && at->stamp <= t_; ++at) {
        if (wanted(*at)) found.push_back({&one, &*at});
      }
    });
    std::sort(found.begin(), found.end());
    return found;
  }

  /// The latest loss (ties: least kind, case key, object, m); nothing if there is none.
  [[nodiscard]] std::optional<Found> latest_blow() const {
    std::optional<Found> latest;
    if (all_.last_loss <= begin_) return latest;
    customer_.for_each_case(t_, [&](const Case& one) {
      if (one.evidence.last_loss <= begin_) return;
      const auto& items = one.evidence.items;
      for (auto item = items.rbegin(); item != items.rend() && item->stamp > begin_; ++item) {
        if (item->amount >= 0) continue;
        const Found found{&one, &one.fold.findings[item->finding]};
        const bool is_later = !latest || found.finding->stamp > latest->finding->stamp ||
                              (found.finding->stamp == latest->finding->stamp && found < *latest);
        if (is_later) latest = found;
      }
    });
    return latest;
  }

  /// Everything that counts at t, less what is stamped in the window.
  [[nodiscard]] Accumulator::Masses masses_before() const {
    const GlobalPolicy& global = customer_.policy().global();
    Accumulator::Reading before = customer_.totals().reading_at(t_, global);
    customer_.for_each_case(t_, [&](const Case& one) {
      const auto& items = one.evidence.items;
      for (auto item = items.rbegin(); item != items.rend() && item->stamp > begin_; ++item) {
        before.leave_out(item->dimension, item->stamp, item->amount, global);
      }
    });
    return before.masses();
  }

 private:
  const Customer& customer_;
  const Overview& all_;
  TimeUs t_;
  TimeUs begin_;  // exclusive
};

CustomerAlert alert_of(CustomerRule rule, const Found& found) {
  return {rule, found.finding->stamp, found.one->names(found.finding->events)};
}

std::optional<CustomerAlert> made_full(CustomerRule rule, const std::vector<Found>& found, std::int64_t number) {
  if (number < 1 || std::cmp_less(found.size(), number)) return std::nullopt;
  return alert_of(rule, found[static_cast<std::size_t>(number - 1)]);
}

std::optional<CustomerAlert> promise_repeat(const Window& window, const CustomerRulePolicy& rule) {
  const auto broken = window.findings(is_broken_promise, &CountedFindings::broken, rule.broken);
  const auto repromised = window.findings(is_repromise, &CountedFindings::repromised, rule.repromised);
  const auto by_broken = made_full(CustomerRule::kPromiseRepeat, broken, rule.broken);
  const auto by_repromised = made_full(CustomerRule::kPromiseRepeat, repromised, rule.repromised);
  if (!by_broken || !by_repromised) return by_broken ? by_broken : by_repromised;
  const Found& a = broken[static_cast<std::size_t>(rule.broken - 1)];
  const Found& b = repromised[static_cast<std::size_t>(rule.repromised - 1)];
  return b < a ? by_repromised : by_broken;
}

std::optional<CustomerAlert> erosion(CustomerRule id, const Window& window, const CustomerRulePolicy& rule,
                                     const Score& score, const SegmentPolicy& policy) {
  const auto blow = window.latest_blow();
  if (!blow) return std::nullopt;
  const Score before = score_of(window.masses_before(), score.rhythm, policy.score);
  const std::int64_t fall = before.score - score.score;
  if (fall < rule.drop || fall < score.sd || before.masses.total() < rule.mass) return std::nullopt;
  return alert_of(id, *blow);
}

std::optional<CustomerAlert> tier_drop(const Window& window, const CustomerRulePolicy& rule, const Score& score,
                                       const SegmentPolicy& policy) {
  if (score.tier_by_floors > Tier::kEroding) return std::nullopt;
  const auto blow = window.latest_blow();
  if (!blow) return std::nullopt;
  const Score before = score_of(window.masses_before(), score.rhythm, policy.score);
  if (before.masses.total() < rule.mass || score.tier_by_floors >= before.tier_by_floors) return std::nullopt;
  if (score.high >= floor_of(before.tier_by_floors, policy.score) + rule.margin) return std::nullopt;
  return alert_of(CustomerRule::kTierDrop, *blow);
}

std::optional<CustomerAlert> satisfied_but_leaving(const Customer& customer, const CustomerRulePolicy& rule,
                                                   const Score& score, TimeUs t, const SegmentPolicy& policy) {
  const auto voice = static_cast<std::size_t>(Dimension::V);
  if (!score.rhythm.silence || *score.rhythm.silence < rule.silence) return std::nullopt;
  if (score.p[voice] < rule.voice || score.masses.of(Dimension::V) < rule.mass) return std::nullopt;
  return CustomerAlert{
      CustomerRule::kSatisfiedButLeaving, leaving_since(customer.orders_at(t), score.rhythm, policy), {}};
}

}  // namespace

TimeUs leaving_since(const Orders& orders, const Rhythm& rhythm, const SegmentPolicy& policy) {
  const CustomerRulePolicy& rule = policy.customer_rules[static_cast<std::size_t>(CustomerRule::kSatisfiedButLeaving)];
  if (!rule.exists || !rhythm.silence) return kNever;
  // l + ⌈silence·(l − f) / (1000·(n − 1))⌉
  const Int128 amount = static_cast<Int128>(rule.silence) * (orders.last - orders.first);
  const Int128 divisor = static_cast<Int128>(1000) * (orders.count - 1);
  const Int128 since = orders.last + (amount + divisor - 1) / divisor;
  return since >= kNever ? kNever : static_cast<TimeUs>(since);
}

std::vector<CustomerAlert> customer_alerts(const Customer& customer, const Score& score, TimeUs t,
                                           const SegmentPolicy& policy) {
  std::vector<CustomerAlert> alerts;
  const Overview all = overview_at(customer, t);
  for (std::size_t i = 0; i < kCustomerRules; ++i) {
    const CustomerRulePolicy& rule = policy.customer_rules[i];
    if (!rule.exists) continue;
    const Window window(customer, all, t, rule.window_us);
    const auto id = static_cast<CustomerRule>(i);
    std::optional<CustomerAlert> alert;
    switch (id) {
      case CustomerRule::kPromiseRepeat: alert = promise_repeat(window, rule); break;
      case CustomerRule::kErosionFast:
      case CustomerRule::kErosionSlow: alert = erosion(id, window, rule, score, policy); break;
      case CustomerRule::kTierDrop: alert = tier_drop(window, rule, score, policy); break;
      case CustomerRule::kSatisfiedButLeaving: alert = satisfied_but_leaving(customer, rule, score, t, policy); break;
      case CustomerRule::kBriberyPattern:
        alert = made_full(id, window.findings(is_coupon_instead, &CountedFindings::coupons, rule.count), rule.count);
        break;
      case CustomerRule::kComplaintSeries:
        alert = made_full(id, window.findings(is_complaint, &CountedFindings::complaints, rule.count), rule.count);
        break;
    }
    if (alert) alerts.push_back(std::move(*alert));
  }
  return alerts;
}

}  // namespace troth::operators
