// Complaint: one complaint's life: status and priority, open periods, soft openings, the credit for its solution,
// effort, manner, and the alerts that events start and end (TRUST_MODEL: complaints). Its clocks are in
// ComplaintClocks. Written to event by event, finished once. Lives for one fold; refers into its events.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/complaint_clocks.h"
#include "operators/fold/failures.h"
#include "operators/fold/standing.h"

namespace troth::operators {

class Complaint {
 public:
  Complaint(const CaseEvent& opening, CaseWriter& writer, Failures& failures);

  [[nodiscard]] ObjectRef object() const { return {'c', id_}; }
  [[nodiscard]] bool is_question() const { return kind_ == "question"; }
  [[nodiscard]] bool is_open() const { return status() != Status::kResolved && status() != Status::kClosed; }
  [[nodiscard]] TimeUs opened_at() const { return periods_.front().begin; }
  /// What was lost, by the opening; 0 if it says nothing.
  [[nodiscard]] std::int64_t loss_minor() const { return loss_minor_; }

  /// The case had another complaint not long before this one.
  void is_repeated(const CaseEvent& opening);
  void acknowledged(const CaseEvent& event);
  void replied(const CaseEvent& event);
  void customer_replied(const CaseEvent& event);
  void status_changed(const CaseEvent& event);
  void priority_changed(const CaseEvent& event);
  void reassigned(const CaseEvent& event);
  void resolved(const CaseEvent& event);
  void confirmed(const CaseEvent& event);
  void rejected(const CaseEvent& event);
  void reopened(const CaseEvent& event);
  void closed(const CaseEvent& event);
  /// Closed while open, or a survey says it was no solution: a finding once.
  void unresolved(const CaseEvent& event);

  void finish();

 private:
  /// The credit for a solution: pending until its stamp, earned from then on.
  struct Credit {
    std::uint32_t resolved_by;
    TimeUs resolved_at;
    TimeUs stamp;
    std::optional<std::uint32_t> confirmed_by;
    bool is_first_contact;
  };
  enum class Opening { kSoft, kHard };

  [[nodiscard]] Status status() const { return history_.back().status; }
  [[nodiscard]] std::size_t history_index() const { return history_.size() - 1; }
  Finding& find(Kind kind, const CaseEvent& cause);
  void note_manner(const CaseEvent& answer);
  void record(TimeUs at, Status status, Priority priority);
  void set_status(TimeUs at, Status status) { record(at, status, history_.back().priority); }
  /// Sets a status in which the complaint is open, whether or not it was open.
  void open_again(const CaseEvent& by, Status status, Opening opening);
  /// Sets resolved or closed.
  void end_period(const CaseEvent& by, Status status);
  /// Rejected or reopened, if that tells anything new.
  bool undone(const CaseEvent& by);
  void write_credit(TimeUs resolution_overdue_at);

  CaseWriter& writer_;
  Failures& failures_;
  std::string_view id_;
  std::string_view kind_;
  std::uint32_t opened_by_;
  std::int64_t loss_minor_;
  std::pmr::vector<HistoryEntry> history_;
  std::pmr::vector<OpenPeriod> periods_;
  bool is_softly_open_ = false;
  bool is_confirmed_ = false;  // since it was last open
  std::int64_t messages_ = 0;
  std::int64_t reassignments_ = 0;
  std::int64_t undone_ = 0;
  bool is_unresolved_ = false;
  std::array<bool, 3> manner_{};
  std::optional<Credit> credit_;
  ComplaintClocks clocks_;
  Standing reopened_{CaseRule::kComplaintReopened};
  Standing repeated_{CaseRule::kComplaintRepeated};
  Standing closed_unresolved_{CaseRule::kClosedUnresolved};
};

}  // namespace troth::operators
