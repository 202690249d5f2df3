// What a customer keeps from one event to the next (folds, sums, marks of what was compared) against the plain path that
// keeps nothing: a copy made of the events alone, folded from the first one on. Thousands of short random histories in
// random orders of arrival, with settles, seals and restarts in between; at every stop both must say the same, byte by
// byte.
#include <gtest/gtest.h>

#include "tests/unit/operators/model/desk.h"

namespace troth::operators::test {
namespace {

constexpr int kHistories = 2'400;
constexpr int kBatches = 8;  // as many tests, so that they can run side by side

/// Horizons so short that cases are sealed, cut and homed anew within a history of thirty events.
const char* const kHasty = R"(
global: {lateness: 6d, quiet: 6d, link_life: 9d, case_events: 16, open_cases: 6, customer_events: 10}
alerts: {customer: {PROMISE_REPEAT: {window: 12d}, EROSION_SLOW: {window: 12d}, TIER_DROP: {window: 12d},
                    BRIBERY_PATTERN: {window: 12d}, COMPLAINT_SERIES: {window: 12d}}}
)";

std::shared_ptr<const Policy> policy_of(std::uint64_t seed) {
  static const auto kDefault = policy_with();
  static const auto kShort = policy_with(kHasty);
  return seed % 3 == 0 ? kDefault : kShort;
}

std::vector<Event> history_of(std::uint64_t seed) {
  Teller teller(seed, possible_alert_ids(2));
  teller.objects = 1 + static_cast<int>(seed % 3);
  teller.same_name_percent = seed % 5 == 0 ? 15 : 2;
  return teller.history(12 + static_cast<int>(seed % 25), kMonday);
}

/// Swaps neighbours here and there, far ones now and then.
void disorder(std::vector<Event>& events, app::Dice& dice) {
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    if (!dice.percent(25)) continue;
    const std::int64_t reach = dice.percent(20) ? 8 : 1;
    const auto other = std::min(events.size() - 1, i + static_cast<std::size_t>(dice.between(1, reach)));
    std::swap(events[i], events[other]);
  }
}

std::string record_of(Customer& customer, TimeUs t) {
  return customer.is_known() ? score_record(view_at(customer, t), Detail::kFull) : std::string{};
}

/// The customer as it stands at t, and the plain path to it.
void expect_same_as_plain(Customer& customer, TimeUs t, std::uint64_t seed) {
  const auto plain = customer.upto(t);
  if (customer.has_events_after(t)) return;  // then it is the copy that is asked, whoever asks
  ASSERT_EQ(record_of(customer, t), record_of(*plain, t)) << "seed " << seed;
  ASSERT_EQ(customer.totals(), plain->totals()) << "seed " << seed;
  ASSERT_EQ(last_check_but_midnights(customer, t), last_check_but_midnights(*plain, t)) << "seed " << seed;
}

void play(std::uint64_t seed) {
  app::Dice dice(seed);
  std::vector<Event> arrivals = history_of(seed);
  disorder(arrivals, dice);
  Desk desk(policy_of(seed));
  PartMap store;
  for (const Event& each : arrivals) {
    if (each.time < desk.tau() - desk.model().lateness_us()) continue;
    desk.tell(each);
    if (dice.percent(35)) {
      ASSERT_NO_FATAL_FAILURE(expect_same_as_plain(desk.state().customer, desk.tau(), seed));
    }
    if (dice.percent(40)) desk.settle();
    if (dice.percent(10)) {
      desk.encode(store);
      ASSERT_NO_FATAL_FAILURE(desk.restart_from(store));
    }
  }
  const TimeUs end = desk.tau() + dice.between(0, 20) * event::kDay;
  desk.settle(end);
  expect_same_as_plain(desk.state().customer, end, seed);
}

class Differential : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Batches, Differential, testing::Range(0, kBatches));

TEST_P(Differential, what_is_kept_says_the_same_as_what_is_worked_out_anew) {
  for (int i = GetParam(); i < kHistories; i += kBatches) {
    ASSERT_NO_FATAL_FAILURE(play(static_cast<std::uint64_t>(i)));
  }
}

}  // namespace
}  // namespace troth::operators::test
