// CaseWalk: one pass over the events of a case: shows each event to the operators that it concerns, and lets them write
// what follows after the last one. Lives for one fold.
#pragma once

#include "operators/fold/behaviour.h"
#include "operators/fold/case_writer.h"
#include "operators/fold/complaints.h"
#include "operators/fold/failures.h"
#include "operators/fold/faults.h"
#include "operators/fold/promise_ledger.h"
#include "operators/fold/voice.h"

namespace troth::operators {

class CaseWalk {
 public:
  explicit CaseWalk(CaseWriter& writer) : writer_(writer) {}

  void take(const CaseEvent& event);
  void finish();

 private:
  void on_promise(const CaseEvent& event);
  void on_delivery(const CaseEvent& event);
  void on_complaint(const CaseEvent& event);
  void on_the_rest(const CaseEvent& event);
  void returned(const CaseEvent& event);
  void compensation_paid(const CaseEvent& event);
  void survey_answered(const CaseEvent& event);

  /// Judged with the events up to the one at hand.
  [[nodiscard]] bool failed_recently(const CaseEvent& event) const;

  CaseWriter& writer_;
  Failures failures_{writer_.memory()};
  Faults faults_{writer_, failures_};
  PromiseLedger promises_{writer_, failures_, faults_};
  Complaints complaints_{writer_, failures_, faults_};
  Voice voice_{writer_};
  Behaviour behaviour_{writer_};
};

}  // namespace troth::operators
