#include "operators/fold/failures.h"

#include <algorithm>

#include "operators/fold/arithmetic.h"

namespace troth::operators {

void Failures::add_lasting(TimeUs begin, TimeUs end) {
  if (begin >= end) return;
  lasting_.push_back({begin, end});
  last_end_ = end;
}

void Failures::add_open_period(TimeUs begin, TimeUs end) {
  if (begin < end) lasting_.push_back({begin, end});
  last_end_ = end;
}

bool Failures::is_remembered(TimeUs at, TimeUs memory) const {
  // Written as comparisons with at − memory, because "none" is far in the past.
  return last_end_ > at - memory || last_momentary_ > at - memory;
}

/// Spans by begin, none touching the next: one search then tells whether the case fails.
void Failures::merge() {
  std::sort(lasting_.begin(), lasting_.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::size_t kept = 0;
  for (const Span& span : lasting_) {
    if (kept > 0 && span.begin <= lasting_[kept - 1].end) {
      lasting_[kept - 1].end = std::max(lasting_[kept - 1].end, span.end);
    } else {
      lasting_[kept++] = span;
    }
  }
  lasting_.resize(kept);
}

bool Failures::fails_at(TimeUs at) const {
  const auto after = std::upper_bound(lasting_.begin(), lasting_.end(), at,
                                      [](TimeUs time, const Span& span) { return time < span.begin; });
  return after != lasting_.begin() && at < std::prev(after)->end;
}

void Failures::write_coupons(CaseWriter& writer) {
  if (coupons_.empty()) return;
  merge();
  for (const std::uint32_t index : coupons_) {
    const TimeUs given = writer.event(index).time;
    const TimeUs stamp = later(given, writer.policy().fix_within_us);
    if (!fails_at(given) || !fails_at(stamp)) continue;
    writer.finding(Kind::kCouponInsteadOfFix, writer.case_key(), stamp, {index});
  }
}

}  // namespace troth::operators
