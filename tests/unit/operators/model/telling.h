// Telling: events by hand and at random for tests of customers and of the whole model. Times are hours or days after a
// Monday midnight. Independent of the decoder and of any policy.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/app/shop_dice.h"
#include "engine/base/assert.h"
#include "operators/catalogue/catalogue.h"

namespace troth::operators::test {

inline constexpr TimeUs kMonday = 1'767'571'200 * event::kSecond;  // 2026-01-05T00:00:00Z
[[nodiscard]] constexpr TimeUs hour(std::int64_t hours) { return kMonday + hours * event::kHour; }
[[nodiscard]] constexpr TimeUs day(std::int64_t days) { return kMonday + days * event::kDay; }

/// A time or number, a word or id, a flag, or answers.
using FieldValue = std::variant<std::int64_t, const char*, std::string, bool, std::vector<event::Item>>;
using NamedField = std::pair<const char*, FieldValue>;

namespace internal {

inline event::Field field_of(const event::FieldSpec& spec, const FieldValue& value) {
  event::Field field;
  field.id = spec.id;
  if (const auto* number = std::get_if<std::int64_t>(&value)) field.number = *number;
  if (const auto* flag = std::get_if<bool>(&value)) field.number = *flag ? 1 : 0;
  if (const auto* items = std::get_if<std::vector<event::Item>>(&value)) field.items = *items;
  if (const auto* text = std::get_if<std::string>(&value)) field.text = *text;
  if (const auto* word = std::get_if<const char*>(&value)) {
    if (spec.kind == event::FieldKind::kOneOf) {
      const auto choice = std::find(spec.choices.begin(), spec.choices.end(), std::string_view(*word));
      TROTH_ASSERT(choice != spec.choices.end());
      field.number = choice - spec.choices.begin();
    } else {
      field.text = *word;
    }
  }
  return field;
}

}  // namespace internal

/// An event of the customer `ann`. Fields may come in any order; an event keeps them in that of the catalogue.
[[nodiscard]] inline Event event_of(TimeUs at, const char* type, std::string id,
                                    std::initializer_list<NamedField> fields = {}) {
  Event told;
  told.spec = catalogue().find(type);
  TROTH_ASSERT(told.spec != nullptr);
  told.time = at;
  told.tenant = "default";
  told.subject = "ann";
  told.source = "shop";
  told.id = std::move(id);
  for (const event::FieldSpec& spec : told.spec->fields) {
    for (const auto& [name, value] : fields) {
      if (spec.name == name) told.fields.push_back(internal::field_of(spec, value));
    }
  }
  TROTH_ASSERT(told.fields.size() == fields.size());  // the type has all of them
  return told;
}

/// Random histories of one customer: every type, few objects, so that events meet. Each event is valid by itself.
class Teller {
 public:
  explicit Teller(std::uint64_t seed, std::vector<std::string> alert_ids = {})
      : dice_(seed), alert_ids_(std::move(alert_ids)) {}

  /// How many different objects of each kind there are; more make the history wider.
  int objects = 3;
  /// Chance in percent that an event takes the name of another one.
  int same_name_percent = 3;

  [[nodiscard]] Event next(TimeUs at) {
    for (;;) {
      const auto& types = catalogue().types;
      Event told;
      told.spec = &types[static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(types.size()) - 1))];
      told.time = at;
      told.tenant = "default";
      told.subject = "ann";
      told.source = "shop";
      told.id = "n" + std::to_string(dice_.percent(same_name_percent) && count_ > 0 ? dice_.below(count_) : count_);
      for (const event::FieldSpec& spec : told.spec->fields) {
        if (is_wanted(spec)) told.fields.push_back(random_field(spec, at));
      }
      if (told.spec->check != nullptr && told.spec->check(told)) continue;
      if (dice_.percent(10)) told.labels.emplace_back("team", "t" + std::to_string(dice_.below(3)));
      ++count_;
      return told;
    }
  }

  /// `n` events from `begin` on, in order of time; gaps are mostly hours, sometimes weeks.
  [[nodiscard]] std::vector<Event> history(int n, TimeUs begin) {
    std::vector<Event> events;
    TimeUs at = begin;
    for (int i = 0; i < n; ++i) {
      if (dice_.percent(70)) at += dice_.hours(0, 30);
      if (dice_.percent(4)) at += dice_.between(5, 70) * event::kDay;
      events.push_back(next(at));
    }
    return events;
  }
  [[nodiscard]] app::Dice& dice() { return dice_; }

 private:
  bool is_wanted(const event::FieldSpec& spec) {
    if (spec.kind == event::FieldKind::kDueDate || spec.kind == event::FieldKind::kDueZone) return false;
    if (spec.kind == event::FieldKind::kDueAt || spec.required) return true;
    return dice_.percent(spec.kind == event::FieldKind::kId ? 60 : 40);
  }

  event::Field random_field(const event::FieldSpec& spec, TimeUs at) {
    event::Field field;
    field.id = spec.id;
    switch (spec.kind) {
      case event::FieldKind::kId: field.text = random_id(spec); break;
      case event::FieldKind::kBool: field.number = dice_.below(2); break;
      case event::FieldKind::kInteger:
        field.number = dice_.between(spec.min, std::min<std::int64_t>(spec.max, spec.min + 2'000'000'000));
        break;
      case event::FieldKind::kOneOf: field.number = dice_.below(static_cast<std::int64_t>(spec.choices.size())); break;
      case event::FieldKind::kTime: field.number = at + dice_.hours(0, 100); break;
      case event::FieldKind::kDueAt: field.number = at + dice_.between(0, 240) * event::kHour; break;
      case event::FieldKind::kItems:
        field.items.push_back({static_cast<std::uint8_t>(dice_.below(5)), static_cast<std::int32_t>(dice_.between(1, 7)),
                               static_cast<std::int32_t>(dice_.between(1, 9))});
        break;
      case event::FieldKind::kDueDate:
      case event::FieldKind::kDueZone: TROTH_ASSERT(false);
    }
    return field;
  }

  std::string random_id(const event::FieldSpec& spec) {
    switch (static_cast<FieldId>(spec.id)) {
      case FieldId::kSegment: return dice_.percent(50) ? "priority" : "unheard-of";
      case FieldId::kAlertId:
        if (!alert_ids_.empty() && dice_.percent(90)) {
          return alert_ids_[static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(alert_ids_.size())))];
        }
        return "no-such-alert";
      default: return std::to_string(dice_.below(objects));
    }
  }

  app::Dice dice_;
  std::vector<std::string> alert_ids_;
  std::int64_t count_ = 0;
};

}  // namespace troth::operators::test
