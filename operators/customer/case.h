// Case and Bucket: the events of one case key, cut into cases where it came to rest, with what they establish
// (TRUST_MODEL: rest). Derived from the events and the policy, dropped and made anew when these change. Owned by a
// Customer; one task's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "operators/customer/held.h"
#include "operators/evidence/accumulator.h"
#include "operators/evidence/evidence.h"
#include "operators/fold/case_fold.h"

namespace troth::operators {

/// What a case's findings are worth from one change of them to the next: valid for from ≤ t < until.
struct CaseEvidence {
  TimeUs from = kNever;
  TimeUs until = kNever;
  std::vector<EvidenceItem> items;
  Accumulator sums;
  std::int64_t kept = 0;    // findings promise_kept
  std::int64_t broken = 0;  // findings promise_late of stage 0

  [[nodiscard]] bool valid_at(TimeUs t) const { return from <= t && t < until; }
};

struct Case {
  Bucket* bucket = nullptr;
  std::vector<const Event*> events;  // canonical order, conflicts apart: what is folded
  std::vector<Held*> held;           // conflicts included
  const SegmentPolicy* policy = nullptr;
  CaseFold fold;
  TimeUs expiry = 0;                // X
  TimeUs seal = 0;                  // first instant at which it is sealed: X + lateness + 1 µs
  std::vector<TimeUs> breakpoints;  // ascending: every instant at which something of it changes
  CaseEvidence evidence;

  [[nodiscard]] TimeUs first_event() const { return events.front()->time; }
  [[nodiscard]] bool is_sealed(TimeUs t) const { return t >= seal; }
  [[nodiscard]] bool is_expired(TimeUs t) const { return t >= expiry; }
  /// An interval's end, its case's expiry if it has none of its own.
  [[nodiscard]] TimeUs end_of(const Interval& interval) const { return interval.end == kNever ? expiry : interval.end; }
  [[nodiscard]] std::vector<std::string> names(const EventRefs& refs) const;
};

struct Bucket {
  explicit Bucket(std::string case_key) : key(std::move(case_key)), ref{key[0], std::string_view(key).substr(2)} {}
  Bucket(const Bucket&) = delete;  // `ref` refers into `key`
  Bucket& operator=(const Bucket&) = delete;

  const std::string key;  // "o:123"
  const ObjectRef ref;
  std::vector<Held*> events;  // canonical order
  std::vector<std::unique_ptr<Case>> cases;
  bool is_folded = false;
  bool may_conflict = false;         // two of its events share a name
  bool is_changed = true;            // events differ from what is stored
  bool is_touched = true;            // to be compared with what was emitted
  TimeUs compare_again_at = kNever;  // an interval is held back until then
};

}  // namespace troth::operators
