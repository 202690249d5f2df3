// Stored states with numbers that no honest state has: damage that checksums missed is refused when it is read; it must
// not stop the process by an overflow later.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/operators/model/desk.h"

namespace troth::operators::test {
namespace {

constexpr std::int64_t kFar = std::int64_t{1} << 61U;

/// The state as it is stored after `damage` was done to a small, honest one.
template <typename Damage>
bool is_read_after(const Damage& damage) {
  Desk desk;
  desk.tell(day(1), "order.placed", "e1", {{"order_id", "1"}, {"total_minor", 5000}});
  desk.settle();
  damage(desk.state());
  PartMap stored;
  desk.encode(stored);
  return desk.model().decode(TrustModel::key("default", "ann"), stored).ok();
}

TEST(Damage, an_honest_state_is_read) {
  EXPECT_TRUE(is_read_after([](TrustState&) {}));
}

TEST(Damage, a_count_of_promises_that_would_overflow_is_refused) {
  EXPECT_FALSE(is_read_after([](TrustState& state) { state.sent.kept = kFar; }));
  EXPECT_FALSE(is_read_after([](TrustState& state) { state.sent.broken = -1; }));
}

TEST(Damage, a_loss_that_would_overflow_is_refused) {
  EXPECT_FALSE(is_read_after([](TrustState& state) { state.sent.losses = {{Kind::kStars, -kFar}}; }));
}

TEST(Damage, a_time_beyond_all_times_is_refused) {
  EXPECT_FALSE(is_read_after([](TrustState& state) { state.earliest_arrival = kFar; }));
  EXPECT_FALSE(is_read_after([](TrustState& state) {
    state.sent.customer_alerts.at(0).revision = 1;
    state.sent.customer_alerts.at(0).since = -1;
  }));
}

TEST(Damage, an_alert_that_went_to_no_case_is_refused) {
  const auto is_read_at_home = [](const std::string& home) {
    return is_read_after([&](TrustState& state) {
      SentAlert alert;
      alert.home = "o:1";
      alert.revision = 1;
      alert.intervals.resize(1);
      alert.intervals[0].home = home;
      state.sent.alerts.emplace(AlertKey{CaseRule{}, "o:1"}, alert);
      state.changed_parts.insert("o:1");
    });
  };
  EXPECT_TRUE(is_read_at_home("o:1"));
  EXPECT_TRUE(is_read_at_home("o:2"));
  EXPECT_FALSE(is_read_at_home("o:"));
  EXPECT_FALSE(is_read_at_home("order"));
}

TEST(Damage, a_revision_that_would_overflow_is_refused) {
  EXPECT_FALSE(is_read_after([](TrustState& state) { state.sent.customer_alerts.at(0).revision = kFar; }));
}

struct Head {
  std::uint64_t orders = 0;
  TimeUs first_order = 0;
  TimeUs last_order = 0;
  TimeUs last_event = day(9);
  TimeUs last_seal = -1;
};

bool is_read(const Head& head) {
  base::ByteWriter out;
  Accumulator().encode(out);
  for (int i = 0; i < 2; ++i) out.varint(0);  // kept, broken
  out.varint(head.orders);
  for (const TimeUs t : {head.first_order, head.last_order, head.last_event, head.last_seal}) out.zigzag(t);
  for (int i = 0; i < 2; ++i) out.varint(0);  // updates, actions
  const auto policy = policy_with();
  Customer customer("default", "ann", *policy);
  base::ByteReader in(out.bytes());
  return customer.decode_head(in);
}

TEST(Damage, a_last_event_beyond_the_end_of_time_is_refused) {
  EXPECT_TRUE(is_read(Head{}));
  EXPECT_FALSE(is_read({.last_event = event::kEndOfTime}));
  EXPECT_FALSE(is_read({.last_event = kFar}));
  EXPECT_FALSE(is_read({.last_event = -2}));
}

TEST(Damage, an_order_after_the_last_event_is_refused) {
  EXPECT_TRUE(is_read({.orders = 2, .first_order = day(1), .last_order = day(9)}));
  EXPECT_FALSE(is_read({.orders = 2, .first_order = day(1), .last_order = day(9) + 1}));
  EXPECT_FALSE(is_read({.orders = 2, .first_order = day(9), .last_order = day(8)}));
}

TEST(Damage, a_seal_beyond_the_end_of_time_is_refused) {
  EXPECT_TRUE(is_read({.last_seal = event::kEndOfTime - 1}));
  EXPECT_FALSE(is_read({.last_seal = event::kEndOfTime}));
}

TEST(Damage, a_sealed_life_beyond_all_times_is_refused) {
  const auto is_read = [](TimeUs first, std::uint64_t span) {
    base::ByteWriter lives;
    lives.varint(1);
    lives.string("o:1");
    lives.zigzag(first);
    lives.varint(span);
    lives.string("");
    const auto policy = policy_with();
    Customer customer("default", "ann", *policy);
    base::ByteReader in(lives.bytes());
    return customer.decode_lives(in);
  };
  EXPECT_TRUE(is_read(day(1), 5));
  EXPECT_FALSE(is_read(kNever, 5));
  EXPECT_FALSE(is_read(day(1), std::uint64_t{1} << 62U));
}

}  // namespace
}  // namespace troth::operators::test
