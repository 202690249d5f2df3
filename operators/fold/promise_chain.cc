#include "operators/fold/promise_chain.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "operators/fold/arithmetic.h"

namespace troth::operators {
namespace {

TimeUs due_of(const CaseEvent& event) { return number(event.data, FieldId::kDueAt); }

/// ⌈duration / pace⌉
TimeUs paced(TimeUs duration_us, std::int64_t pace) { return -event::floor_div(-duration_us, pace); }

}  // namespace

PromiseChain::PromiseChain(std::string_view id, PromiseKind kind, std::string_view finding_class, const CaseEvent& made,
                           std::pmr::memory_resource* memory)
    : id_(id), kind_(kind), class_(finding_class), made_by_(made.index), dates_(memory) {
  set_date(made, due_of(made), true);
}

// ------------------------------------------------------------------------------------------------ what events do to it

void PromiseChain::set_date(const CaseEvent& by, TimeUs due, bool is_base) {
  if (is_base) base_ = dates_.size();
  dates_.push_back({.due = due, .set_at = by.time, .set_by = by.index, .is_base = is_base});
  // A sign of the same instant, though earlier in canonical order, is one "at or after" the setting.
  if (last_sign_ == by.time) move(by.time);
}

void PromiseChain::change(const CaseEvent& by, Change change, CaseWriter& writer, Failures& failures) {
  TROTH_ASSERT(is_open());
  const TimeUs replaced = last_due();
  if (change.is_told || change.by_customer) notify(by.time, false);
  if (!change.by_customer && change.due > replaced) {
    const bool is_early = change.is_told && by.time <= replaced;
    writer.finding(is_early ? Kind::kRepromisedEarly : Kind::kRepromisedLate, object(), by).finding_class = class_;
  }
  dates_.back().replaced_at = by.time;
  failures.add_lasting(replaced, by.time);
  if (change.by_customer) dates_[base_].base_ended_at = by.time;
  set_date(by, change.due, change.by_customer);
}

void PromiseChain::notice(DueDate& date, TimeUs at, bool offers_option) {
  if (date.told_at == kNever) date.told_at = at;
  if (at > date.due) return;
  if (date.noticed_at == kNever) date.noticed_at = at;
  if (offers_option) date.has_option = true;
}

/// A notice speaks of the date that stands and of the base date, which the customer still remembers.
void PromiseChain::notify(TimeUs at, bool offers_option) {
  TROTH_ASSERT(is_open());
  notice(dates_.back(), at, offers_option);
  if (base_ + 1 != dates_.size()) notice(dates_[base_], at, offers_option);
}

void PromiseChain::excuse(TimeUs at) {
  for (DueDate& date : dates_) {
    if (at <= date.due) date.is_excused = true;
  }
}

void PromiseChain::move(TimeUs at) {
  last_sign_ = at;
  for (; unmoved_from_ < dates_.size(); ++unmoved_from_) dates_[unmoved_from_].moved_at = at;
}

void PromiseChain::close(const CaseEvent& by, Outcome outcome, Failures& failures) {
  TROTH_ASSERT(is_open() && outcome != Outcome::kOpen);
  const bool is_late = outcome == Outcome::kKept && by.time > base().due;
  outcome_ = is_late ? Outcome::kLate : outcome;
  ended_at_ = by.time;
  ended_by_ = by.index;
  failures.add_lasting(last_due(), by.time);
}

// ------------------------------------------------------------------------------------------------- what follows from
// it

TimeUs PromiseChain::stop_of(const DueDate& date) const { return std::min(date.replaced_at, ended_at_); }

TimeUs PromiseChain::end_of(const DueDate& date) const {
  return date.is_base ? std::min(date.base_ended_at, ended_at_) : stop_of(date);
}

std::vector<TimeUs> PromiseChain::late_stages(const DueDate& date, const SegmentPolicy& policy) const {
  std::vector<TimeUs> stages;
  const TimeUs end = end_of(date);
  if (date.due >= end) return stages;
  const std::int64_t pace = policy.pace[static_cast<std::size_t>(kind_)];
  for (const TimeUs stage_us : policy.promise_stages_us) {
    const TimeUs stamp = later(date.due, paced(stage_us, pace));
    if (stamp >= end) break;
    stages.push_back(stamp);
  }
  return stages;
}

EventRefs PromiseChain::late_events(const DueDate& date) const {
  return is_open() ? EventRefs{date.set_by} : EventRefs{date.set_by, ended_by_};
}

void PromiseChain::write(CaseWriter& writer) const {
  writer.promise(record());
  writer.label_source(object(), made_by_);
  for (const DueDate& date : dates_) write_date(date, writer);
  write_kept(writer);
}

void PromiseChain::write_date(const DueDate& date, CaseWriter& writer) const {
  const SegmentPolicy& policy = writer.policy();
  const auto find = [&](Kind kind, TimeUs stamp) -> Finding& {
    Finding& finding = writer.finding(kind, object(), stamp, late_events(date));
    finding.finding_class = class_;
    finding.excused = date.is_excused;
    return finding;
  };
  std::int64_t lead_s = 0;
  if (date.noticed_at != kNever) {
    lead_s = event::floor_div(date.due - date.noticed_at, event::kSecond);
    if (date.has_option) lead_s = scaled(lead_s, kPpm + policy.option_bonus, kPpm);
  }
  std::vector<TimeUs> stages = late_stages(date, policy);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    Finding& late = find(date.is_base ? Kind::kPromiseLate : Kind::kRepromiseLate, stages[i]);
    late.magnitude = static_cast<std::int64_t>(i);
    late.lead_s = lead_s;
  }
  const TimeUs end = end_of(date);
  if (date.due < end && date.noticed_at == kNever) find(Kind::kPromiseSilent, date.due);
  if (date.due < end && date.is_base) {
    const TimeUs missing =
        later(date.due, paced(policy.promise_missing_us, policy.pace[static_cast<std::size_t>(kind_)]));
    if (missing < end) find(Kind::kPromiseMissing, missing);
  }
  write_broken(date, std::move(stages), writer);
  write_at_risk(date, writer);
}

void PromiseChain::write_broken(const DueDate& date, std::vector<TimeUs> stages, CaseWriter& writer) const {
  // A replacement at the instant of the outcome came first: then it, not the outcome, ended the interval.
  const bool by_outcome = date.replaced_at == kNever && !is_open();
  const EventRefs events = by_outcome ? EventRefs{date.set_by, ended_by_} : EventRefs{date.set_by};
  Interval* broken = writer.interval(CaseRule::kPromiseBroken, object(), date.due, stop_of(date), events);
  if (broken == nullptr) return;
  broken->stages = std::move(stages);
  broken->told_at = date.told_at;
  broken->excused = date.is_excused;
}

void PromiseChain::write_at_risk(const DueDate& date, CaseWriter& writer) const {
  if (kind_ != PromiseKind::kDelivery) return;
  const TimeUs start = date.set_at + scaled(date.due - date.set_at, writer.policy().at_risk, kPpm);
  const TimeUs end = std::min({date.due, stop_of(date), date.moved_at});
  writer.interval(CaseRule::kPromiseAtRisk, object(), start, end, {date.set_by});
}

void PromiseChain::write_kept(CaseWriter& writer) const {
  if (is_spoiled_ || (outcome_ != Outcome::kKept && outcome_ != Outcome::kLate)) return;
  const auto find = [&](Kind kind, std::uint32_t promised_by) -> Finding& {
    Finding& finding = writer.finding(kind, object(), ended_at_, {promised_by, ended_by_});
    finding.finding_class = class_;
    return finding;
  };
  if (outcome_ == Outcome::kKept) {
    find(Kind::kPromiseKept, made_by_);
    return;
  }
  const std::size_t stages = late_stages(base(), writer.policy()).size();
  find(Kind::kKeptLate, base().set_by).magnitude = stages == 0 ? 0 : static_cast<std::int64_t>(stages) - 1;
  if (ended_at_ <= last_due()) find(Kind::kRepromiseKept, dates_.back().set_by);
}

Promise PromiseChain::record() const {
  Promise promise;
  promise.promise_id = id_;
  promise.kind = kind_;
  promise.promise_class = class_;
  promise.made_by = made_by_;
  promise.made_at = dates_.front().set_at;
  promise.first_due_at = base().due;
  promise.due_at = last_due();
  promise.changes = static_cast<std::int64_t>(dates_.size()) - 1;
  promise.told_before_due = base().noticed_at != kNever;
  promise.excused = dates_.back().is_excused;
  promise.outcome = outcome_;
  promise.ended_at = ended_at_;
  return promise;
}

}  // namespace troth::operators
