#include "operators/customer/held.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace troth::operators {
namespace {

/// What a field names, by the rank of its kind: an order above a complaint above a review above a survey above a
/// promise. Nothing: it names no object.
constexpr std::string_view kKinds = "ocrsp";
std::size_t rank_of(std::uint8_t field) {
  switch (static_cast<FieldId>(field)) {
    case FieldId::kOrderId: return 0;
    case FieldId::kComplaintId: return 1;
    case FieldId::kReviewId: return 2;
    case FieldId::kSurveyId: return 3;
    case FieldId::kPromiseId: return 4;
    default: return kKinds.size();
  }
}

std::uint64_t digest_of_name(const KeptEvent& event) {
  return XXH3_64bits_withSeed(event.id.data(), event.id.size(), event.source.size());
}

}  // namespace

NamedObjects::NamedObjects(const KeptEvent& event) : fields_(event.fields().data()) {
  std::array<std::uint8_t, kKinds.size()> by_rank{};  // place among the fields, from 1
  const auto fields = event.fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t rank = rank_of(fields[i].id);
    if (rank < kKinds.size()) by_rank[rank] = static_cast<std::uint8_t>(i + 1);
  }
  for (const std::uint8_t place : by_rank) {
    if (place > 0) places_[size_++] = static_cast<std::uint8_t>(place - 1);
  }
}

ObjectRef NamedObjects::operator[](std::size_t i) const {
  const event::KeptField& field = fields_[places_[i]];
  return {kKinds[rank_of(field.id)], field.text(fields_)};
}

Held::Held(const Event& e) : event(e), objects(event), name_digest(digest_of_name(event)) {}

bool before(const Held* a, const Held* b) { return event::canonical_order(a->event, b->event) < 0; }

bool is_caseless(Type type) {
  return type == Type::kCustomerUpdated || type == Type::kAlertActed || type == Type::kCustomerErased;
}

}  // namespace troth::operators
