#include "tests/bench/story.h"

#include <fmt/format.h>

#include <array>

namespace troth::bench {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
  return z ^ (z >> 31U);
}

/// A step of a story. In `data`, {o} is the order's id, {n} the number of the round, {due} two days ahead.
struct Step {
  std::string_view type;
  std::string_view data;
};

constexpr std::string_view kLabels =
    R"("labels":{"carrier":"north-parcel","region":"eu-central","team":"care-2","warehouse":"wh-17"})";

constexpr std::array<Step, OrderStory::kComplained> kOrder{{
    {"order.placed", R"("order_id":"{o}","total_minor":12990,"discount_minor":1000,"discount_purpose":"season",{l})"},
    {"delivery.promised", R"("order_id":"{o}","promise_id":"{o}-d","due_at":"{due}",{l})"},
    {"order.charged", R"("order_id":"{o}","amount_minor":12990,"quoted_minor":12990,"consented":true,{l})"},
    {"delivery.dispatched",
     R"("order_id":"{o}","promise_id":"{o}-d","hub":"hamburg-3","tracking":"JJD0149990{o}",{l})"},
    {"delivery.scanned", R"("order_id":"{o}","promise_id":"{o}-d","hub":"leipzig-1","tracking":"JJD0149990{o}",{l})"},
    {"delivery.out_for_delivery", R"("order_id":"{o}","promise_id":"{o}-d","tracking":"JJD0149990{o}",{l})"},
    {"delivery.delivered", R"("order_id":"{o}","promise_id":"{o}-d","qty_delivered":2,"qty_promised":2,{l})"},
    {"complaint.opened",
     R"("complaint_id":"{o}-c","order_id":"{o}","category":"quality","priority":"normal","loss_minor":2500,{l})"},
    {"complaint.acknowledged", R"("complaint_id":"{o}-c","order_id":"{o}","agent":"a-1733","queue":"care-2",{l})"},
    {"complaint.replied",
     R"("complaint_id":"{o}-c","order_id":"{o}","by":"human","apology":true,"reason_given":true,{l})"},
    {"complaint.customer_replied",
     R"("complaint_id":"{o}-c","order_id":"{o}","sentiment_ppm":-350000,"confidence_ppm":810000,{l})"},
    {"complaint.replied", R"("complaint_id":"{o}-c","order_id":"{o}","by":"human","personalised":true,{l})"},
    {"complaint.resolved", R"("complaint_id":"{o}-c","order_id":"{o}","agent":"a-1733","queue":"care-2",{l})"},
    {"complaint.customer_confirmed", R"("complaint_id":"{o}-c","order_id":"{o}","channel":"mail",{l})"},
    {"review.submitted", R"("review_id":"{o}-r","order_id":"{o}","stars":4,"sentiment_ppm":420000,{l})"},
}};

constexpr std::array<Step, 10> kRound{{
    {"promise.made", R"("promise_id":"{o}-p{n}","kind":"callback","due_at":"{due}","order_id":"{o}",{l})"},
    {"delivery.notified", R"("order_id":"{o}","kind":"progress","channel":"mail","template":"t-{n}",{l})"},
    {"promise.kept", R"("promise_id":"{o}-p{n}","order_id":"{o}","agent":"a-1733",{l})"},
    {"complaint.opened", R"("complaint_id":"{o}-c{n}","order_id":"{o}","category":"billing","priority":"low",{l})"},
    {"complaint.acknowledged", R"("complaint_id":"{o}-c{n}","order_id":"{o}","agent":"a-1733",{l})"},
    {"complaint.replied", R"("complaint_id":"{o}-c{n}","order_id":"{o}","by":"human","apology":true,{l})"},
    {"complaint.customer_replied",
     R"("complaint_id":"{o}-c{n}","order_id":"{o}","sentiment_ppm":-50000,"confidence_ppm":700000,{l})"},
    {"complaint.replied", R"("complaint_id":"{o}-c{n}","order_id":"{o}","by":"human","reason_given":true,{l})"},
    {"complaint.resolved", R"("complaint_id":"{o}-c{n}","order_id":"{o}","agent":"a-1733",{l})"},
    {"complaint.customer_confirmed", R"("complaint_id":"{o}-c{n}","order_id":"{o}","channel":"mail",{l})"},
}};

std::string filled(std::string_view data, std::string_view order, std::uint64_t round, TimeUs due) {
  std::string text;
  for (std::size_t at = 0; at < data.size();) {
    const std::string_view rest = data.substr(at);
    if (rest.starts_with("{o}")) {
      text += order;
      at += 3;
    } else if (rest.starts_with("{n}")) {
      text += std::to_string(round);
      at += 3;
    } else if (rest.starts_with("{l}")) {
      text += kLabels;
      at += 3;
    } else if (rest.starts_with("{due}")) {
      text += event::format_time(due);
      at += 5;
    } else {
      text += data[at++];
    }
  }
  return text;
}

}  // namespace

std::uint64_t Dice::next() { return mixed(state_ += kGolden); }

std::string Pen::write(std::string_view type, TimeUs time, std::uint64_t customer, std::string_view data) {
  ++written_;
  const std::string id = fmt::format("{:016x}{:016x}", mixed(written_ * kGolden), mixed(~written_ * kGolden));
  return write(id, type, time, customer, data);
}

std::string Pen::write(std::string_view id, std::string_view type, TimeUs time, std::uint64_t customer,
                       std::string_view data) {
  return fmt::format(R"({{"specversion":"1.0","id":"{}","source":"shop.example/oms","type":"{}","time":"{}",)"
                     R"("subject":"customer-{:08}","data":{{{}}}}})",
                     id, type, event::format_time(time), customer, data);
}

std::string OrderStory::tell(Pen& pen, TimeUs time) {
  const std::uint64_t step = told_++;
  const bool in_order = step < kOrder.size();
  const std::uint64_t later = in_order ? 0 : step - kOrder.size();
  const Step& is = in_order ? kOrder.at(step) : kRound.at(later % kRound.size());
  const std::string id = fmt::format("o{:08}", order_);
  const std::string data = filled(is.data, id, later / kRound.size(), time + 2 * event::kDay);
  return pen.write(is.type, time, customer_, data);
}

}  // namespace troth::bench
