#include "operators/customer/held.h"

namespace troth::operators {

NamedObjects::NamedObjects(const Event& event) {
  struct Naming {
    FieldId field;
    char kind;
  };
  // In order of rank: an order above a complaint above a review above a survey above a promise.
  static constexpr std::array<Naming, 5> kNamings{{{FieldId::kOrderId, 'o'},
                                                   {FieldId::kComplaintId, 'c'},
                                                   {FieldId::kReviewId, 'r'},
                                                   {FieldId::kSurveyId, 's'},
                                                   {FieldId::kPromiseId, 'p'}}};
  for (const Naming& naming : kNamings) {
    const std::string_view id = text(event, naming.field);
    if (!id.empty()) objects_[size_++] = {naming.kind, id};
  }
}

bool before(const Held* a, const Held* b) { return event::canonical_order(a->event, b->event) < 0; }

bool is_caseless(Type type) {
  return type == Type::kCustomerUpdated || type == Type::kAlertActed || type == Type::kCustomerErased;
}

}  // namespace troth::operators
