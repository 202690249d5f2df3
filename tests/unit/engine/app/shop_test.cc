#include "engine/app/shop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/app/at_risk.h"
#include "engine/app/demo_play.h"
#include "engine/base/hash.h"
#include "engine/decode/decoder.h"
#include "operators/catalogue/catalogue.h"

namespace troth::app {
namespace {

constexpr ShopOptions kShop{.customers = 120, .days = 45, .seed = 3};

std::string lines(const ShopOptions& options) {
  std::string text;
  for (const ShopEvent& event : simulate_shop(options)) text += event.json + '\n';
  return text;
}

std::map<std::string, int> types_of(const ShopOptions& options) {
  decode::Decoder decoder(operators::catalogue());
  std::map<std::string, int> types;
  for (const ShopEvent& event : simulate_shop(options)) {
    const decode::Decoded decoded = decoder.structured(event.json);
    if (decoded.event) ++types[std::string(decoded.event->spec->name)];
  }
  return types;
}

/// The whole play in few words: what was counted, and who is at risk at its end.
std::string play(const ShopOptions& options, std::string* changes = nullptr) {
  auto policy = load_policy(std::nullopt, std::nullopt);
  EXPECT_TRUE(policy.ok());
  auto demo = DemoPlay::open(options, std::move(*policy), std::nullopt, changes != nullptr);
  if (!demo) return demo.error().message;
  while (!(*demo)->at_end()) {
    const auto day = (*demo)->play_day();
    if (!day) return day.error().message;
    for (const AlertChange& change : day->changes) {
      *changes += std::to_string(day->number) + ' ' + change.customer + ' ' + std::string(change.rule) + ' ' +
                  std::to_string(change.moved) + '\n';
    }
  }
  Summary summary = (*demo)->summary();
  auto top = most_at_risk((*demo)->instance(), (*demo)->now(), 1'000);
  if (!top) return top.error().message;
  return summary_json(summary) + at_risk_text(*top, Terminal(1));
}

TEST(Shop, the_same_seed_gives_the_same_bytes) { EXPECT_EQ(lines(kShop), lines(kShop)); }

TEST(Shop, the_default_shop_is_the_same_with_every_compiler_and_on_every_machine) {
  EXPECT_EQ(base::sha256_hex(lines({})), "0d1c7e695ec1fdf5f2d2d7d9ab61521915cf8246dcd5fe968ee819ce974ecfb2");
}

TEST(Shop, another_seed_gives_another_shop) {
  ShopOptions other = kShop;
  other.seed = 4;
  EXPECT_NE(lines(kShop), lines(other));
}

TEST(Shop, more_customers_change_nothing_for_those_before_them) {
  ShopOptions more = kShop;
  more.customers += 10;
  std::multiset<std::string> few, many;
  for (const ShopEvent& event : simulate_shop(kShop)) few.insert(event.json);
  for (const ShopEvent& event : simulate_shop(more)) many.insert(event.json);
  EXPECT_GT(many.size(), few.size());
  EXPECT_TRUE(std::includes(many.begin(), many.end(), few.begin(), few.end()));
}

TEST(Shop, events_come_in_order_of_time_within_the_days_asked_for) {
  const auto events = simulate_shop(kShop);
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(std::is_sorted(events.begin(), events.end(),
                             [](const ShopEvent& a, const ShopEvent& b) { return a.time < b.time; }));
  EXPECT_GE(events.front().time, kShop.start);
  EXPECT_LT(events.back().time, kShop.start + kShop.days * event::kDay);
  EXPECT_GE(events.back().time, kShop.start + (kShop.days - 1) * event::kDay);
}

TEST(Shop, every_event_is_valid_and_says_what_the_list_says) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    ShopOptions options = kShop;
    options.seed = seed;
    decode::Decoder decoder(operators::catalogue());
    std::set<std::string> names;
    for (const ShopEvent& event : simulate_shop(options)) {
      const decode::Decoded decoded = decoder.structured(event.json);
      ASSERT_TRUE(decoded.event) << event.json << ' ' << decoded.rejection->field;
      EXPECT_EQ(decoded.event->time, event.time);
      EXPECT_EQ(decoded.event->subject, event.customer);
      EXPECT_TRUE(names.insert(decoded.event->name()).second) << event.json;
    }
  }
}

TEST(Shop, everything_of_importance_happens) {
  const auto types = types_of({});
  for (const char* type : {"customer.updated",
                           "order.placed",
                           "delivery.promised",
                           "order.charged",
                           "order.refund_promised",
                           "delivery.repromised",
                           "delivery.notified",
                           "delivery.excused",
                           "delivery.dispatched",
                           "delivery.scanned",
                           "delivery.out_for_delivery",
                           "delivery.attempted",
                           "delivery.delivered",
                           "delivery.lost",
                           "delivery.damaged",
                           "delivery.wrong_item",
                           "promise.made",
                           "promise.kept",
                           "order.refunded",
                           "order.cancelled",
                           "order.return_requested",
                           "complaint.opened",
                           "complaint.acknowledged",
                           "complaint.replied",
                           "complaint.customer_replied",
                           "complaint.status_changed",
                           "complaint.reassigned",
                           "complaint.compensation_promised",
                           "complaint.compensation_paid",
                           "complaint.resolved",
                           "complaint.customer_confirmed",
                           "complaint.customer_rejected",
                           "complaint.reopened",
                           "complaint.closed",
                           "complaint.escalated_external",
                           "complaint.proactive_contact",
                           "review.submitted",
                           "review.updated",
                           "review.replied",
                           "survey.answered",
                           "customer.referred",
                           "customer.status_checked",
                           "customer.subscription_cancelled",
                           "customer.account_closed",
                           "outreach.sent",
                           "coupon.issued"}) {
    EXPECT_TRUE(types.contains(type)) << type;
  }
}

TEST(Shop, the_smallest_and_the_shortest_shop_are_shops_too) {
  EXPECT_FALSE(simulate_shop({.customers = 1, .days = 1}).empty());
  EXPECT_FALSE(simulate_shop({.customers = 1, .days = kShopDaysMax}).empty());
}

TEST(DemoPlay, two_plays_of_one_shop_are_equal_and_have_no_dead_letters) {
  std::string first_changes, second_changes;
  const std::string first = play(kShop, &first_changes);
  EXPECT_EQ(first, play(kShop, &second_changes));
  EXPECT_EQ(first_changes, second_changes);
  EXPECT_NE(first_changes.find("PROMISE_BROKEN"), std::string::npos);
  auto policy = load_policy(std::nullopt, std::nullopt);
  auto demo = DemoPlay::open(kShop, std::move(*policy), std::nullopt, false);
  ASSERT_TRUE(demo.ok()) << demo.error().message;
  while (!(*demo)->at_end()) ASSERT_TRUE((*demo)->play_day().ok());
  const Summary summary = (*demo)->summary();
  EXPECT_EQ(summary.tally.applied, simulate_shop(kShop).size());
  EXPECT_EQ(summary.tally.refused_in_all(), 0U);
}

}  // namespace
}  // namespace troth::app
