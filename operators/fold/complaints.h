// Complaints: all complaints of a case, found by id, and what an event about one states even if nobody opened it
// (TRUST_MODEL: complaints; folds). Lives for one fold.
#pragma once

#include <optional>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/complaint.h"
#include "operators/fold/failures.h"
#include "operators/fold/faults.h"
#include "operators/fold/id_index.h"

namespace troth::operators {

class Complaints {
 public:
  Complaints(CaseWriter& writer, Failures& failures, Faults& faults)
      : writer_(writer),
        failures_(failures),
        faults_(faults),
        index_(writer.memory()),
        complaints_(writer.memory()) {}

  [[nodiscard]] bool empty() const { return complaints_.empty(); }

  /// complaint.opened; only the first of an id counts.
  void opened(const CaseEvent& event);
  /// The complaint that an event names, or null if it is unknown by then.
  [[nodiscard]] Complaint* named_by(const CaseEvent& event);
  void compensation_paid(const CaseEvent& event);
  void escalated(const CaseEvent& event);

  /// Whether one that is no question is open.
  [[nodiscard]] bool is_failing() const;

  void finish();

 private:
  CaseWriter& writer_;
  Failures& failures_;
  Faults& faults_;
  IdIndex index_;
  std::pmr::vector<Complaint> complaints_;     // in order of opening
  std::optional<TimeUs> last_opened_at_;  // of one that is no question
};

}  // namespace troth::operators
