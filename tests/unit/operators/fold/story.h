// Story: a case told by hand for tests of the fold, and what the fold makes of it as readable lines. Times are hours
// after a Monday midnight; the policy is round numbers in calendar time, so that every expectation can be worked out on
// paper. Independent of the decoder and of the default policy.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/assert.h"
#include "operators/fold/case_fold.h"

namespace troth::operators {

inline constexpr TimeUs kMonday = 1'767'571'200 * event::kSecond;  // 2026-01-05T00:00:00Z
[[nodiscard]] constexpr TimeUs h(std::int64_t hours) { return kMonday + hours * event::kHour; }

[[nodiscard]] inline const Calendar& open_for_ever() {
  static const Calendar calendar = Calendar::always();
  return calendar;
}

/// Deadlines of 10 h (2 h if urgent) with stages at 1× and 2×; `ignored` after 30 h; lateness at 0, 24 and 48 h.
[[nodiscard]] inline SegmentPolicy round_policy() {
  SegmentPolicy policy;
  policy.promise_stages_us = {0, 24 * event::kHour, 48 * event::kHour};
  policy.promise_missing_us = 100 * event::kHour;
  policy.pace.fill(1);
  policy.pace[static_cast<std::size_t>(PromiseKind::kCallback)] = 12;
  policy.option_bonus = 250'000;
  policy.at_risk = 500'000;
  policy.free_checks = 1;
  for (ClockPolicy& clock : policy.clocks) {
    clock.calendar = &open_for_ever();
    clock.pause = 1U << static_cast<unsigned>(Status::kAwaitingCustomer);
    clock.stages_ppm = {1'000'000, 2'000'000};
    clock.target_us = {20 * event::kHour, 10 * event::kHour, 5 * event::kHour, 2 * event::kHour};
  }
  policy.clocks[static_cast<std::size_t>(ClockId::kFirstReply)].warn_ppm = 800'000;
  policy.clocks[static_cast<std::size_t>(ClockId::kIgnored)].target_us.fill(30 * event::kHour);
  policy.ignored_messages = 3;
  policy.thanks = 300'000;
  policy.free_contacts = 2;
  policy.free_handoffs = 1;
  policy.reply_reopens = true;
  policy.confirm_after_us = 72 * event::kHour;
  policy.repeat_within_us = 240 * event::kHour;
  policy.price_tolerance = 5'000;
  policy.neutral_discounts = {"clearance"};
  policy.answer_stars = 3;
  policy.bad_stars = 2;
  policy.bad_nps = 6;
  policy.bad_csat = 2;
  policy.failure_memory_us = 100 * event::kHour;
  policy.fix_within_us = 48 * event::kHour;
  for (CaseRulePolicy& rule : policy.case_rules) rule.exists = true;
  return policy;
}

/// A field of an event: a time or number, a word or id, a flag, or answers.
using FieldValue = std::variant<std::int64_t, const char*, bool, std::vector<event::Item>>;
struct NamedField {
  const char* name;
  FieldValue value;
};

class Story {
 public:
  SegmentPolicy policy = round_policy();

  explicit Story(const char* case_key = "o:o1") : key_(case_key) {}

  /// Events come in canonical order: that is the caller's word. Each is named by its number.
  Story& tell(TimeUs at, const char* type, std::initializer_list<NamedField> fields = {}) {
    auto told = std::make_unique<Event>();
    told->spec = catalogue().find(type);
    TROTH_ASSERT(told->spec != nullptr);
    told->time = at;
    told->source = "shop";
    told->id = std::to_string(events_.size());
    for (const NamedField& field : fields) told->fields.push_back(make(*told->spec, field));
    events_.push_back(std::move(told));
    return *this;
  }
  Event& last() { return *events_.back(); }

  /// As the events are now. Folds stay good as long as the story.
  [[nodiscard]] CaseFold fold() const {
    return fold_case(kept(), {key_[0], std::string_view(key_).substr(2)}, policy);
  }
  [[nodiscard]] TimeUs activity() const {
    return activity_end(kept(), {key_[0], std::string_view(key_).substr(2)}, policy);
  }

  using Lines = std::vector<std::string>;
  /// "promise_late delivery p:p1 24h m=0 n=0 by 0 1", those of the kinds asked for, in the fold's order.
  [[nodiscard]] Lines findings(std::initializer_list<Kind> kinds) const {
    const CaseFold folded = fold();
    Lines lines;
    for (const Finding& f : folded.findings) {
      if (std::find(kinds.begin(), kinds.end(), f.kind) == kinds.end()) continue;
      std::string line(name_of(f.kind));
      if (!f.finding_class.empty()) line.append(" ").append(f.finding_class);
      line += " " + f.object.str() + " " + hours(f.stamp);
      if (f.magnitude != 0) line += " m=" + std::to_string(f.magnitude);
      if (f.lead_s != 0) line += " n=" + std::to_string(f.lead_s);
      if (f.excused) line += " excused";
      lines.push_back(line + by(f.events));
    }
    return lines;
  }
  /// "PROMISE_BROKEN p:p1 24h..30h by 0 1"
  [[nodiscard]] Lines intervals(CaseRule rule) const {
    const CaseFold folded = fold();
    Lines lines;
    for (const Interval& i : folded.intervals) {
      if (i.rule == rule) lines.push_back(i.object.str() + " " + hours(i.start) + ".." + hours(i.end) + by(i.events));
    }
    return lines;
  }

  [[nodiscard]] static std::string hours(TimeUs t) {
    if (t == kNever) return "never";
    const std::int64_t whole = event::floor_div(t - kMonday, event::kHour);
    const TimeUs rest = t - h(whole);
    std::string text = std::to_string(whole) + "h";
    return rest == 0 ? text : text + "+" + std::to_string(rest) + "us";
  }

  /// The events as the last fold saw them.
  [[nodiscard]] const KeptEvent& last_kept() const { return kept_.back(); }

 private:
  [[nodiscard]] std::vector<const KeptEvent*> kept() const {
    std::vector<const KeptEvent*> events;
    for (const auto& event : events_) events.push_back(&kept_.emplace_back(*event));
    return events;
  }
  static std::string by(const EventRefs& refs) {
    std::string text = " by";
    for (const std::uint32_t index : refs) text += " " + std::to_string(index);
    return text;
  }

  static event::Field make(const event::TypeSpec& type, const NamedField& named) {
    for (const event::FieldSpec& spec : type.fields) {
      if (spec.name != named.name) continue;
      event::Field field;
      field.id = spec.id;
      if (const auto* number = std::get_if<std::int64_t>(&named.value)) field.number = *number;
      if (const auto* flag = std::get_if<bool>(&named.value)) field.number = *flag ? 1 : 0;
      if (const auto* items = std::get_if<std::vector<event::Item>>(&named.value)) field.items = *items;
      if (const auto* word = std::get_if<const char*>(&named.value)) {
        const auto choice = std::find(spec.choices.begin(), spec.choices.end(), *word);
        if (spec.kind == event::FieldKind::kOneOf) {
          TROTH_ASSERT(choice != spec.choices.end());
          field.number = choice - spec.choices.begin();
        } else {
          field.text = *word;
        }
      }
      return field;
    }
    TROTH_ASSERT(false);  // the type has no such field
  }

  std::string key_;
  std::vector<std::unique_ptr<Event>> events_;
  mutable std::deque<KeptEvent> kept_;
};

using Lines = Story::Lines;

}  // namespace troth::operators
