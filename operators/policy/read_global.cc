// What no segment can change: `global` and `calendars`.
#include <algorithm>
#include <array>
#include <optional>

#include "engine/event/zone.h"
#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

const auto kDimensionNames = names_of<Dimension, kDimensions>();

/// Two digits at the front, at most `most`.
std::optional<int> two_digits(std::string_view text, int most) {
  if (text.size() < 2 || text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') return std::nullopt;
  const int value = (text[0] - '0') * 10 + (text[1] - '0');
  return value <= most ? std::optional(value) : std::nullopt;
}

/// hh:mm up to 48:00, in minutes.
std::optional<int> minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = two_digits(text, 48);
  const auto minute = two_digits(text.substr(3), 59);
  if (!hour || !minute || *hour * 60 + *minute > 48 * 60) return std::nullopt;
  return *hour * 60 + *minute;
}

Calendar::Hours read_hours(const Reader& reader) {
  const std::string text = reader.text();
  const bool is_pair = text.size() == 11 && text[5] == '-';
  const auto start = is_pair ? minutes(std::string_view(text).substr(0, 5)) : std::nullopt;
  const auto end = is_pair ? minutes(std::string_view(text).substr(6)) : std::nullopt;
  if (!start || !end) {
    reader.expected("an interval hh:mm-hh:mm");
    return {};
  }
  if (*start >= 24 * 60 || *start >= *end) reader.expected("an interval that starts before 24:00 and before its end");
  return {*start, *end};
}

Calendar::Version read_version(const Reader& reader) {
  reader.only({"from", "week", "holidays"});
  Calendar::Version version;
  version.from = reader.at("from").date();
  const Reader week = reader.at("week").only(kWeekdays);
  for (std::size_t day = 0; day < kWeekdays.size(); ++day) {
    const auto hours = week.maybe(kWeekdays[day]);
    if (!hours) continue;  // closed
    for (const Reader& each : hours->elements(0, kListMax)) version.week[day].push_back(read_hours(each));
  }
  for (const Reader& each : reader.at("holidays").elements(0, 100'000)) version.holidays.push_back(each.date());
  return version;
}

std::unique_ptr<Calendar> read_calendar(const Reader& reader) {
  reader.only({"zone", "versions"});
  const Reader zone_name = reader.at("zone");
  const event::Zone* zone = event::find_zone(zone_name.text());
  if (zone == nullptr) {
    zone_name.expected("a time zone of the database in " + std::string(event::kZoneDirectory) + ", as Europe/Berlin");
  }
  std::vector<Calendar::Version> versions;
  const std::vector<Reader> readers = reader.at("versions").elements(1, kListMax);
  for (const Reader& each : readers) {
    versions.push_back(read_version(each));
    if (versions.size() > 1 && versions[versions.size() - 2].from >= versions.back().from) {
      each.at("from").expected("later than that of the version before it");
    }
  }
  if (reader.has_problem()) return nullptr;
  const auto& week = versions.back().week;
  if (std::all_of(week.begin(), week.end(), [](const auto& hours) { return hours.empty(); })) {
    readers.back().at("week").refuse("the last version is never open: nothing would ever become due");
    return nullptr;
  }
  return std::make_unique<Calendar>(zone, std::move(versions));
}

}  // namespace

GlobalPolicy read_global(const Reader& global) {
  global.only({"lateness", "quiet", "link_life", "skew", "case_events", "open_cases", "customer_events", "half_life"});
  GlobalPolicy policy;
  policy.lateness_us = global.at("lateness").duration();
  policy.quiet_us = global.at("quiet").duration();
  policy.link_life_us = global.at("link_life").duration();
  policy.skew_us = global.at("skew").duration();
  policy.case_events = global.at("case_events").integer(kAtLeastOne);
  policy.open_cases = global.at("open_cases").integer(kAtLeastOne);
  policy.customer_events = global.at("customer_events").integer(kAtLeastOne);
  const Reader half_life = global.at("half_life").only(kDimensionNames);
  for (std::size_t d = 0; d < kDimensions; ++d) {
    policy.half_life_us[d] = half_life.at(kDimensionNames[d]).duration(event::kSecond);
  }
  return policy;
}

Calendars read_calendars(const Reader& calendars) {
  Calendars result;
  result.emplace("always", std::make_unique<Calendar>(Calendar::always()));
  for (const auto& [name, reader] : calendars.members()) {
    if (name == "always") reader.refuse("this calendar is built in and cannot be defined");
    if (reader.has_problem()) break;
    result.emplace(name, read_calendar(reader));
  }
  return result;
}

}  // namespace troth::operators
