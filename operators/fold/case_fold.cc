#include "operators/fold/case_fold.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <tuple>

#include "engine/base/assert.h"
#include "operators/fold/case_walk.h"
#include "operators/fold/case_writer.h"

namespace troth::operators {
namespace {

constexpr std::size_t kScratchBytes = 8'192;

/// By event names, as `source id` strings compare: a source has no space and nothing below it.
bool names_before(std::span<const KeptEvent* const> events, const EventRefs& a, const EventRefs& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [&](std::uint32_t x, std::uint32_t y) {
    return std::tie(events[x]->source, events[x]->id) < std::tie(events[y]->source, events[y]->id);
  });
}

void put_in_order(std::span<const KeptEvent* const> events, CaseFold& fold) {
  const auto finding_key = [](const Finding& f) { return std::tie(f.stamp, f.kind, f.object, f.magnitude, f.lead_s); };
  std::sort(fold.findings.begin(), fold.findings.end(), [&](const Finding& a, const Finding& b) {
    const auto order = finding_key(a) <=> finding_key(b);
    return order != 0 ? order < 0 : names_before(events, a.events, b.events);
  });
  const auto interval_key = [](const Interval& i) { return std::tie(i.rule, i.object, i.start, i.end); };
  std::sort(fold.intervals.begin(), fold.intervals.end(),
            [&](const Interval& a, const Interval& b) { return interval_key(a) < interval_key(b); });
}

TimeUs end_of_activity(std::span<const KeptEvent* const> events, const CaseFold& fold) {
  TimeUs last = events.back()->time;
  for (const Finding& finding : fold.findings) last = std::max(last, finding.stamp);
  for (const Interval& interval : fold.intervals) {
    last = std::max(last, interval.end == kNever ? interval.start : interval.end);
  }
  return last;
}

}  // namespace

CaseFold fold_case(std::span<const KeptEvent* const> events, ObjectRef case_key, const SegmentPolicy& policy) {
  CaseFold fold;
  fold_case(events, case_key, policy, fold);
  return fold;
}

void fold_case(std::span<const KeptEvent* const> events, ObjectRef case_key, const SegmentPolicy& policy,
               CaseFold& fold) {
  TROTH_ASSERT(!events.empty() && fold.findings.empty());
  fold.findings.reserve(events.size() + 4);  // most events establish about one
  std::array<std::byte, kScratchBytes> scratch;  // enough for nearly every case; larger ones take more from the heap
  std::pmr::monotonic_buffer_resource memory(scratch.data(), scratch.size());
  CaseWriter writer(events, case_key, policy, memory, fold);
  CaseWalk walk(writer);
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    TROTH_ASSERT(i == 0 || events[i - 1]->time <= events[i]->time);
    walk.take(writer.event(i));
  }
  walk.finish();
  put_in_order(events, fold);
  fold.activity_end = end_of_activity(events, fold);
}

TimeUs activity_end(std::span<const KeptEvent* const> events, ObjectRef case_key, const SegmentPolicy& policy) {
  return fold_case(events, case_key, policy).activity_end;
}

TimeUs elapsed_at(const ClockRun& run, TimeUs t) {
  return run.elapsed_before_us + (run.paused ? 0 : run.calendar->measure(run.running_since, t));
}

}  // namespace troth::operators
