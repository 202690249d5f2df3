// The story of a complaint. One draw of the dice an expression: the order of evaluation must not decide.
#include <algorithm>

#include "engine/app/shop_stories.h"

namespace troth::app {
namespace {

using event::format_time;
using event::kDay;
using event::kHour;
using event::kMinute;
using event::TimeUs;

class ComplaintStory {
 public:
  ComplaintStory(Teller& teller, TimeUs opened, const ComplaintReason& reason)
      : teller_(teller),
        dice_(teller.dice),
        service_(teller.service),
        reason_(reason),
        complaint_id_(reason.order_id + ".c"),
        opened_(opened),
        now_(opened) {}

  Outcome tell() {
    open();
    const bool is_rush = teller_.season.rush.contains(opened_);
    is_slow_ = dice_.permille(service_.slow) || (is_rush && dice_.percent(60));
    if (dice_.permille(service_.ignored)) {
      wait_in_vain();
    } else {
      talk();
      solve();
    }
    return {mood_, now_};
  }

 private:
  void write(TimeUs time, Reporter reporter, const char* type, ShopData data = {}) {
    data.emplace("complaint_id", complaint_id_);
    data.emplace("order_id", reason_.order_id);
    teller_.journal.write(time, reporter, type, std::move(data));
  }
  void helpdesk(TimeUs time, const char* type, ShopData data = {}) {
    write(time, Reporter::kHelpdesk, type, std::move(data));
  }
  /// The helpdesk's next step, in office minutes.
  void work(std::int64_t from, std::int64_t to) {
    const std::int64_t minutes = dice_.between(from, to);
    now_ = office_time_after(now_, is_slow_ ? minutes * 6 : minutes);
  }

  void open() {
    const ShopData labels{{"region", service_.region}, {"team", "helpdesk"}};
    helpdesk(now_, "complaint.opened",
             {{"category", reason_.category},
              {"priority", reason_.is_severe ? "high" : "normal"},
              {"loss_minor", reason_.loss_minor * (reason_.is_severe ? 100 : 40) / 100},
              {"labels", labels}});
    if (!dice_.permille(service_.ignored)) {
      const std::int64_t minutes = dice_.between(2, 40);
      helpdesk(office_time_after(now_, minutes), "complaint.acknowledged");
    }
  }

  void answer() {
    ShopData reply;
    for (const char* manner : {"apology", "reason_given", "personalised"}) {
      if (dice_.percent(is_slow_ ? 35 : 65)) reply.emplace(manner, true);
    }
    helpdesk(now_, "complaint.replied", std::move(reply));
  }

  void message(std::int64_t worst, std::int64_t best) {
    const std::int64_t sentiment = dice_.between(worst, best) * 1'000;
    helpdesk(now_, "complaint.customer_replied",
             {{"sentiment_ppm", sentiment}, {"confidence_ppm", dice_.between(700, 990) * 1'000}});
  }

  /// The customer asks again and again. Some are answered in the end, some go elsewhere.
  void wait_in_vain() {
    mood_ = -3;
    for (std::int64_t times = dice_.between(1, 3); times > 0; --times) {
      now_ = waking_hour(dice_, now_ + dice_.hours(22, 50));
      message(-950, -300);
    }
    if (dice_.percent(50)) {
      now_ = office_time_after(now_ + dice_.hours(24, 90), 10);
      is_slow_ = false;
      answer();
      solve();
      return;
    }
    if (dice_.percent(30)) {
      static constexpr const char* kBodies[] = {"ombudsman", "press", "regulator"};
      now_ += dice_.hours(20, 100);
      helpdesk(now_, "complaint.escalated_external", {{"body", kBodies[dice_.below(3)]}});
    } else if (dice_.percent(30)) {
      now_ += dice_.hours(20, 100);
      teller_.journal.write(now_, Reporter::kShop, "order.payment_disputed", {{"order_id", reason_.order_id}});
    }
    now_ = office_time_after(now_ + 2 * kDay, 60);
    helpdesk(now_, "complaint.closed");
  }

  void talk() {
    work(20, 170);
    answer();
    if (dice_.percent(12)) {
      const TimeUs handed_over = now_ + 20 * kMinute;
      helpdesk(handed_over, "complaint.reassigned", {{"channel_switch", dice_.permille(service_.slow)}});
      now_ = handed_over;
    }
    if (dice_.percent(15)) call_back();
    if (dice_.percent(12)) {
      helpdesk(now_ + kMinute, "complaint.status_changed", {{"status", "awaiting_customer"}});
      now_ = waking_hour(dice_, now_ + dice_.hours(10, 40));
      message(-300, 200);
      work(30, 300);
      answer();
    }
    for (std::int64_t times = dice_.below(is_slow_ ? 4 : 2); times > 0; --times) {
      now_ = waking_hour(dice_, now_ + dice_.hours(1, 14));
      message(-700, 100);
      work(40, 300);
      answer();
    }
  }

  void call_back() {
    const std::string promise_id = complaint_id_ + ".b";
    helpdesk(now_ + 2 * kMinute, "promise.made",
             {{"promise_id", promise_id}, {"kind", "callback"}, {"due_at", format_time(now_ + kDay)}});
    now_ += dice_.permille(service_.owed) ? dice_.hours(26, 50) : dice_.hours(3, 22);
    helpdesk(now_, "promise.kept", {{"promise_id", promise_id}});
  }

  /// Promises to make up for it; pays in time, late, or never.
  void compensate() {
    const std::string promise_id = complaint_id_ + ".p";
    static constexpr const char* kKinds[] = {"cash", "cash", "cash", "points", "coupon", "replacement"};
    const char* kind = kKinds[dice_.below(6)];
    helpdesk(now_, "complaint.compensation_promised",
             {{"promise_id", promise_id}, {"kind", kind}, {"due_at", format_time(now_ + 5 * kDay)}});
    const bool is_owed = dice_.permille(service_.owed);
    if (is_owed) mood_ -= 1;
    if (is_owed && dice_.percent(40)) return;
    const TimeUs paid = now_ + (is_owed ? dice_.hours(130, 260) : dice_.hours(10, 100));
    helpdesk(paid, "complaint.compensation_paid",
             {{"promise_id", promise_id},
              {"kind", kind},
              {"amount_minor", reason_.loss_minor * dice_.between(10, 45) / 100}});
  }

  void solve() {
    work(40, 700);
    if (dice_.percent(reason_.is_severe ? 80 : 45)) compensate();
    now_ += 5 * kMinute;
    helpdesk(now_, "complaint.resolved");
    for (int tries = 0; tries < 3 && dice_.permille(service_.botched); ++tries) {
      mood_ -= 1;
      now_ = waking_hour(dice_, now_ + dice_.hours(3, 40));
      message(-900, -300);
      helpdesk(now_ + kMinute, dice_.percent(50) ? "complaint.customer_rejected" : "complaint.reopened");
      now_ += kMinute;
      work(30, 300);
      answer();
      work(60, 900);
      helpdesk(now_, "complaint.resolved");
    }
    if (dice_.percent(35)) helpdesk(now_ + dice_.hours(2, 30), "complaint.customer_confirmed");
    if (mood_ == 0 && !is_slow_) mood_ = 1;
    if (dice_.percent(30)) {
      const std::int64_t felt = std::clamp<std::int64_t>(3 + mood_ + dice_.between(0, 1), 1, 5);
      const TimeUs asked = now_ + dice_.hours(31, 60);
      write(asked, Reporter::kReviews, "survey.answered",
            {{"survey_id", complaint_id_ + ".csat"}, {"instrument", "csat"}, {"score", felt}});
    }
    helpdesk(now_ + 4 * kDay, "complaint.closed");
  }

  Teller& teller_;
  Dice& dice_;
  const Service& service_;
  const ComplaintReason& reason_;
  const std::string complaint_id_;
  const TimeUs opened_;
  TimeUs now_;
  std::int64_t mood_ = 0;
  bool is_slow_ = false;
};

constexpr TimeUs kOpens = 8 * kHour;
constexpr TimeUs kCloses = 18 * kHour;

}  // namespace

Outcome tell_complaint(Teller& teller, TimeUs opened, const ComplaintReason& reason) {
  return ComplaintStory(teller, opened, reason).tell();
}

void tell_question(Teller& teller, TimeUs asked, const std::string& order_id) {
  const ShopData about{{"complaint_id", order_id + ".q"}, {"order_id", order_id}};
  ShopData opened = about;
  opened.emplace("kind", "question");
  teller.journal.write(asked, Reporter::kHelpdesk, "complaint.opened", std::move(opened));
  const TimeUs answered = office_time_after(asked, teller.dice.between(15, 200));
  teller.journal.write(answered, Reporter::kHelpdesk, "complaint.replied", about);
  teller.journal.write(answered + kMinute, Reporter::kHelpdesk, "complaint.resolved", about);
}

TimeUs office_time_after(TimeUs time, std::int64_t minutes) {
  TimeUs left = minutes * kMinute;
  for (std::int64_t day = event::floor_div(time, kDay);; ++day) {
    const bool is_weekend = (day + 3) % 7 >= 5;  // 1970-01-01 was a Thursday
    if (is_weekend) continue;
    const TimeUs from = std::max(time, day * kDay + kOpens);
    const TimeUs open = day * kDay + kCloses - from;
    if (open <= 0) continue;
    if (left <= open) return from + left;
    left -= open;
  }
}

TimeUs waking_hour(Dice& dice, TimeUs time) {
  const TimeUs day = event::floor_div(time, kDay) * kDay;
  const TimeUs hour = time - day;
  if (hour >= 7 * kHour && hour < 22 * kHour) return time;
  return day + (hour < 7 * kHour ? 0 : kDay) + dice.hours(7, 12);
}

}  // namespace troth::app
