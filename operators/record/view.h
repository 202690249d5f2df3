// View: Φ at t for one customer: score, alerts, promises, clocks, checks, read once and written in several forms
// (TRUST_MODEL: outputs). A view refers into its customer and is good until that changes. The customer's task's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "operators/alert/case_alerts.h"
#include "operators/alert/checks.h"
#include "operators/alert/customer_rules.h"
#include "operators/customer/customer.h"
#include "operators/score/explain.h"
#include "operators/score/score.h"

namespace troth::operators {

/// An interval with the case it stands in.
struct CaseInterval {
  const Case* one = nullptr;
  const Interval* interval = nullptr;
  [[nodiscard]] TimeUs end() const { return one->end_of(*interval); }
  [[nodiscard]] bool is_active(TimeUs t) const { return interval->start <= t && t < end(); }
  /// firing, resolved or expired at t; for intervals that have begun.
  [[nodiscard]] std::string_view state(TimeUs t) const {
    if (t < end()) return "firing";
    return interval->end == kNever ? "expired" : "resolved";
  }
};

struct CasePromise {
  const Case* one = nullptr;
  const Promise* promise = nullptr;
  /// open, overdue, expired, or how it ended.
  [[nodiscard]] std::string_view outcome(TimeUs t) const;
  [[nodiscard]] bool is_open(TimeUs t) const;
};

struct CaseClock {
  const Case* one = nullptr;
  const ClockRun* run = nullptr;
};

struct View {
  const Customer* customer = nullptr;
  TimeUs t = 0;
  const SegmentPolicy* policy = nullptr;  // the customer's segment's at t
  std::string_view segment;
  Orders orders;
  Score score;
  std::int64_t kept = 0, broken = 0;
  std::vector<CustomerAlert> customer_alerts;
  SeverityContext severity;
  TimeUs next_change = kNever;
  std::vector<CasePromise> promises;  // by case, then making
  std::vector<CaseClock> clocks;      // by case, opening, start of run

  [[nodiscard]] std::size_t promises_open() const;
  /// Those with start ≤ t and not retired by a seal, by rule, case key, object, start, end.
  [[nodiscard]] std::vector<CaseInterval> intervals() const;
  [[nodiscard]] std::vector<ExplanationRow> explanation() const;
};

/// What of a view rests on everything at once.
struct Judgement {
  Orders orders;
  Score score;
  std::vector<CustomerAlert> alerts;
};

/// Evaluates the customer at t. For walking over checks.
[[nodiscard]] Judgement judge_at(Customer& customer, TimeUs t);

/// Evaluates the customer at t (which knows an event, none later than t).
[[nodiscard]] View view_at(Customer& customer, TimeUs t);
/// The same for a customer that was judged at t already and has not changed since.
[[nodiscard]] View view_at(Customer& customer, TimeUs t, Judgement judgement);

}  // namespace troth::operators
