// The story of an order. One draw of the dice an expression: the order of evaluation must not decide.
#include <fmt/format.h>

#include <algorithm>

#include "engine/app/shop_stories.h"

namespace troth::app {
namespace {

using event::format_time;
using event::kDay;
using event::kHour;
using event::kMinute;
using event::TimeUs;

class OrderStory {
 public:
  OrderStory(Teller& teller, TimeUs placed, std::int64_t number)
      : teller_(teller),
        dice_(teller.dice),
        service_(teller.service),
        placed_(placed),
        order_id_(fmt::format("{}-{:02}", teller.journal.customer_number(), number)),
        promise_id_(order_id_ + ".d"),
        now_(placed) {}

  Outcome tell() {
    place();
    if (is_called_off()) return {mood_, now_};
    if (dice_.permille(25)) tell_question(teller_, placed_ + kHour, order_id_);
    deliver();
    complain();
    if (!has_complained_) make_good_without_complaint();
    speak();
    return {mood_, now_};
  }

 private:
  /// What went wrong worst, in ascending weight.
  enum class Trouble : std::uint8_t { kNone, kLate, kFee, kVeryLate, kIncomplete, kWrongItem, kDamaged, kLost };

  void write(TimeUs time, Reporter reporter, const char* type, ShopData data = {}) {
    data.emplace("order_id", order_id_);
    teller_.journal.write(time, reporter, type, std::move(data));
  }
  void carrier(TimeUs time, const char* type, ShopData data = {}) {
    data.emplace("promise_id", promise_id_);
    write(time, Reporter::kCarrier, type, std::move(data));
  }
  void trouble(Trouble trouble) { trouble_ = std::max(trouble_, trouble); }

  static TimeUs evening_of(TimeUs time) { return event::floor_div(time, kDay) * kDay + 18 * kHour; }

  void place() {
    total_ = dice_.between(1'500, teller_.is_valued ? 90'000 : 22'000);
    is_express_ = dice_.percent(teller_.is_valued ? 30 : 10);
    due_ = evening_of(placed_) + (is_express_ ? 1 : dice_.between(2, 4)) * kDay;
    const ShopData labels{{"carrier", service_.carrier}, {"region", service_.region}, {"team", "delivery"}};
    ShopData order{{"total_minor", total_}, {"labels", labels}};
    if (dice_.percent(12)) {
      static constexpr const char* kPurposes[] = {"acquisition", "season", "clearance", "retention"};
      order.emplace("discount_minor", total_ * dice_.between(5, 30) / 100);
      order.emplace("discount_purpose", kPurposes[dice_.below(4)]);
    }
    if (dice_.percent(5)) order.emplace("premium", true);
    if (dice_.percent(10)) order.emplace("new_category", true);
    write(placed_, Reporter::kShop, "order.placed", std::move(order));
    ShopData promise{{"promise_id", promise_id_}, {"due_at", format_time(due_)}, {"labels", labels}};
    if (is_express_) promise.emplace("express", true);
    write(placed_ + 5 * event::kSecond, Reporter::kShop, "delivery.promised", std::move(promise));

    std::int64_t charged = total_;
    if (dice_.permille(service_.fee)) {
      charged += total_ * dice_.between(2, 12) / 100 + 1;
      trouble(Trouble::kFee);
    }
    write(placed_ + 2 * kMinute, Reporter::kShop, "order.charged",
          {{"amount_minor", charged}, {"quoted_minor", total_}});
  }

  /// Cancelled before it was sent, by the customer or because it is sold out; with the money back.
  bool is_called_off() {
    const bool by_customer = dice_.permille(18);
    const bool by_shop = !by_customer && dice_.permille(service_.sold_out);
    if (!by_customer && !by_shop) return false;
    now_ = placed_ + dice_.hours(1, 5);
    write(now_, Reporter::kShop, "order.cancelled",
          {{"by", by_customer ? "customer" : "merchant"}, {"reason", by_customer ? "changed_mind" : "stock"}});
    if (by_shop) {
      mood_ -= 2;
      if (dice_.percent(25)) write(now_ + 5 * kMinute, Reporter::kShop, "coupon.issued");
    }
    refund();
    return true;
  }

  void refund() {
    const std::string refund_id = order_id_ + ".r";
    const TimeUs promised = now_ + 10 * kMinute;
    write(promised, Reporter::kShop, "order.refund_promised",
          {{"promise_id", refund_id}, {"due_at", format_time(evening_of(promised) + 5 * kDay)}});
    const bool is_owed = dice_.permille(service_.owed);
    if (is_owed) mood_ -= 1;
    now_ = promised + (is_owed ? dice_.hours(150, 340) : dice_.hours(20, 100));
    write(now_, Reporter::kShop, "order.refunded", {{"promise_id", refund_id}});
  }

  void deliver() {
    const bool is_storm = teller_.season.storm.contains(due_) && dice_.percent(45);
    const bool is_lost = dice_.permille(service_.lost);
    const bool is_late = is_storm || is_lost || dice_.permille(service_.late);
    // What is going to be late often lies around first.
    const bool dawdles = is_late && !is_storm && dice_.percent(50);
    const TimeUs sent = dawdles ? due_ - dice_.hours(1, 6) : placed_ + dice_.minutes(4 * 60, is_express_ ? 480 : 1'500);
    carrier(sent, "delivery.dispatched");
    carrier(sent + dice_.hours(1, 6), "delivery.scanned");
    if (!is_late) return arrive(std::max(due_ - dice_.hours(1, 9), sent + 10 * kHour));

    const TimeUs delay = is_storm ? dice_.hours(8, 50) : dice_.hours(3, service_.hours_late_max);
    const TimeUs arrival = std::max(due_ + delay, sent + 12 * kHour);
    if (is_storm) carrier(due_ - dice_.hours(3, 9), "delivery.excused", {{"cause", "weather"}});
    if (is_storm || !dice_.permille(service_.silent)) tell_of_delay(arrival);
    for (std::int64_t looks = dice_.below(service_.late > 100 ? 10 : 4); looks > 0; --looks) {
      write(due_ + dice_.minutes(10, std::max<TimeUs>((arrival - due_) / kMinute, 20)), Reporter::kShop,
            "customer.status_checked");
    }
    if (is_lost) {
      now_ = arrival + kDay;
      carrier(now_, "delivery.lost");
      trouble(Trouble::kLost);
      mood_ -= 3;
      return;
    }
    const bool is_very_late = arrival - due_ > 2 * kDay;
    trouble(is_very_late ? Trouble::kVeryLate : Trouble::kLate);
    mood_ -= is_very_late ? 2 : is_storm ? 0 : 1;
    arrive(arrival);
  }

  /// Tells the customer in time; often with a new date, which is not always kept either.
  void tell_of_delay(TimeUs arrival) {
    const TimeUs told = due_ - dice_.hours(2, 20);
    if (dice_.percent(50)) {
      const TimeUs new_due = evening_of(arrival) + (dice_.permille(service_.late) ? -kDay : kDay);
      if (new_due > due_) carrier(told, "delivery.repromised", {{"due_at", format_time(new_due)}});
      return;
    }
    ShopData notice{{"kind", "delay"}};
    if (dice_.percent(30)) notice.emplace("option_offered", true);
    carrier(told, "delivery.notified", std::move(notice));
  }

  void arrive(TimeUs arrival) {
    now_ = arrival;
    carrier(arrival - dice_.hours(2, 4), "delivery.out_for_delivery");
    if (dice_.permille(35)) {
      const char* fault = dice_.percent(40) ? "carrier" : "customer";
      carrier(arrival - dice_.minutes(40, 110), "delivery.attempted", {{"fault", fault}});
    }
    ShopData delivered;
    if (dice_.permille(service_.incomplete)) {
      const std::int64_t promised = dice_.between(2, 6);
      delivered = {{"qty_promised", promised}, {"qty_delivered", dice_.between(1, promised - 1)}};
      trouble(Trouble::kIncomplete);
      mood_ -= 1;
    }
    carrier(arrival, "delivery.delivered", std::move(delivered));
    if (dice_.permille(service_.damaged)) {
      const char* part = dice_.percent(80) ? "basic" : "auxiliary";
      write(arrival + dice_.minutes(20, 300), Reporter::kShop, "delivery.damaged", {{"part", part}});
      trouble(Trouble::kDamaged);
      mood_ -= 2;
    } else if (dice_.permille(service_.wrong_item)) {
      write(arrival + dice_.minutes(20, 300), Reporter::kShop, "delivery.wrong_item");
      trouble(Trouble::kWrongItem);
      mood_ -= 2;
    }
  }

  void complain() {
    struct Reason {
      std::int64_t percent;
      const char* category;
      bool is_severe;
    };
    static constexpr Reason kReasons[] = {{2, "other", false},     {25, "delivery", false}, {70, "billing", false},
                                          {60, "delivery", false}, {60, "quality", false},  {75, "quality", false},
                                          {75, "quality", true},   {92, "delivery", true}};
    const Reason& reason = kReasons[static_cast<std::size_t>(trouble_)];
    if (!dice_.percent(reason.percent)) return;
    const TimeUs learnt = trouble_ == Trouble::kFee        ? placed_ + kDay
                          : trouble_ == Trouble::kVeryLate ? std::min(now_, due_ + kDay)
                                                           : now_;
    const TimeUs opened = waking_hour(dice_, learnt + dice_.hours(6, 30));
    const Outcome outcome = tell_complaint(teller_, opened, {order_id_, reason.category, reason.is_severe, total_});
    has_complained_ = true;
    mood_ += outcome.mood;
    now_ = std::max(now_, outcome.at);
  }

  void make_good_without_complaint() {
    if (trouble_ == Trouble::kNone) {
      if (dice_.permille(30)) return send_back();
      if (dice_.permille(40)) write(now_ + dice_.hours(20, 80), Reporter::kShop, "outreach.sent", {{"kind", "thanks"}});
      mood_ += 1;
    } else if (trouble_ >= Trouble::kWrongItem && trouble_ <= Trouble::kDamaged && dice_.percent(60)) {
      send_back();
    } else if (service_.late < 100 && dice_.percent(35)) {
      write(now_ + dice_.hours(1, 12), Reporter::kHelpdesk, "complaint.proactive_contact");
    } else if (service_.late > 100 && dice_.percent(25)) {
      write(now_ + dice_.hours(1, 12), Reporter::kShop, "coupon.issued");
    }
  }

  void send_back() {
    const char* reason = trouble_ == Trouble::kDamaged     ? "damaged"
                         : trouble_ == Trouble::kWrongItem ? "wrong_item"
                                                           : "no_need";
    now_ += dice_.hours(5, 90);
    write(now_, Reporter::kShop, "order.return_requested", {{"reason", reason}});
    now_ += dice_.hours(40, 100);
    refund();
  }

  /// Reviews and surveys: what is felt is told now and then.
  void speak() {
    const std::int64_t felt = std::clamp<std::int64_t>(mood_, -4, 1);
    if (dice_.percent(felt < -1 ? 42 : 34)) review(felt);
    if (dice_.percent(12)) {
      const std::int64_t answer = std::clamp<std::int64_t>(8 + 2 * felt + dice_.between(-1, 1), 0, 10);
      write(now_ + dice_.hours(24, 120), Reporter::kReviews, "survey.answered",
            {{"survey_id", order_id_ + ".nps"}, {"instrument", "nps"}, {"score", answer}});
    }
  }

  void review(std::int64_t felt) {
    const std::string review_id = order_id_ + ".v";
    const std::int64_t stars = std::clamp<std::int64_t>(4 + felt + dice_.below(2), 1, 5);
    TimeUs time = waking_hour(dice_, now_ + dice_.hours(20, 90));
    const auto version = [&](std::int64_t given) {
      const std::int64_t sentiment =
          std::clamp<std::int64_t>((given - 3) * 350'000 + dice_.between(-150'000, 150'000), -1'000'000, 1'000'000);
      return ShopData{{"review_id", review_id},
                      {"stars", given},
                      {"sentiment_ppm", sentiment},
                      {"confidence_ppm", dice_.between(600'000, 990'000)}};
    };
    write(time, Reporter::kReviews, "review.submitted", version(stars));
    now_ = std::max(now_, time);
    if (stars > 3 || dice_.permille(service_.ignored + service_.slow / 3)) return;
    time = office_time_after(time, dice_.between(60, 900));
    write(time, Reporter::kHelpdesk, "review.replied", {{"review_id", review_id}});
    if (!dice_.percent(25)) return;
    time += dice_.hours(3, 40);
    write(time, Reporter::kReviews, "review.updated", version(std::min<std::int64_t>(stars + 1, 5)));
  }

  Teller& teller_;
  Dice& dice_;
  const Service& service_;
  const TimeUs placed_;
  const std::string order_id_, promise_id_;
  TimeUs now_, due_ = 0;
  std::int64_t total_ = 0, mood_ = 0;
  bool is_express_ = false, has_complained_ = false;
  Trouble trouble_ = Trouble::kNone;
};

}  // namespace

Outcome tell_order(Teller& teller, TimeUs placed, std::int64_t number) {
  return OrderStory(teller, placed, number).tell();
}

}  // namespace troth::app
