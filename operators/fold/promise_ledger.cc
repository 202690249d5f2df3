#include "operators/fold/promise_ledger.h"

#include <algorithm>

#include "operators/fold/arithmetic.h"

namespace troth::operators {

// ------------------------------------------------------------------------------------------ of which promises it
// speaks

PromiseChain* PromiseLedger::named_by(const CaseEvent& event) {
  const auto position = index_.find(text(event.data, FieldId::kPromiseId));
  return position ? &promises_[*position] : nullptr;
}

PromiseChain* PromiseLedger::open_named_by(const CaseEvent& event) {
  PromiseChain* promise = named_by(event);
  return promise != nullptr && promise->is_open() ? promise : nullptr;
}

template <typename Act>
void PromiseLedger::for_each_delivery(const CaseEvent& event, Act act) {
  if (has(event.data, FieldId::kPromiseId)) {
    PromiseChain* promise = named_by(event);
    if (promise != nullptr && promise->kind() == PromiseKind::kDelivery) act(*promise);
    return;
  }
  for (PromiseChain& promise : promises_) {
    if (promise.kind() == PromiseKind::kDelivery) act(promise);
  }
}

template <typename Act>
void PromiseLedger::for_each_open_delivery(const CaseEvent& event, Act act) {
  for_each_delivery(event, [&](PromiseChain& promise) {
    if (promise.is_open()) act(promise);
  });
}

// --------------------------------------------------------------------------------------------------- making, due dates

void PromiseLedger::made(const CaseEvent& event, PromiseKind kind) {
  if (PromiseChain* known = named_by(event); known != nullptr) {
    const TimeUs due = number(event.data, FieldId::kDueAt);
    if (known->is_open()) known->change(event, {.due = due, .is_told = true, .by_customer = false}, writer_, failures_);
    return;
  }
  const bool is_express = kind == PromiseKind::kDelivery && flag(event.data, FieldId::kExpress);
  const std::string_view id = text(event.data, FieldId::kPromiseId);
  index_.add(id);
  promises_.emplace_back(id, kind, is_express ? "express" : name_of(kind), event, writer_.memory());
}

void PromiseLedger::changed(const CaseEvent& event, bool only_deliveries) {
  PromiseChain* promise = open_named_by(event);
  if (promise == nullptr || (only_deliveries && promise->kind() != PromiseKind::kDelivery)) return;
  promise->change(event,
                  {.due = number(event.data, FieldId::kDueAt),
                   .is_told = flag(event.data, FieldId::kNotified, true),
                   .by_customer = flag(event.data, FieldId::kByCustomer)},
                  writer_, failures_);
}

// --------------------------------------------------------------------------------------------- notice, excuse,
// movement

void PromiseLedger::notified(const CaseEvent& event, bool has_complaint) {
  if (choice(event.data, FieldId::kKind) != "delay") return;
  bool is_in_time = false;
  for_each_open_delivery(event, [&](PromiseChain& promise) {
    promise.notify(event.time, flag(event.data, FieldId::kOptionOffered));
    is_in_time = is_in_time || event.time <= promise.last_due();
  });
  if (is_in_time && !has_complaint) writer_.finding(Kind::kProactiveContact, writer_.case_key(), event);
}

/// What the customer is the cause of is also over.
void PromiseLedger::excuse(PromiseChain& promise, const CaseEvent& event) {
  promise.excuse(event.time);
  if (choice(event.data, FieldId::kCause) == "customer") close(promise, event, Outcome::kExcused);
}

void PromiseLedger::delivery_excused(const CaseEvent& event) {
  for_each_open_delivery(event, [&](PromiseChain& promise) { excuse(promise, event); });
}

void PromiseLedger::promise_excused(const CaseEvent& event) {
  if (PromiseChain* promise = open_named_by(event); promise != nullptr) excuse(*promise, event);
}

void PromiseLedger::moved(const CaseEvent& event) {
  for_each_open_delivery(event, [&](PromiseChain& promise) { promise.move(event.time); });
}

// ---------------------------------------------------------------------------------------------------------------
// outcome

void PromiseLedger::delivered(const CaseEvent& event) {
  const std::int64_t promised = number(event.data, FieldId::kQtyPromised);
  const std::int64_t missing = promised - number(event.data, FieldId::kQtyDelivered);
  for_each_open_delivery(event, [&](PromiseChain& promise) {
    if (missing <= 0) return close(promise, event, Outcome::kKept);
    close(promise, event, Outcome::kPartial);
    writer_.finding(Kind::kNotInFull, promise.object(), event).magnitude = share_ppm(missing, promised);
    faults_.order_failed(event);
  });
}

void PromiseLedger::lost(const CaseEvent& event) {
  spoiled(event);
  for_each_open_delivery(event, [&](PromiseChain& promise) { close(promise, event, Outcome::kLost); });
}

void PromiseLedger::spoiled(const CaseEvent& event) {
  for_each_delivery(event, [](PromiseChain& promise) { promise.spoil(); });
}

void PromiseLedger::kept(const CaseEvent& event) {
  if (PromiseChain* promise = open_named_by(event); promise != nullptr) close(*promise, event, Outcome::kKept);
}

void PromiseLedger::withdrawn(const CaseEvent& event) {
  PromiseChain* promise = open_named_by(event);
  if (promise == nullptr) return;
  close(*promise, event, Outcome::kWithdrawn);
  writer_.finding(Kind::kPromiseWithdrawn, promise->object(), event).finding_class = promise->finding_class();
}

void PromiseLedger::paid(const CaseEvent& event, PromiseKind kind) {
  const auto is_payable = [kind](const PromiseChain& promise) { return promise.is_open() && promise.kind() == kind; };
  if (has(event.data, FieldId::kPromiseId)) {
    PromiseChain* named = named_by(event);
    if (named != nullptr && is_payable(*named)) close(*named, event, Outcome::kKept);
    return;
  }
  const auto first = std::find_if(promises_.begin(), promises_.end(), is_payable);
  if (first != promises_.end()) close(*first, event, Outcome::kKept);
}

void PromiseLedger::order_cancelled(const CaseEvent& event) {
  for (PromiseChain& promise : promises_) {
    if (promise.is_open() && promise.kind() == PromiseKind::kDelivery) close(promise, event, Outcome::kVoid);
  }
}

bool PromiseLedger::is_overdue(TimeUs at) const {
  return std::any_of(promises_.begin(), promises_.end(),
                     [at](const PromiseChain& promise) { return promise.is_open() && promise.last_due() <= at; });
}

void PromiseLedger::finish() {
  for (const PromiseChain& promise : promises_) {
    if (promise.is_open()) failures_.add_lasting(promise.last_due(), kNever);
    promise.write(writer_);
  }
}

}  // namespace troth::operators
