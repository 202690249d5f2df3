#include "operators/record/view.h"

#include <algorithm>
#include <tuple>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

void read_cases(View& view) {
  view.kept = view.customer->remains().kept;
  view.broken = view.customer->remains().broken;
  for (const auto& [key, bucket] : view.customer->buckets()) {
    for (const auto& one : bucket->cases) {
      view.kept += one->evidence.kept;
      view.broken += one->evidence.broken;
      if (one->is_sealed(view.t)) continue;
      for (const Promise& promise : one->fold.promises) view.promises.push_back({one.get(), &promise});
      if (one->is_expired(view.t)) continue;
      for (const ClockRun& run : one->fold.clocks) view.clocks.push_back({one.get(), &run});
    }
  }
}

}  // namespace

std::string_view CasePromise::outcome(TimeUs t) const {
  switch (promise->outcome) {
    case Outcome::kKept: return "kept";
    case Outcome::kLate: return "late";
    case Outcome::kPartial: return "partial";
    case Outcome::kLost: return "lost";
    case Outcome::kWithdrawn: return "withdrawn";
    case Outcome::kVoid: return "void";
    case Outcome::kExcused: return "excused";
    case Outcome::kOpen: break;
  }
  if (one->is_expired(t)) return "expired";
  return t >= promise->due_at ? "overdue" : "open";
}

bool CasePromise::is_open(TimeUs t) const { return promise->outcome == Outcome::kOpen && !one->is_expired(t); }

std::size_t View::promises_open() const {
  return static_cast<std::size_t>(
      std::count_if(promises.begin(), promises.end(), [&](const CasePromise& each) { return each.is_open(t); }));
}

std::vector<CaseInterval> View::intervals() const {
  std::vector<CaseInterval> result;
  customer->for_each_case(t, [&](const Case& one) {
    for (const Interval& interval : one.fold.intervals) {
      if (interval.start <= t) result.push_back({&one, &interval});
    }
  });
  std::stable_sort(result.begin(), result.end(), [](const CaseInterval& a, const CaseInterval& b) {
    const auto key = [](const CaseInterval& each) {
      return std::tie(each.interval->rule, each.one->bucket->ref, each.interval->object, each.interval->start,
                      each.interval->end);
    };
    return key(a) < key(b);
  });
  return result;
}

std::vector<ExplanationRow> View::explanation() const {
  std::vector<ExplainedCase> cases;
  customer->for_each_case(t, [&](const Case& one) {
    cases.push_back({one.bucket->key, one.first_event(), one.events, one.fold.findings, one.evidence.items});
  });
  return explain(cases, customer->totals(), score, t, customer->policy().global(), policy->score);
}

Judgement judge_at(Customer& customer, TimeUs t) {
  customer.evaluate(t);
  const SegmentPolicy& policy = customer.policy().segment(customer.segment_at(t));
  const Orders orders = customer.orders_at(t);
  const Accumulator::Masses masses = customer.totals().at(t, customer.policy().global());
  const Score score = score_of(masses, rhythm_at(orders, t, policy.score), policy.score);
  return {orders, score, customer_alerts(customer, score, t, policy)};
}

View view_at(Customer& customer, TimeUs t) {
  TROTH_ASSERT(customer.is_known());
  return view_at(customer, t, judge_at(customer, t));
}

View view_at(Customer& customer, TimeUs t, Judgement judgement) {
  View view;
  view.customer = &customer;
  view.t = t;
  view.segment = customer.segment_at(t);
  view.policy = &customer.policy().segment(view.segment);
  view.orders = judgement.orders;
  view.score = judgement.score;
  read_cases(view);
  view.customer_alerts = std::move(judgement.alerts);
  view.severity = severity_context(customer, view.score, *view.policy);
  view.next_change = next_change_at(customer, view.score.rhythm, !view.customer_alerts.empty(), t, *view.policy);
  return view;
}

}  // namespace troth::operators
