// Lives: where events are at home, and that it does not matter when what is over was forgotten.
#include "operators/customer/lives.h"

#include <gtest/gtest.h>

#include <memory>

#include "engine/app/shop_dice.h"
#include "operators/customer/case.h"
#include "tests/unit/operators/model/telling.h"

namespace troth::operators::test {
namespace {

using event::kDay;

GlobalPolicy days(std::int64_t link_life, std::int64_t quiet, std::int64_t lateness) {
  GlobalPolicy policy;
  policy.link_life_us = link_life * kDay;
  policy.quiet_us = quiet * kDay;
  policy.lateness_us = lateness * kDay;
  return policy;
}

class Album {
 public:
  explicit Album(GlobalPolicy policy = days(400, 45, 45)) : policy_(policy), lives_(policy_) {}

  Held* add(std::int64_t on_day, std::initializer_list<NamedField> objects) { return add_at(day(on_day), objects); }
  Held* add_at(TimeUs at, std::initializer_list<NamedField> objects) {
    held_.push_back(std::make_unique<Held>(event_of(at, "promise.kept", std::to_string(held_.size()), objects)));
    lives_.add(held_.back().get(), moved_);
    return held_.back().get();
  }
  [[nodiscard]] std::string home(const Held* held) const { return lives_.case_key(held); }
  /// How many events the last one made us look at.
  [[nodiscard]] std::size_t looked_at() const { return moved_.size(); }
  Lives& lives() { return lives_; }

 private:
  GlobalPolicy policy_;
  Lives lives_;
  std::vector<std::unique_ptr<Held>> held_;
  std::vector<Held*> moved_;
};

const NamedField kOrder1{"order_id", "1"};
const NamedField kOrder2{"order_id", "2"};
const NamedField kComplaint{"complaint_id", "7"};
const NamedField kPromise{"promise_id", "9"};

TEST(Lives, an_event_is_at_home_with_its_highest_object) {
  Album album;
  EXPECT_EQ(album.home(album.add(0, {kPromise})), "p:9");
  EXPECT_EQ(album.home(album.add(0, {kPromise, kComplaint, kOrder1})), "o:1");
}

TEST(Lives, a_late_link_takes_the_past_with_it) {
  Album album;
  Held* before = album.add(0, {kComplaint});
  EXPECT_EQ(album.home(before), "c:7");
  album.add(3, {kComplaint, kOrder1});
  EXPECT_EQ(album.home(before), "o:1");
  EXPECT_EQ(album.looked_at(), 2U);
}

TEST(Lives, links_are_followed_to_the_end) {
  Album album;
  Held* promise = album.add(0, {kPromise});
  album.add(1, {kPromise, kComplaint});
  EXPECT_EQ(album.home(promise), "c:7");
  album.add(2, {kComplaint, kOrder1});
  EXPECT_EQ(album.home(promise), "o:1");
}

TEST(Lives, only_the_first_link_of_a_life_counts) {
  Album album;
  Held* complaint = album.add(0, {kComplaint});
  album.add(2, {kComplaint, kOrder2});
  album.add(1, {kComplaint, kOrder1});  // arrives later, came first
  EXPECT_EQ(album.home(complaint), "o:1");
}

TEST(Lives, a_link_counts_up_to_quiet_after_the_first_mention) {
  Album in_time(days(400, 45, 45));
  Held* first = in_time.add(0, {kComplaint});
  in_time.add_at(day(45), {kComplaint, kOrder1});
  EXPECT_EQ(in_time.home(first), "o:1");
  Album too_late(days(400, 45, 45));
  first = too_late.add(0, {kComplaint});
  too_late.add_at(day(45) + 1, {kComplaint, kOrder1});
  EXPECT_EQ(too_late.home(first), "c:7");
}

TEST(Lives, a_gap_longer_than_link_life_begins_a_new_life_that_knows_nothing_of_the_old) {
  Album album(days(400, 45, 45));
  album.add(0, {kComplaint, kOrder1});
  EXPECT_EQ(album.home(album.add_at(day(400), {kComplaint})), "o:1");
  EXPECT_EQ(album.home(album.add_at(day(800) + 1, {kComplaint})), "c:7");
}

TEST(Lives, an_event_between_two_lives_makes_them_one) {
  Album album(days(10, 10, 10));
  album.add(0, {kComplaint, kOrder1});
  Held* later = album.add(15, {kComplaint});
  EXPECT_EQ(album.home(later), "c:7");
  album.add(8, {kComplaint});
  EXPECT_EQ(album.home(later), "o:1");
}

TEST(Lives, taking_an_event_back_moves_the_others_back) {
  Album album;
  Held* before = album.add(0, {kComplaint});
  Held* link = album.add(3, {kComplaint, kOrder1});
  const std::vector<Held*> moved = album.lives().remove(link);
  EXPECT_EQ(moved, std::vector<Held*>{before});
  EXPECT_EQ(album.home(before), "c:7");
}

TEST(Lives, an_event_that_moves_nothing_looks_at_nothing) {
  Album album;
  for (std::int64_t i = 0; i < 50; ++i) {
    // One promise id for all orders: each event links it, but only the first link counts.
    album.add(i, {{"order_id", std::to_string(i)}, kPromise});
    EXPECT_EQ(album.looked_at(), 1U);
    album.add_at(day(i) - event::kHour, {{"order_id", std::to_string(i)}, kPromise});  // out of order
    EXPECT_EQ(album.looked_at(), i == 0 ? 2U : 1U);
  }
}

TEST(Lives, a_sealed_life_keeps_its_home) {
  Album album(days(400, 45, 45));
  Held* link = album.add(0, {kComplaint, kOrder1});
  album.lives().seal({link});
  EXPECT_EQ(album.home(album.add(399, {kComplaint})), "o:1");
}

TEST(Lives, a_sealed_life_is_forgotten_when_nothing_accepted_can_continue_it) {
  Album album(days(400, 45, 45));
  album.lives().seal({album.add(0, {kComplaint, kOrder1})});
  EXPECT_FALSE(album.lives().forget(day(445)));
  EXPECT_TRUE(album.lives().forget(day(445) + 1));
  EXPECT_EQ(album.home(album.add(446, {kComplaint})), "c:7");
}

TEST(Lives, a_life_is_not_forgotten_while_an_event_that_is_not_sealed_goes_on_with_it) {
  Album album(days(400, 45, 45));
  album.lives().seal({album.add(0, {kComplaint, kOrder1})});
  Held* later = album.add(399, {kComplaint});
  album.lives().forget(day(460));
  EXPECT_EQ(album.home(later), "o:1");
}

TEST(Lives, a_life_is_not_forgotten_while_a_later_sealed_part_of_it_lives) {
  Album album(days(10, 10, 10));
  Held* first = album.add(0, {kComplaint, kOrder1});
  Held* between = album.add(9, {kComplaint, kOrder2});
  Held* last = album.add(18, {kComplaint});
  album.lives().seal({first});
  album.lives().seal({last});
  EXPECT_EQ(album.home(album.add(25, {kComplaint})), "o:1");
  EXPECT_EQ(album.home(between), "o:2");
  album.lives().seal({between});
  album.lives().forget(day(37));
  EXPECT_EQ(album.home(album.add(27, {kComplaint})), "o:1");
}

TEST(Lives, sealed_lives_survive_the_store) {
  Album album;
  album.lives().seal({album.add(0, {kComplaint, kOrder1}), album.add(5, {kPromise})});
  base::ByteWriter out;
  album.lives().encode_sealed(out);
  Album other;
  base::ByteReader in(out.bytes());
  ASSERT_TRUE(other.lives().decode_sealed(in));
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(other.home(other.add(6, {kComplaint})), "o:1");
  base::ByteWriter again;
  other.lives().encode_sealed(again);
  EXPECT_EQ(again.bytes(), out.bytes());
}

TEST(Lives, damaged_bytes_are_refused) {
  Album album;
  album.lives().seal({album.add(0, {kComplaint, kOrder1})});
  base::ByteWriter out;
  album.lives().encode_sealed(out);
  for (std::size_t size = 0; size < out.bytes().size(); ++size) {
    Album other;
    base::ByteReader in(std::string_view(out.bytes()).substr(0, size));
    EXPECT_FALSE(other.lives().decode_sealed(in)) << size;
  }
}

/// Adding one by one must find every event that moves: compared with a Lives that is built at once.
TEST(Lives, homes_after_any_order_of_arrival_are_those_of_all_at_once) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    app::Dice dice(seed);
    const GlobalPolicy policy = days(6, 5, 20);
    Lives grown(policy);
    std::vector<std::unique_ptr<Held>> held;
    std::map<const Held*, std::string> homes;
    std::vector<Held*> moved;
    for (int i = 0; i < 40; ++i) {
      Event told = event_of(day(dice.below(60)), "promise.kept", std::to_string(i));
      const auto name = [&](FieldId id, int percent) {
        if (!dice.percent(percent)) return;
        told.fields.push_back({static_cast<std::uint8_t>(id), 0, std::to_string(dice.below(2)), {}});
      };
      name(FieldId::kPromiseId, 80);
      name(FieldId::kOrderId, 25);
      name(FieldId::kComplaintId, 50);
      if (told.fields.empty()) continue;
      held.push_back(std::make_unique<Held>(told));
      grown.add(held.back().get(), moved);
      for (Held* each : moved) homes[each] = grown.case_key(each);
    }
    Lives whole(policy);
    std::vector<Held*> all;
    for (const auto& each : held) all.push_back(each.get());
    std::sort(all.begin(), all.end(), before);
    for (Held* each : all) whole.append(each);
    for (const Held* each : all) ASSERT_EQ(homes[each], whole.case_key(each)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace troth::operators::test
