// CaseWriter: what the operators of one fold share: the events of the case, its policy, and where findings and alert
// intervals are written. Lives for one fold, on its task's thread. Promises that an interval which is empty, or whose
// rule the policy does not have, is never written.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>

#include "operators/catalogue/catalogue.h"
#include "operators/fold/case_fold.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// One event of the walk.
struct CaseEvent {
  const KeptEvent& data;
  std::uint32_t index;  // in canonical order
  TimeUs time;
};

class CaseWriter {
 public:
  /// `memory`: for what the operators remember, until the fold is done.
  CaseWriter(std::span<const KeptEvent* const> events, ObjectRef case_key, const SegmentPolicy& policy,
             std::pmr::memory_resource& memory, CaseFold& fold)
      : events_(events), case_key_(case_key), policy_(policy), memory_(memory), fold_(fold) {}

  [[nodiscard]] CaseEvent event(std::uint32_t index) const { return {*events_[index], index, events_[index]->time}; }
  [[nodiscard]] ObjectRef case_key() const { return case_key_; }
  [[nodiscard]] const SegmentPolicy& policy() const { return policy_; }
  [[nodiscard]] std::pmr::memory_resource* memory() const { return &memory_; }

  /// A finding that is true from `stamp` on. The reference is good until the next one is written.
  Finding& finding(Kind kind, ObjectRef object, TimeUs stamp, EventRefs events) {
    Finding& written = fold_.findings.emplace_back();
    written.kind = kind;
    written.object = object;
    written.stamp = stamp;
    written.events = events;
    return written;
  }
  /// A finding that an event causes at once.
  Finding& finding(Kind kind, ObjectRef object, const CaseEvent& cause) {
    return finding(kind, object, cause.time, {cause.index});
  }

  /// Null if there is no such interval. Good until the next one is written.
  Interval* interval(CaseRule rule, ObjectRef object, TimeUs start, TimeUs end, EventRefs events) {
    if (start >= end || !policy_.case_rules[static_cast<std::size_t>(rule)].exists) return nullptr;
    Interval& written = fold_.intervals.emplace_back();
    written.rule = rule;
    written.object = object;
    written.start = start;
    written.end = end;
    written.events = events;
    return &written;
  }

  void promise(const Promise& promise) { fold_.promises.push_back(promise); }
  void clock(const ClockRun& run) { fold_.clocks.push_back(run); }
  void label_source(ObjectRef object, std::uint32_t event) { fold_.labels.push_back({object, event}); }
  void order_event(std::uint32_t index) { fold_.order_event = index; }

 private:
  std::span<const KeptEvent* const> events_;
  ObjectRef case_key_;
  const SegmentPolicy& policy_;
  std::pmr::memory_resource& memory_;
  CaseFold& fold_;
};

/// The word of a one-of field, or its default.
[[nodiscard]] inline std::string_view choice_or(const KeptEvent& e, FieldId f, std::string_view otherwise) {
  const std::string_view word = choice(e, f);
  return word.empty() ? otherwise : word;
}

}  // namespace troth::operators
