// What operators ask the policy when they read a case: promises, clocks, complaints, price, voice, coupons.
#include <algorithm>
#include <array>

#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

const auto kPromiseNames = names_of<PromiseKind, kPromiseKinds>();
const auto kClockNames = names_of<ClockId, kClocks>();
const auto kStatusNames = names_of<Status, kStatusCount>();
const auto kPriorityNames = names_of<Priority, kPriorityCount>();
constexpr std::array<std::string_view, 6> kDiscountPurposes = {"acquisition", "retention",    "clearance",
                                                               "season",      "compensation", "other"};

const Calendar* read_calendar_name(const Reader& reader, const Calendars& calendars) {
  const auto at = calendars.find(reader.text());
  if (at != calendars.end()) return at->second.get();
  std::vector<std::string_view> names;
  for (const auto& [name, calendar] : calendars) names.push_back(name);
  reader.expected("the name of a calendar: " + listed(names));
  return nullptr;
}

/// Every deadline that begins at an event's time must lie within the calendar's table.
void require_reachable(const Reader& clock, const ClockPolicy& policy) {
  const std::int64_t farthest_ppm = std::max(policy.stages_ppm.back(), policy.warn_ppm);
  for (std::size_t p = 0; p < kPriorityCount; ++p) {
    constexpr TimeUs kTableEnd = Calendar::kEndDate * event::kDay;
    const TimeUs needed_us = policy.target_us[p] / event::kSecond * farthest_ppm;
    if (policy.calendar->advance(event::kEndOfTime, std::max<TimeUs>(needed_us, 1)) < kTableEnd) continue;
    clock.at("target")
        .at(kPriorityNames[p])
        .refuse("with the last of the clock's stages this takes more than a hundred years in its calendar");
  }
}

ClockPolicy read_clock(const Reader& reader, const Calendars& calendars) {
  reader.only({"calendar", "pause", "warn", "stages", "target"});
  ClockPolicy clock;
  clock.calendar = read_calendar_name(reader.at("calendar"), calendars);
  for (const Reader& each : reader.at("pause").elements(0, kListMax)) {
    clock.pause = static_cast<std::uint8_t>(clock.pause | (1U << each.one_of(kStatusNames, "a status")));
  }
  clock.warn_ppm = reader.at("warn").integer(kFactor);
  const Reader stages = reader.at("stages");
  clock.stages_ppm = stages.integers(kFactor, 1, kListMax);
  stages.require_ascending(clock.stages_ppm);
  const Reader target = reader.at("target").only(kPriorityNames);
  for (std::size_t p = 0; p < kPriorityCount; ++p) {
    clock.target_us[p] = target.at(kPriorityNames[p]).duration(event::kSecond);
  }
  if (!reader.has_problem()) require_reachable(reader, clock);
  return clock;
}

}  // namespace

void read_promises(const Reader& promises, SegmentPolicy& policy) {
  promises.only({"stages", "missing", "pace", "option_bonus", "at_risk", "free_checks"});
  const Reader stages = promises.at("stages");
  for (const Reader& each : stages.elements(1, kListMax)) policy.promise_stages_us.push_back(each.duration());
  stages.require_ascending(policy.promise_stages_us);
  policy.promise_missing_us = promises.at("missing").duration();
  const Reader pace = promises.at("pace").only(kPromiseNames);
  for (std::size_t kind = 0; kind < kPromiseKinds; ++kind)
    policy.pace[kind] = pace.at(kPromiseNames[kind]).integer(kAtLeastOne);
  policy.option_bonus = promises.at("option_bonus").integer(kFactor);
  policy.at_risk = promises.at("at_risk").integer(kShare);
  policy.free_checks = promises.at("free_checks").integer(kCount);
}

void read_clocks(const Reader& clocks, const Calendars& calendars, SegmentPolicy& policy) {
  clocks.only(kClockNames);
  for (std::size_t clock = 0; clock < kClocks; ++clock)
    policy.clocks[clock] = read_clock(clocks.at(kClockNames[clock]), calendars);
}

void read_complaints(const Reader& complaints, SegmentPolicy& policy) {
  complaints.only({"ignored_messages", "reply_reopens", "thanks", "confirm_after", "repeat_within", "free_contacts",
                   "free_handoffs"});
  policy.ignored_messages = complaints.at("ignored_messages").integer({2, kCount.most, ""});
  policy.reply_reopens = complaints.at("reply_reopens").boolean();
  policy.thanks = complaints.at("thanks").integer({-kPpm, kPpm, "ppm"});
  policy.confirm_after_us = complaints.at("confirm_after").duration();
  policy.repeat_within_us = complaints.at("repeat_within").duration();
  policy.free_contacts = complaints.at("free_contacts").integer(kCount);
  policy.free_handoffs = complaints.at("free_handoffs").integer(kCount);
}

void read_price(const Reader& price, SegmentPolicy& policy) {
  price.only({"tolerance", "neutral_discounts"});
  policy.price_tolerance = price.at("tolerance").integer(kFactor);
  for (const Reader& each : price.at("neutral_discounts").elements(0, kListMax)) {
    policy.neutral_discounts.emplace_back(kDiscountPurposes[each.one_of(kDiscountPurposes, "a purpose of discounts")]);
  }
}

void read_voice(const Reader& voice, SegmentPolicy& policy) {
  voice.only({"answer_stars", "bad_stars", "bad_nps", "bad_csat", "failure_memory"});
  policy.answer_stars = voice.at("answer_stars").integer({0, 5, "stars; 0: none"});
  policy.bad_stars = voice.at("bad_stars").integer({0, 5, "stars; 0: none"});
  policy.bad_nps = voice.at("bad_nps").integer({-1, 10, "answer; -1: none"});
  policy.bad_csat = voice.at("bad_csat").integer({0, 5, "answer; 0: none"});
  policy.failure_memory_us = voice.at("failure_memory").duration();
}

}  // namespace troth::operators
