// Failures of a case: lasting ones (a due date passed without outcome, an open complaint) and momentary ones (a hidden
// fee, a damaged parcel), and what rests on them: whether a bad voice has a cause, whether a coupon came instead of the
// fix (TRUST_MODEL: failure, remedy, coupon). Lives for one fold.
#pragma once

#include <memory_resource>
#include <vector>

#include "operators/fold/case_writer.h"

namespace troth::operators {

class Failures {
 public:
  explicit Failures(std::pmr::memory_resource* memory) : lasting_(memory), coupons_(memory) {}

  /// Momentary: an instant, in order.
  void add_momentary(TimeUs at) { last_momentary_ = at; }
  /// Lasting: [begin, end), told when it ends (in order of end), or after the last event if it does not (kNever).
  void add_lasting(TimeUs begin, TimeUs end);
  /// An open period of a complaint: remembered however short it was, even if opened and resolved at one instant.
  void add_open_period(TimeUs begin, TimeUs end);
  void add_coupon(const CaseEvent& coupon) { coupons_.push_back(coupon.index); }

  /// Whether a failure among those told so far is over, but less than `memory` before `at`.
  [[nodiscard]] bool is_remembered(TimeUs at, TimeUs memory) const;

  /// After the last event and with all failures told: coupons given while the case failed, and failed on.
  void write_coupons(CaseWriter& writer);

 private:
  struct Span {
    TimeUs begin;
    TimeUs end;
  };
  void merge();
  [[nodiscard]] bool fails_at(TimeUs at) const;

  std::pmr::vector<Span> lasting_;
  std::pmr::vector<std::uint32_t> coupons_;
  TimeUs last_end_ = -kNever;
  TimeUs last_momentary_ = -kNever;
};

}  // namespace troth::operators
