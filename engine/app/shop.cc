#include "engine/app/shop.h"

#include <algorithm>

#include "engine/app/shop_stories.h"

namespace troth::app {
namespace {

using event::kDay;
using event::kHour;
using event::TimeUs;

const Service& draw_service(Dice& dice) {
  const std::int64_t luck = dice.below(100);
  if (luck < 80) return kGoodService;
  return luck < 91 ? kMixedService : kBadService;
}

Season season_of(const ShopOptions& options) {
  const std::int64_t days = options.days;
  Season season;
  season.start = options.start;
  season.end = options.start + days * kDay;
  season.storm = {options.start + days * 35 / 100 * kDay, options.start + (days * 35 / 100 + 3) * kDay};
  season.rush = {options.start + days * 60 / 100 * kDay, options.start + (days * 60 / 100 + 7) * kDay};
  return season;
}

/// A customer's time with the shop: orders at the customer's pace, slower with every disappointment, until enough is
/// enough.
void tell_customer(Teller& teller) {
  Journal& journal = teller.journal;
  Dice& dice = teller.dice;
  const TimeUs known = teller.season.start + 3 * kHour + teller.journal.customer_number() * event::kSecond;
  ShopData data{{"ltv_minor", (teller.is_valued ? dice.between(90'000, 160'000) : dice.between(1'000, 40'000)) * 100}};
  if (teller.is_valued) data.emplace("segment", "priority");
  journal.write(known, Reporter::kShop, "customer.updated", std::move(data));

  const std::int64_t pace = dice.between(5, 22);  // days between orders
  std::int64_t grief = 0;
  TimeUs next = teller.season.start + dice.hours(6, pace * 24);
  for (std::int64_t number = 1; next < teller.season.end; ++number) {
    const TimeUs placed = waking_hour(dice, next);
    const Outcome outcome = tell_order(teller, placed, number);
    grief = std::clamp<std::int64_t>(grief - outcome.mood, 0, 12);
    if (grief >= 5 && dice.percent(20 + 5 * grief)) {
      const TimeUs gone = outcome.at + dice.hours(10, 90);
      if (dice.percent(50)) journal.write(gone, Reporter::kShop, "customer.subscription_cancelled");
      if (dice.percent(60)) journal.write(gone + dice.minutes(1, 30), Reporter::kShop, "customer.account_closed");
      return;
    }
    if (grief == 0 && dice.percent(4))
      journal.write(outcome.at + dice.hours(2, 60), Reporter::kShop, "customer.referred");
    next = placed + dice.hours(pace * 14, pace * 34) + pace * grief * kDay / 4;
  }
}

}  // namespace

std::vector<ShopEvent> simulate_shop(const ShopOptions& options) {
  std::vector<ShopEvent> events;
  const Season season = season_of(options);
  for (std::int64_t number = 1; number <= options.customers; ++number) {
    // Dice of their own: one customer more or less changes nothing for the others.
    Dice seeds(options.seed * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(number));
    Dice dice(seeds.next());
    Journal journal(number, season.end, events);
    const Service& service = draw_service(dice);
    const bool is_valued = dice.percent(12);
    Teller teller{journal, dice, service, season, is_valued};
    tell_customer(teller);
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const ShopEvent& a, const ShopEvent& b) { return a.time < b.time; });
  return events;
}

}  // namespace troth::app
