#include "operators/fold/complaints.h"

#include <algorithm>

#include "operators/fold/arithmetic.h"

namespace troth::operators {

Complaint* Complaints::named_by(const CaseEvent& event) {
  const auto position = index_.find(text(event.data, FieldId::kComplaintId));
  return position ? &complaints_[*position] : nullptr;
}

void Complaints::opened(const CaseEvent& event) {
  if (named_by(event) != nullptr) return;
  index_.add(text(event.data, FieldId::kComplaintId));
  Complaint& complaint = complaints_.emplace_back(event, writer_, failures_);
  if (complaint.is_question()) return;
  if (last_opened_at_ && event.time - *last_opened_at_ <= writer_.policy().repeat_within_us)
    complaint.is_repeated(event);
  last_opened_at_ = event.time;
  faults_.state_complaint(event);
}

void Complaints::compensation_paid(const CaseEvent& event) {
  const std::string_view kind = choice(event.data, FieldId::kKind);
  const Complaint* complaint = named_by(event);
  const std::int64_t loss = complaint == nullptr ? 0 : complaint->loss_minor();
  const std::int64_t amount = number(event.data, FieldId::kAmountMinor);
  Finding& compensated = writer_.finding(Kind::kCompensated, {'c', text(event.data, FieldId::kComplaintId)}, event);
  compensated.finding_class = kind;
  const bool is_whole = kind == "replacement" || loss == 0;
  compensated.magnitude = is_whole ? kPpm : share_ppm(amount, loss);
}

void Complaints::escalated(const CaseEvent& event) {
  const ObjectRef object{'c', text(event.data, FieldId::kComplaintId)};
  writer_.finding(Kind::kWentOutside, object, event).finding_class = choice(event.data, FieldId::kBody);
}

bool Complaints::is_failing() const {
  return std::any_of(complaints_.begin(), complaints_.end(),
                     [](const Complaint& each) { return !each.is_question() && each.is_open(); });
}

void Complaints::finish() {
  for (Complaint& complaint : complaints_) complaint.finish();
}

}  // namespace troth::operators
