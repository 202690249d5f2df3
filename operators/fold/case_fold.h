// CaseFold: what the events of one case establish (TRUST_MODEL: folds). One pass over the sorted events writes
// findings, alert intervals, promises and clock runs *with their future*: each carries the stamp at which it becomes
// true if nothing else happens, so time alone never needs a refold. Pure: no clock, no I/O, no weights. A fold refers
// into the events it was made of and must not outlive them. Not thread-safe; one customer's folds belong to one task.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/assert.h"
#include "operators/catalogue/catalogue.h"
#include "operators/catalogue/kinds.h"
#include "operators/catalogue/object.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// Up to three events of the case, by their index in canonical order, in the order the model names them.
class EventRefs {
 public:
  EventRefs() = default;
  EventRefs(std::initializer_list<std::uint32_t> indexes) {
    for (const std::uint32_t index : indexes) push_back(index);
  }
  void push_back(std::uint32_t index) {
    TROTH_ASSERT(size_ < indexes_.size());
    indexes_[size_++] = index;
  }
  [[nodiscard]] const std::uint32_t* begin() const { return indexes_.data(); }
  [[nodiscard]] const std::uint32_t* end() const { return indexes_.data() + size_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::array<std::uint32_t, 3> indexes_{};
  std::uint8_t size_ = 0;
};

/// A fact with the stamp at which it becomes true; it counts at t iff stamp ≤ t.
struct Finding {
  TimeUs stamp = 0;
  Kind kind{};
  bool excused = false;
  std::string_view finding_class;  // a static word, empty if the kind has no class
  ObjectRef object;
  std::int64_t magnitude = 0;  // m
  std::int64_t lead_s = 0;     // n
  EventRefs events;
};

// What the customer rules count.
[[nodiscard]] inline bool is_broken_promise(const Finding& f) {
  return (f.kind == Kind::kPromiseLate || f.kind == Kind::kRepromiseLate) && f.magnitude == 0 && !f.excused;
}
[[nodiscard]] inline bool is_repromise(const Finding& f) {
  return f.kind == Kind::kRepromisedEarly || f.kind == Kind::kRepromisedLate;
}
[[nodiscard]] inline bool is_coupon_instead(const Finding& f) { return f.kind == Kind::kCouponInsteadOfFix; }
[[nodiscard]] inline bool is_complaint(const Finding& f) {
  return f.kind == Kind::kComplaintOpened && f.finding_class != "question";
}

/// One alert interval [start, end); end = kNever: it ends when its case expires.
struct Interval {
  CaseRule rule{};
  ObjectRef object;
  TimeUs start = 0;
  TimeUs end = kNever;
  EventRefs events;
  std::vector<TimeUs> stages;  // when stage i was reached, ascending (rules that escalate); may lie in the future
  TimeUs told_at = 0;          // PROMISE_BROKEN: when the customer was first told; kNever: not
  bool excused = false;        // PROMISE_BROKEN: the date is excused
};

enum class Outcome : std::uint8_t { kOpen, kKept, kLate, kPartial, kLost, kWithdrawn, kVoid, kExcused };

/// A promise as trust.promises shows it; `open` becomes `overdue` from due_at on.
struct Promise {
  std::string_view promise_id;
  PromiseKind kind{};
  std::string_view promise_class;
  std::uint32_t made_by = 0;  // index of the making event (its labels are the promise's)
  TimeUs made_at = 0;
  TimeUs first_due_at = 0;  // last base date
  TimeUs due_at = 0;        // last date
  std::int64_t changes = 0;
  bool told_before_due = false;  // last base date has notice
  bool excused = false;          // last date
  Outcome outcome = Outcome::kOpen;
  TimeUs ended_at = kNever;
};

/// A clock run without stop of a complaint that is open: what trust.scores lists.
struct ClockRun {
  std::string_view complaint_id;
  TimeUs complaint_opened_at = 0;
  ClockId clock{};
  TimeUs started_at = 0;
  TimeUs target_us = 0;    // for the present priority
  TimeUs due_at = kNever;  // stage 0 as things stand; kNever: not reached
  bool paused = false;
  TimeUs elapsed_before_us = 0;  // elapsed up to `running_since`
  TimeUs running_since = 0;      // elapsed(t) = elapsed_before + (paused ? 0 : measure(calendar, running_since, t))
  const Calendar* calendar = nullptr;
};

/// Which event made an object's labels what they are (for alerts on it).
struct LabelSource {
  ObjectRef object;
  std::uint32_t event = 0;
};

struct CaseFold {
  std::vector<Finding> findings;    // in the order (stamp, kind, object, m, n, event names)
  std::vector<Interval> intervals;  // by rule, object, start, end; empty ones are not here
  std::vector<Promise> promises;    // in order of making
  std::vector<ClockRun> clocks;     // by opening, then start of run, then as at opening: acknowledge, first_reply, …
  std::vector<LabelSource> labels;  // promise: making; complaint: opening; review: submission; survey: last answer
  std::int64_t order_event = -1;    // index of the first order.placed; −1: none
  TimeUs activity_end = 0;          // A: last event, all stamps, finite starts and ends of intervals

  /// As new, but for the memory.
  void clear() {
    findings.clear();
    intervals.clear();
    promises.clear();
    clocks.clear();
    labels.clear();
    order_event = -1;
    activity_end = 0;
  }
};

/// Folds `events` (canonical order, no conflicts, at least one) of the case `case_key`. Linear in the events and what
/// they establish. `events` and `case_key` must outlive the result.
[[nodiscard]] CaseFold fold_case(std::span<const KeptEvent* const> events, ObjectRef case_key,
                                 const SegmentPolicy& policy);

/// The same into what an earlier fold has left behind, cleared.
void fold_case(std::span<const KeptEvent* const> events, ObjectRef case_key, const SegmentPolicy& policy,
               CaseFold& fold);

/// Only A of the same fold: when the case comes to rest. It costs as much as the fold, so ask only where it matters.
[[nodiscard]] TimeUs activity_end(std::span<const KeptEvent* const> events, ObjectRef case_key,
                                  const SegmentPolicy& policy);

/// Elapsed µs of a listed run at t.
[[nodiscard]] TimeUs elapsed_at(const ClockRun& run, TimeUs t);

}  // namespace troth::operators
