// PromiseLedger: all promises of a case. It knows of which promises an event speaks, and enters what the event does to
// them (TRUST_MODEL: promises). Lives for one fold.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "operators/fold/case_writer.h"
#include "operators/fold/failures.h"
#include "operators/fold/faults.h"
#include "operators/fold/id_index.h"
#include "operators/fold/promise_chain.h"

namespace troth::operators {

class PromiseLedger {
 public:
  PromiseLedger(CaseWriter& writer, Failures& failures, Faults& faults)
      : writer_(writer),
        failures_(failures),
        faults_(faults),
        index_(writer.memory()),
        promises_(writer.memory()) {}

  /// delivery.promised, order.refund_promised, promise.made, complaint.compensation_promised.
  void made(const CaseEvent& event, PromiseKind kind);
  /// delivery.repromised (only deliveries), promise.changed.
  void changed(const CaseEvent& event, bool only_deliveries);

  /// delivery.notified. `has_complaint`: the case had a complaint before.
  void notified(const CaseEvent& event, bool has_complaint);
  /// delivery.excused, promise.excused.
  void delivery_excused(const CaseEvent& event);
  void promise_excused(const CaseEvent& event);
  /// A sign of movement.
  void moved(const CaseEvent& event);

  void delivered(const CaseEvent& event);
  void lost(const CaseEvent& event);
  /// delivery.damaged, .wrong_item and returns for these reasons.
  void spoiled(const CaseEvent& event);
  void kept(const CaseEvent& event);
  void withdrawn(const CaseEvent& event);
  /// order.refunded, complaint.compensation_paid: keeps a promise of this kind.
  void paid(const CaseEvent& event, PromiseKind kind);
  void order_cancelled(const CaseEvent& event);

  /// Whether a due date has passed by `at` without replacement or outcome so far.
  [[nodiscard]] bool is_overdue(TimeUs at) const;

  void finish();

 private:
  [[nodiscard]] PromiseChain* named_by(const CaseEvent& event);
  /// The named promise if it is open, for events that speak of promises of every kind.
  [[nodiscard]] PromiseChain* open_named_by(const CaseEvent& event);
  /// Calls `act` with each delivery promise that a delivery event speaks of: the one it names, or without a name all
  /// made so far.
  template <typename Act>
  void for_each_delivery(const CaseEvent& event, Act act);
  /// The same, only open ones: closed promises are closed to all but spoiling.
  template <typename Act>
  void for_each_open_delivery(const CaseEvent& event, Act act);
  void close(PromiseChain& promise, const CaseEvent& event, Outcome outcome) {
    promise.close(event, outcome, failures_);
  }
  void excuse(PromiseChain& promise, const CaseEvent& event);

  CaseWriter& writer_;
  Failures& failures_;
  Faults& faults_;
  IdIndex index_;
  std::pmr::vector<PromiseChain> promises_;  // in order of making
};

}  // namespace troth::operators
