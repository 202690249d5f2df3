// A catalogue of two types that has every kind of field: the tests of this room know nothing of the trust model.
#pragma once

#include "engine/event/event.h"

namespace troth::event {

inline constexpr std::string_view kColours[] = {"red", "green", "blue"};
inline constexpr std::string_view kQualities[] = {"speed", "warmth"};

enum Id : std::uint8_t { kName, kIsNew, kAmount, kColour, kDueAt, kDueDate, kDueZone, kUntil, kAnswers };

inline std::optional<Rejection> amount_is_not_13(const Event& event) {
  if (event.number(kAmount) == 13) return Rejection{Reason::kBadValue, "amount"};
  return std::nullopt;
}

inline const Catalogue& small_catalogue() {
  static const Catalogue kCatalogue = {{{"thing.made",
                                         0,
                                         {{kName, "name", FieldKind::kId, true},
                                          {kIsNew, "is_new", FieldKind::kBool},
                                          {kAmount, "amount", FieldKind::kInteger, false, -5, 1000},
                                          {kColour, "colour", FieldKind::kOneOf, false, 0, 0, kColours},
                                          {kDueAt, "due_at", FieldKind::kDueAt},
                                          {kDueDate, "due_date", FieldKind::kDueDate},
                                          {kDueZone, "due_zone", FieldKind::kDueZone},
                                          {kUntil, "until", FieldKind::kTime},
                                          {kAnswers, "answers", FieldKind::kItems, false, 0, 0, kQualities}},
                                         amount_is_not_13},
                                        {"thing.gone", 1, {{kName, "name", FieldKind::kId}}}},
                                       kQualities};
  return kCatalogue;
}

/// A field that holds a number.
inline Field numeric(std::uint8_t id, std::int64_t number) {
  Field field;
  field.id = id;
  field.number = number;
  return field;
}

inline Field textual(std::uint8_t id, std::string text) {
  Field field;
  field.id = id;
  field.text = std::move(text);
  return field;
}

inline Event thing_gone() {
  Event event;
  event.spec = &small_catalogue().types[1];
  event.time = 5 * kSecond;
  event.tenant = "default";
  event.subject = "c1";
  event.source = "shop";
  event.id = "e1";
  return event;
}

/// Has every field and two labels.
inline Event thing_made() {
  Event event = thing_gone();
  event.spec = &small_catalogue().types[0];
  Field answers;
  answers.id = kAnswers;
  answers.items = {{1, 7, 1000}, {0, 1, 1}};
  event.fields = {textual(kName, "a \"name\""),
                  numeric(kIsNew, 1),
                  numeric(kAmount, -5),
                  numeric(kColour, 2),
                  numeric(kDueAt, kDay),
                  numeric(kUntil, 2 * kDay),
                  answers};
  event.labels = {{"carrier", "dhl"}, {"region", "süd"}};
  event.origin = {3, 7, 123'456'789'012};
  return event;
}

}  // namespace troth::event
