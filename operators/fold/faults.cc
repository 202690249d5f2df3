#include "operators/fold/faults.h"

#include "engine/base/assert.h"

namespace troth::operators {
namespace {

std::string_view part_of(const CaseEvent& event) { return choice_or(event.data, FieldId::kPart, "basic"); }

}  // namespace

void Faults::state(Kind fact, const CaseEvent& by, std::string_view part) {
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(fact);
  if ((established_ & bit) == 0) {
    established_ |= bit;
    writer_.finding(fact, writer_.case_key(), by).finding_class = part;
  }
  switch (fact) {
    case Kind::kParcelLost:
    case Kind::kParcelDamaged:
    case Kind::kWrongItem:
    case Kind::kQualityDefect: return order_failed(by);
    case Kind::kMisrepresented: return price_failed(by);
    case Kind::kRudeness: return;  // no failure of the order
    default: TROTH_ASSERT(false);
  }
}

void Faults::state_return(const CaseEvent& requested) {
  const std::string_view reason = choice(requested.data, FieldId::kReason);
  if (reason == "damaged") state(Kind::kParcelDamaged, requested, part_of(requested));
  if (reason == "wrong_item") state(Kind::kWrongItem, requested);
  if (reason == "defect") state(Kind::kQualityDefect, requested, part_of(requested));
  if (reason == "not_as_described") state(Kind::kMisrepresented, requested);
}

void Faults::state_complaint(const CaseEvent& opened) {
  const std::string_view category = choice(opened.data, FieldId::kCategory);
  if (category == "quality") state(Kind::kQualityDefect, opened, part_of(opened));
  if (category == "misrepresentation") state(Kind::kMisrepresented, opened);
  if (category == "rude_staff") state(Kind::kRudeness, opened);
}

void Faults::order_failed(const CaseEvent& by) {
  failures_.add_momentary(by.time);
  order_fault_.start(by);
}

void Faults::price_failed(const CaseEvent& by) {
  failures_.add_momentary(by.time);
  price_fault_.start(by);
}

void Faults::remedy(const CaseEvent& by) {
  order_fault_.end(by, writer_.case_key(), writer_);
  price_fault_.end(by, writer_.case_key(), writer_);
}

void Faults::finish() {
  order_fault_.finish(writer_.case_key(), writer_);
  price_fault_.finish(writer_.case_key(), writer_);
}

}  // namespace troth::operators
