#include "operators/fold/complaint.h"

#include "engine/base/assert.h"
#include "operators/fold/arithmetic.h"
#include "operators/fold/sentiment.h"

namespace troth::operators {
namespace {

Priority priority_of(const KeptEvent& e) {
  const auto priority = by_name<Priority>(choice_or(e, FieldId::kPriority, "normal"), 4);
  TROTH_ASSERT(priority.has_value());
  return *priority;
}

Status status_of(const KeptEvent& e) {
  const auto status = by_name<Status>(choice(e, FieldId::kStatus), 7);
  TROTH_ASSERT(status.has_value());
  return *status;
}

}  // namespace

Complaint::Complaint(const CaseEvent& opening, CaseWriter& writer, Failures& failures)
    : writer_(writer),
      failures_(failures),
      id_(text(opening.data, FieldId::kComplaintId)),
      kind_(choice_or(opening.data, FieldId::kKind, "complaint")),
      opened_by_(opening.index),
      loss_minor_(number(opening.data, FieldId::kLossMinor)),
      history_({{opening.time, Status::kNew, priority_of(opening.data)}}, writer.memory()),
      periods_({{opening.time, kNever}}, writer.memory()),
      clocks_(opening, 0, writer.memory()) {
  writer_.label_source(object(), opening.index);
  find(Kind::kComplaintOpened, opening);
}

Finding& Complaint::find(Kind kind, const CaseEvent& cause) {
  Finding& finding = writer_.finding(kind, object(), cause);
  finding.finding_class = kind_;
  return finding;
}

void Complaint::is_repeated(const CaseEvent& opening) {
  writer_.finding(Kind::kRepeatComplaint, object(), opening);
  repeated_.start(opening);
}

// ---------------------------------------------------------------------------------------------------------
// conversation

void Complaint::acknowledged(const CaseEvent& event) { clocks_.acknowledged(event); }

void Complaint::replied(const CaseEvent& event) {
  if (!flag(event.data, FieldId::kPublic, true)) return;
  clocks_.acknowledged(event);
  if (choice_or(event.data, FieldId::kBy, "human") != "human") return;
  clocks_.answered(event, history_index());
  note_manner(event);
}

void Complaint::note_manner(const CaseEvent& answer) {
  constexpr std::array<std::pair<FieldId, Kind>, 3> kManners{{{FieldId::kApology, Kind::kApology},
                                                              {FieldId::kReasonGiven, Kind::kReasonGiven},
                                                              {FieldId::kPersonalised, Kind::kPersonalCare}}};
  for (std::size_t i = 0; i < kManners.size(); ++i) {
    if (manner_[i] || !flag(answer.data, kManners[i].first)) continue;
    manner_[i] = true;
    writer_.finding(kManners[i].second, object(), answer);
  }
}

void Complaint::customer_replied(const CaseEvent& event) {
  const SegmentPolicy& policy = writer_.policy();
  if (++messages_ > policy.free_contacts) {
    writer_.finding(Kind::kEffort, object(), event).finding_class = "contact";
  }
  write_sentiment(event, object(), writer_);
  clocks_.customer_message(event, history_index(), policy.ignored_messages);
  if (status() == Status::kAwaitingCustomer) {
    set_status(event.time, Status::kOpen);
  } else if (!is_open() && policy.reply_reopens && !is_confirmed_ && weighed_sentiment(event.data) < policy.thanks) {
    open_again(event, Status::kOpen, Opening::kSoft);
  }
}

void Complaint::reassigned(const CaseEvent& event) {
  ++reassignments_;
  if (flag(event.data, FieldId::kChannelSwitch)) {
    writer_.finding(Kind::kEffort, object(), event).finding_class = "channel";
  } else if (reassignments_ > writer_.policy().free_handoffs) {
    writer_.finding(Kind::kEffort, object(), event).finding_class = "handoff";
  }
}

// ---------------------------------------------------------------------------------------------------------------
// status

/// At equal times the last counts.
void Complaint::record(TimeUs at, Status status, Priority priority) {
  TROTH_ASSERT(at >= history_.back().time);
  if (history_.back().time == at) {
    history_.back() = {at, status, priority};
  } else {
    history_.push_back({at, status, priority});
  }
}

void Complaint::status_changed(const CaseEvent& event) {
  const Status status = status_of(event.data);
  if (is_open()) return set_status(event.time, status);
  open_again(event, status, Opening::kSoft);
}

void Complaint::priority_changed(const CaseEvent& event) { record(event.time, status(), priority_of(event.data)); }

void Complaint::open_again(const CaseEvent& by, Status status, Opening opening) {
  if (!is_open()) {
    periods_.push_back({by.time, kNever});
    is_confirmed_ = false;
    if (credit_ && by.time < credit_->stamp) credit_.reset();
  }
  is_softly_open_ = opening == Opening::kSoft;
  set_status(by.time, status);
  closed_unresolved_.end(by, object(), writer_);
}

void Complaint::end_period(const CaseEvent& by, Status status) {
  if (is_open()) {
    OpenPeriod& period = periods_.back();
    period.end = by.time;
    if (!is_question()) failures_.add_open_period(period.begin, period.end);
  }
  is_softly_open_ = false;
  set_status(by.time, status);
  reopened_.end(by, object(), writer_);
  repeated_.end(by, object(), writer_);
}

void Complaint::resolved(const CaseEvent& event) {
  if (!is_open()) return;
  if (!credit_) {
    const TimeUs stamp = later(event.time, writer_.policy().confirm_after_us);
    const bool is_first_contact = periods_.size() == 1 && messages_ == 0 && reassignments_ == 0;
    credit_ = Credit{event.index, event.time, stamp, std::nullopt, is_first_contact};
  }
  end_period(event, Status::kResolved);
  closed_unresolved_.end(event, object(), writer_);
}

void Complaint::confirmed(const CaseEvent& event) {
  closed_unresolved_.end(event, object(), writer_);
  if (is_open()) return;
  is_confirmed_ = true;
  if (credit_ && event.time < credit_->stamp) {
    credit_->stamp = event.time;
    credit_->confirmed_by = event.index;
  }
}

bool Complaint::undone(const CaseEvent& by) {
  if (is_open() && !is_softly_open_) return false;
  ++undone_;
  open_again(by, Status::kOpen, Opening::kHard);
  reopened_.start(by);
  return true;
}

void Complaint::rejected(const CaseEvent& event) {
  if (undone(event)) find(Kind::kResolutionRejected, event);
}

void Complaint::reopened(const CaseEvent& event) {
  if (undone(event)) find(Kind::kReopened, event).magnitude = undone_ - 1;
}

void Complaint::closed(const CaseEvent& event) {
  if (status() == Status::kClosed) return;
  if (is_open()) {
    clocks_.closed(event);
    unresolved(event);
  }
  end_period(event, Status::kClosed);
}

void Complaint::unresolved(const CaseEvent& event) {
  if (is_unresolved_) return;
  is_unresolved_ = true;
  find(Kind::kClosedUnresolved, event);
  closed_unresolved_.start(event);
}

// ---------------------------------------------------------------------------------------------------------------
// finish

void Complaint::finish() {
  if (is_open() && !is_question()) failures_.add_open_period(periods_.back().begin, kNever);
  const ComplaintView view{object(), kind_, opened_at(), history_, periods_, is_open()};
  write_credit(clocks_.write(view, writer_));
  for (const Standing* standing : {&reopened_, &repeated_, &closed_unresolved_}) standing->finish(object(), writer_);
}

void Complaint::write_credit(TimeUs resolution_overdue_at) {
  if (!credit_ || resolution_overdue_at < credit_->resolved_at) return;
  EventRefs events{opened_by_, credit_->resolved_by};
  if (credit_->confirmed_by) events.push_back(*credit_->confirmed_by);
  writer_.finding(Kind::kResolvedOnTime, object(), credit_->stamp, events).finding_class = kind_;
  if (credit_->is_first_contact) {
    writer_.finding(Kind::kFirstContactFix, object(), credit_->stamp, events).finding_class = kind_;
  }
}

}  // namespace troth::operators
