#include "tests/bench/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tests/bench/story.h"
#include "tests/bench/traffic.h"

namespace troth::bench {
namespace {

constexpr TimeUs kBetween = 30 * event::kSecond;  // from one event to the next where a shape is one sequence

Shape traffic(const ShapeOptions& options) {
  Shape shape;
  Traffic source(options.customers, options.seed);
  for (std::uint64_t i = 0; i < options.events; ++i) shape.measured.push_back(source.next());
  return shape;
}

/// `size` orders of each customer are open; `customers` is how many there are. Then events all over these orders.
Shape open_cases(const ShapeOptions& options) {
  Shape shape;
  Pen pen;
  Dice dice(options.seed);
  TimeUs time = kBegin;
  std::vector<OrderStory> orders;
  for (std::uint64_t i = 0; i < options.customers * options.size; ++i) {
    orders.emplace_back(i % options.customers, i);
    shape.setup.push_back(orders.back().tell(pen, time += kBetween));
  }
  for (std::uint64_t i = 0; i < options.events; ++i)
    shape.measured.push_back(orders[dice.roll(orders.size())].tell(pen, time += kBetween));
  return shape;
}

/// Orders of `size` events, a customer each, all under way at the same time.
Shape case_size(const ShapeOptions& options) {
  Shape shape;
  Pen pen;
  TimeUs time = kBegin;
  std::vector<OrderStory> orders;
  for (std::uint64_t i = 0; i < std::max<std::uint64_t>(1, options.events / options.size); ++i)
    orders.emplace_back(i, i);
  for (std::uint64_t step = 0; step < options.size; ++step) {
    for (OrderStory& order : orders) shape.measured.push_back(order.tell(pen, time += kBetween));
  }
  return shape;
}

/// Histories of `size` events, a customer each, one history after another, told by `tell(pen, customer, begin, lines)`.
template <typename Tell>
Shape histories(const ShapeOptions& options, const Tell& tell) {
  Shape shape;
  Pen pen;
  const TimeUs span = kBetween * static_cast<TimeUs>(options.size);
  for (std::uint64_t i = 0; i < std::max<std::uint64_t>(1, options.events / options.size); ++i)
    tell(pen, i, kBegin + span * static_cast<TimeUs>(i), shape.measured);
  return shape;
}

Shape in_order(const ShapeOptions& options, bool is_shuffled) {
  Dice dice(options.seed);
  return histories(options, [&](Pen& pen, std::uint64_t customer, TimeUs time, std::vector<std::string>& out) {
    OrderStory order(customer, customer);
    const std::size_t from = out.size();
    for (std::uint64_t i = 0; i < options.size; ++i) out.push_back(order.tell(pen, time += kBetween));
    if (!is_shuffled) return;
    for (std::size_t i = out.size() - 1; i > from; --i) std::swap(out[i], out[from + dice.roll(i - from + 1)]);
  });
}

/// What one kind of crowd within a case looks like: two halves of `size / 2` events each, {n} being the number.
struct Crowd {
  std::string_view name;
  std::string_view first_type, first_data;
  std::string_view second_type, second_data;
};

constexpr std::array<Crowd, 6> kCrowds{{
    {"promises", "delivery.promised", R"("order_id":"o","promise_id":"p{n}","due_at":"2027-01-01T00:00:00Z")",
     "delivery.scanned", R"("order_id":"o")"},  // names no promise: it speaks of all
    {"complaints", "complaint.opened", R"("order_id":"o","complaint_id":"c{n}")", "complaint.replied",
     R"("order_id":"o","complaint_id":"c{n}")"},
    {"reviews", "complaint.opened", R"("order_id":"o","complaint_id":"c{n}")", "review.submitted",
     R"("order_id":"o","review_id":"r{n}","stars":1)"},
    {"coupons", "delivery.damaged", R"("order_id":"o")", "coupon.issued", R"("order_id":"o")"},
    {"late_links", "complaint.opened", R"("complaint_id":"c{n}")", "complaint.replied",
     R"("complaint_id":"c{n}","order_id":"o")"},  // each complaint is a case of its own until then
    {"segments", "order.charged", R"("order_id":"o{n}","amount_minor":100,"quoted_minor":100)", "customer.updated",
     R"("segment":"s{n}","ltv_minor":1000)"},
}};

std::string numbered(std::string_view data, std::uint64_t n) {
  std::string text(data);
  if (const std::size_t at = text.find("{n}"); at != std::string::npos) text.replace(at, 3, std::to_string(n));
  return text;
}

Shape crowd(const Crowd& of, const ShapeOptions& options) {
  return histories(options, [&](Pen& pen, std::uint64_t customer, TimeUs time, std::vector<std::string>& out) {
    for (std::uint64_t i = 0; i < options.size / 2; ++i)
      out.push_back(pen.write(of.first_type, time += kBetween, customer, numbered(of.first_data, i)));
    for (std::uint64_t i = 0; i < options.size / 2; ++i)
      out.push_back(pen.write(of.second_type, time += kBetween, customer, numbered(of.second_data, i)));
  });
}

/// Different events with one name: a producer's error that no cap counts.
Shape conflicts(const ShapeOptions& options) {
  return histories(options, [&](Pen&, std::uint64_t customer, TimeUs time, std::vector<std::string>& out) {
    for (std::uint64_t i = 0; i < options.size; ++i) {
      time += kBetween;
      out.push_back(Pen::write("always-the-same", "delivery.scanned", time, customer, R"("order_id":"o")"));
    }
  });
}

/// One customer for years: an order of three events every three hours, so that most cases are sealed long ago.
Shape long_history(const ShapeOptions& options) {
  Shape shape;
  Pen pen;
  TimeUs time = kBegin;
  for (std::uint64_t order = 0; shape.measured.size() < options.events; ++order) {
    OrderStory story(0, order);
    for (int i = 0; i < 3; ++i) shape.measured.push_back(story.tell(pen, time += event::kHour));
  }
  return shape;
}

}  // namespace

std::optional<Shape> make_shape(std::string_view name, const ShapeOptions& options) {
  if (name == "traffic") return traffic(options);
  if (name == "open_cases") return open_cases(options);
  if (name == "case_size") return case_size(options);
  if (name == "in_order") return in_order(options, false);
  if (name == "shuffled") return in_order(options, true);
  if (name == "conflicts") return conflicts(options);
  if (name == "long_history") return long_history(options);
  for (const Crowd& each : kCrowds) {
    if (name == each.name) return crowd(each, options);
  }
  return std::nullopt;
}

}  // namespace troth::bench
