#include "engine/app/shop_journal.h"

#include <fmt/format.h>

#include <array>

namespace troth::app {
namespace {

constexpr std::array<const char*, 40> kNames{
    "ada",  "amir", "anna", "ben",  "bo",   "carla", "chen", "dana", "emil", "eva",  "farid", "finn",  "greta", "hana",
    "ines", "ivan", "jon",  "jule", "kaya", "kofi",  "lea",  "lars", "lina", "maja", "mara",  "milan", "mio",   "nils",
    "noor", "nora", "olga", "omar", "pia",  "raj",   "romy", "sami", "tara", "theo", "uma",   "yuki"};
constexpr std::array<const char*, 4> kReporters{"shop", "carrier", "helpdesk", "reviews"};

}  // namespace

Journal::Journal(std::int64_t customer_number, event::TimeUs end, std::vector<ShopEvent>& events)
    : number_(customer_number),
      customer_(
          fmt::format("{}-{:04}", kNames[static_cast<std::size_t>(customer_number) % kNames.size()], customer_number)),
      end_(end),
      events_(events) {}

void Journal::write(event::TimeUs time, Reporter reporter, const char* type, ShopData data) {
  if (time >= end_) return;
  ShopData event{{"specversion", "1.0"},
                 {"source", kReporters[static_cast<std::size_t>(reporter)]},
                 {"id", fmt::format("{}-{}", number_, ++written_)},
                 {"subject", customer_},
                 {"time", event::format_time(time)},
                 {"type", type}};
  if (!data.empty()) event.emplace("data", std::move(data));
  events_.push_back({time, customer_, base::canonical_json(base::Value(std::move(event)))});
}

}  // namespace troth::app
