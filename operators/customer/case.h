// Case and Bucket: the events of one case key, cut into cases where it came to rest, with what they establish
// (TRUST_MODEL: rest). Derived from the events and the policy, dropped and made anew when these change. Owned by a
// Customer; one task's thread.
#pragma once

#include <array>
#include <cstdint>
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
  CaseSums sums;
  TimeUs last_loss = -kNever;  // stamp of the latest item that is a loss
  std::int64_t kept = 0;    // findings promise_kept
  std::int64_t broken = 0;  // findings promise_late of stage 0

  [[nodiscard]] bool valid_at(TimeUs t) const { return from <= t && t < until; }
  /// As new, but for the memory.
  void clear() {
    from = until = kNever;
    items.clear();
    sums.clear();
    last_loss = -kNever;
    kept = broken = 0;
  }
};

/// How many findings a case has of what customer rules count, true or not yet: where they do not suffice, nothing has
/// to be looked at.
struct CountedFindings {
  std::int64_t broken = 0;      // promises broken at a first due date, not excused
  std::int64_t repromised = 0;  // early or late
  std::int64_t coupons = 0;     // instead of a fix
  std::int64_t complaints = 0;  // questions apart
};

struct Case {
  Bucket* bucket = nullptr;
  std::vector<const KeptEvent*> events;  // canonical order, conflicts apart: what is folded
  std::vector<Held*> held;           // conflicts included
  const SegmentPolicy* policy = nullptr;
  CaseFold fold;
  CountedFindings counted;
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
  /// As new, but for the memory.
  void clear() {
    bucket = nullptr;
    events.clear();
    held.clear();
    policy = nullptr;
    fold.clear();
    counted = {};
    expiry = seal = 0;
    breakpoints.clear();
    evidence.clear();
  }
};

/// Tells cheaply that a name is new among some: a set bit says nothing, a clear one that it is. Never forgets.
class NameFilter {
 public:
  /// Answers whether the name may have been added before.
  bool add(std::uint64_t digest) {
    std::uint64_t& word = words_[digest / 64 % words_.size()];
    const std::uint64_t bit = std::uint64_t{1} << (digest % 64);
    const bool may_be_known = (word & bit) != 0;
    word |= bit;
    return may_be_known;
  }

 private:
  std::array<std::uint64_t, 4> words_{};
};

struct Bucket {
  explicit Bucket(std::string case_key) : key(std::move(case_key)), ref{key[0], std::string_view(key).substr(2)} {}
  Bucket(const Bucket&) = delete;  // `ref` refers into `key`
  Bucket& operator=(const Bucket&) = delete;

  const std::string key;  // "o:123"
  const ObjectRef ref;
  std::vector<Held*> events;                 // canonical order
  std::vector<std::unique_ptr<Case>> cases;  // stale unless is_folded: they may not even be looked at
  std::vector<std::unique_ptr<Case>> spare;  // cleared, to be used again by the next fold
  NameFilter names;                          // of all events that were ever here
  TimeUs latest = -1;                        // time of the last event
  bool is_folded = true;                     // without events there is nothing to fold
  bool may_conflict = false;         // two of its events share a name
  bool is_changed = true;            // events differ from what is stored
  bool is_touched = true;            // to be compared with what was emitted
  bool is_compared = false;          // within one comparison: it is one of those looked at
  TimeUs compare_again_at = kNever;  // an interval is held back until then
};

}  // namespace troth::operators
