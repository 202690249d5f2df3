#include "operators/fold/complaint_clocks.h"

#include <algorithm>
#include <array>

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

/// What a clock's stages and stops are called.
struct Meaning {
  Kind overdue{};
  std::optional<Kind> on_time;
  std::optional<CaseRule> rule;
};

Meaning meaning_of(ClockId clock) {
  switch (clock) {
    case ClockId::kAcknowledge:
      return {Kind::kAcknowledgeOverdue, Kind::kAcknowledgedOnTime, CaseRule::kAcknowledgeOverdue};
    case ClockId::kFirstReply: return {Kind::kFirstReplyOverdue, Kind::kFirstReplyOnTime, CaseRule::kReplyOverdue};
    case ClockId::kNextReply: return {Kind::kNextReplyOverdue, Kind::kNextReplyOnTime, CaseRule::kReplyOverdue};
    case ClockId::kUpdate: return {Kind::kUpdateOverdue, std::nullopt, CaseRule::kUpdateOverdue};
    case ClockId::kResolution: return {Kind::kResolutionOverdue, std::nullopt, CaseRule::kResolutionOverdue};
    case ClockId::kWait: return {Kind::kEffort, std::nullopt, std::nullopt};
    case ClockId::kIgnored:
    case ClockId::kReviewReply: break;
  }
  TROTH_ASSERT(false);  // not a clock of its own here
}

const ClockPolicy& policy_of(ClockId clock, const SegmentPolicy& policy) {
  return policy.clocks[static_cast<std::size_t>(clock)];
}

/// Calls `act` with each piece of [start, end) that lies in an open period.
template <typename Act>
void for_each_open_piece(std::span<const OpenPeriod> periods, TimeUs start, TimeUs end, Act act) {
  auto period = std::upper_bound(periods.begin(), periods.end(), start,
                                 [](TimeUs time, const OpenPeriod& each) { return time < each.end; });
  for (; period != periods.end() && period->begin < end; ++period) {
    act(std::max(start, period->begin), std::min(end, period->end));
  }
}

}  // namespace

// --------------------------------------------------------------------------------------------------------- noting runs

ComplaintClocks::ComplaintClocks(const CaseEvent& opening, std::size_t history_index,
                                 std::pmr::memory_resource* memory)
    : runs_(memory), opened_by_(opening.index) {
  runs_.reserve(8);
  for (const ClockId clock : {ClockId::kAcknowledge, ClockId::kFirstReply, ClockId::kResolution, ClockId::kWait}) {
    start(clock, opening, history_index);
  }
  TROTH_ASSERT(runs_[kAcknowledge].clock == ClockId::kAcknowledge && runs_[kFirstReply].clock == ClockId::kFirstReply);
}

void ComplaintClocks::start(ClockId clock, const CaseEvent& by, std::size_t history_index) {
  runs_.push_back({.clock = clock, .started_by = by.index, .start = by.time, .history_index = history_index});
}

/// A run that has stopped stays as it is.
void ComplaintClocks::stop(std::size_t run, const CaseEvent& by) {
  if (runs_[run].stop != kNever) return;
  runs_[run].stop = by.time;
  runs_[run].stopped_by = by.index;
}

void ComplaintClocks::answered(const CaseEvent& answer, std::size_t history_index) {
  stop(kFirstReply, answer);
  if (next_reply_) stop(*next_reply_, answer);
  next_reply_.reset();
  if (update_) stop(*update_, answer);
  update_ = runs_.size();
  start(ClockId::kUpdate, answer, history_index);
}

void ComplaintClocks::customer_message(const CaseEvent& message, std::size_t history_index,
                                       std::int64_t ignored_messages) {
  if (is_answered() && !next_reply_) {
    next_reply_ = runs_.size();
    start(ClockId::kNextReply, message, history_index);
    return;
  }
  Run& waiting = runs_[next_reply_.value_or(kFirstReply)];
  if (++waiting.messages == ignored_messages) waiting.ignored_messages_at = message.time;
}

void ComplaintClocks::closed(const CaseEvent& closing) {
  if (!is_answered() && !closed_unanswered_by_) closed_unanswered_by_ = closing.index;
}

// -------------------------------------------------------------------------------------------------------- reading them

TimeUs ComplaintClocks::write(const ComplaintView& complaint, CaseWriter& writer) const {
  TimeUs resolution_overdue_at = kNever;
  Ignored ignored;
  if (closed_unanswered_by_) {
    ignored.stamp = writer.event(*closed_unanswered_by_).time;
    ignored.answered_at = runs_[kFirstReply].stop;
    ignored.events = {opened_by_, *closed_unanswered_by_};
  }
  for (const Run& run : runs_) {
    const ClockPolicy& clock = policy_of(run.clock, writer.policy());
    const ClockReading reading = read_clock(clock, complaint.history.subspan(run.history_index), run.start, run.stop);
    write_run(run, reading, complaint, writer);
    if (run.clock == ClockId::kResolution) resolution_overdue_at = reading.first_stage();
    if (run.is_reply()) judge_ignored(run, reading.first_stage(), complaint, writer.policy(), ignored);
    if (complaint.is_open && run.stop == kNever) write_open_clock(run, reading, complaint, writer);
  }
  write_ignored(ignored, complaint, writer);
  return resolution_overdue_at;
}

void ComplaintClocks::write_run(const Run& run, const ClockReading& reading, const ComplaintView& complaint,
                                CaseWriter& writer) const {
  const Meaning meaning = meaning_of(run.clock);
  for (std::size_t i = 0; i < reading.stages.size(); ++i) {
    Finding& overdue = writer.finding(meaning.overdue, complaint.object, reading.stages[i], run.events());
    overdue.finding_class = run.clock == ClockId::kWait ? "waiting" : complaint.kind;
    overdue.magnitude = static_cast<std::int64_t>(i);
  }
  if (meaning.on_time && run.stop != kNever && reading.stages.empty()) {
    writer.finding(*meaning.on_time, complaint.object, run.stop, run.events()).finding_class = complaint.kind;
  }
  write_overdue(run, reading, complaint, writer);
  if (!run.is_reply() || reading.warned_at == kNever) return;
  for_each_open_piece(complaint.periods, reading.warned_at, std::min(reading.first_stage(), run.stop),
                      [&](TimeUs start, TimeUs end) {
                        writer.interval(CaseRule::kReplyDueSoon, complaint.object, start, end, run.events());
                      });
}

void ComplaintClocks::write_overdue(const Run& run, const ClockReading& reading, const ComplaintView& complaint,
                                    CaseWriter& writer) const {
  const std::optional<CaseRule> rule = meaning_of(run.clock).rule;
  if (!rule || reading.stages.empty()) return;
  for_each_open_piece(complaint.periods, reading.first_stage(), run.stop, [&](TimeUs start, TimeUs end) {
    Interval* overdue = writer.interval(*rule, complaint.object, start, end, run.events());
    if (overdue != nullptr) overdue->stages = reading.stages;
  });
}

void ComplaintClocks::write_open_clock(const Run& run, const ClockReading& reading, const ComplaintView& complaint,
                                       CaseWriter& writer) const {
  const ClockPolicy& clock = policy_of(run.clock, writer.policy());
  ClockRun open;
  open.complaint_id = complaint.object.id;
  open.complaint_opened_at = complaint.opened_at;
  open.clock = run.clock;
  open.started_at = run.start;
  open.target_us = clock.target_us[static_cast<std::size_t>(complaint.history.back().priority)];
  open.due_at = reading.first_stage();
  open.paused = reading.is_paused;
  open.elapsed_before_us = reading.elapsed_us;
  open.running_since = reading.since;
  open.calendar = clock.calendar;
  writer.clock(open);
}

/// Both ways of one run have the same events and end, so the earlier one decides. At equal stamps what was judged
/// before stands: a closing without answer, then runs in order of start.
void ComplaintClocks::judge_ignored(const Run& run, TimeUs overdue_at, const ComplaintView& complaint,
                                    const SegmentPolicy& policy, Ignored& ignored) const {
  const ClockPolicy& clock = policy_of(ClockId::kIgnored, policy);
  const TimeUs by_time =
      read_clock(clock, complaint.history.subspan(run.history_index), run.start, run.stop).first_stage();
  TimeUs by_messages = std::max(overdue_at, run.ignored_messages_at);
  if (by_messages >= run.stop) by_messages = kNever;
  const TimeUs stamp = std::min(by_time, by_messages);
  if (stamp >= ignored.stamp) return;
  ignored.stamp = stamp;
  ignored.answered_at = run.stop;
  ignored.events = run.events();
}

void ComplaintClocks::write_ignored(const Ignored& ignored, const ComplaintView& complaint, CaseWriter& writer) const {
  if (ignored.stamp == kNever) return;
  writer.finding(Kind::kComplaintIgnored, complaint.object, ignored.stamp, ignored.events).finding_class =
      complaint.kind;
  writer.interval(CaseRule::kComplaintIgnored, complaint.object, ignored.stamp, ignored.answered_at, ignored.events);
}

}  // namespace troth::operators
