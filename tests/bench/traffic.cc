#include "tests/bench/traffic.h"

#include <algorithm>

namespace troth::bench {
namespace {

constexpr TimeUs kStep = 20 * event::kHour;              // from one event of an order to the next, at most
constexpr std::uint64_t kCustomersPerRunningOrder = 10;  // an order lives about four days: one per customer in forty

}  // namespace

Traffic::Traffic(std::uint64_t customers, std::uint64_t seed) : dice_(seed), customers_(customers) {
  const std::uint64_t running = std::max<std::uint64_t>(1, customers / kCustomersPerRunningOrder);
  for (std::uint64_t i = 0; i < running; ++i)
    begin(kBegin + static_cast<TimeUs>(dice_.roll(static_cast<std::uint64_t>(4 * event::kDay))));
}

void Traffic::begin(TimeUs at) {
  const bool is_complained = dice_.roll(5) == 0;
  running_.push({at, OrderStory(dice_.roll(customers_), ++orders_),
                 is_complained ? OrderStory::kComplained : OrderStory::kDelivered});
}

std::string Traffic::next() {
  Running now = running_.top();
  running_.pop();
  std::string line = now.story.tell(pen_, now.at);
  now.at += 1 + static_cast<TimeUs>(dice_.roll(static_cast<std::uint64_t>(kStep)));
  if (now.story.told() < now.length) running_.push(now);
  else begin(now.at);
  return line;
}

}  // namespace troth::bench
