// Decayed sums: the table against its definition, sums against the obvious formula, and what exactness is for: order
// and removal leave no trace.
#include "operators/evidence/accumulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "tests/unit/operators/evidence/policy_by_hand.h"

namespace troth::operators {
namespace {

using event::kDay;
using event::kHour;
using event::kSecond;

// ------------------------------------------------------------------------------------------------------------- table

/// Just enough of a natural number for the table's definition; limbs of 32 bits, least first, no leading zeros.
using Natural = std::vector<std::uint32_t>;

Natural square(const Natural& a) {
  Natural result(2 * a.size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      const std::uint64_t sum = std::uint64_t{a[i]} * a[j] + result[i + j] + carry;
      result[i + j] = static_cast<std::uint32_t>(sum);
      carry = sum >> 32U;
    }
    result[i + a.size()] = static_cast<std::uint32_t>(carry);
  }
  while (!result.empty() && result.back() == 0) result.pop_back();
  return result;
}

Natural to_the_1024th(std::uint32_t base) {
  Natural result{base};
  for (int i = 0; i < 10; ++i) result = square(result);
  return result;
}

Natural two_to_the(std::size_t exponent) {
  Natural result(exponent / 32 + 1, 0);
  result.back() = std::uint32_t{1} << (exponent % 32);
  return result;
}

bool is_less(const Natural& a, const Natural& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

TEST(DecayTable, has_the_agreed_digest) {
  std::string bytes;
  for (const std::uint32_t entry : decay_table()) {
    for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(entry >> shift);
  }
  EXPECT_EQ(base::sha256_hex(bytes), "83d3a601946b62505c4a3b4092f230035150ced84b9f01ace287c9d96bea1d68");
}

TEST(DecayTable, has_the_agreed_entries) {
  EXPECT_EQ(decay_table()[0], 1'048'576U);
  EXPECT_EQ(decay_table()[1], 1'049'286U);
  EXPECT_EQ(decay_table()[1023], 2'095'733U);
}

TEST(DecayTable, entries_satisfy_their_definition_in_whole_numbers) {
  for (std::size_t j = 0; j < 1024; j += 33) {
    const std::uint32_t twice = 2 * decay_table()[j];
    const Natural power = two_to_the(21 * 1024 + j);
    EXPECT_FALSE(is_less(power, to_the_1024th(twice - 1))) << j;
    EXPECT_TRUE(is_less(power, to_the_1024th(twice + 1))) << j;
  }
}

// -------------------------------------------------------------------------------------------------------- era and slot

TEST(EraSlot, an_era_begins_at_a_multiple_of_the_half_life) {
  EXPECT_EQ(era_slot(0, kDay).era, 0);
  EXPECT_EQ(era_slot(kDay - 1, kDay).era, 0);
  EXPECT_EQ(era_slot(kDay - 1, kDay).slot, 1023U);
  EXPECT_EQ(era_slot(kDay, kDay).era, 1);
  EXPECT_EQ(era_slot(kDay, kDay).slot, 0U);
}

TEST(EraSlot, slots_are_floored) {
  constexpr TimeUs kHalfLife = 1'000'003;  // a slot is no whole number of µs
  for (std::int64_t slot = 1; slot < 1024; ++slot) {
    const TimeUs first = (slot * kHalfLife + 1023) / 1024;
    EXPECT_EQ(era_slot(5 * kHalfLife + first, kHalfLife).slot, slot);
    EXPECT_EQ(era_slot(5 * kHalfLife + first - 1, kHalfLife).slot, slot - 1);
  }
}

TEST(EraSlot, holds_to_the_end_of_time_for_any_half_life) {
  const EraSlot at = era_slot(event::kEndOfTime, 400'000 * kDay);
  EXPECT_EQ(at.era, 0);
  EXPECT_EQ(at.slot, static_cast<std::uint32_t>(event::kEndOfTime / kSecond * 1024 / (400'000 * 86'400LL)));
}

TEST(EraSlotDeathTest, a_time_before_1970_is_a_bug) { EXPECT_DEATH((void)era_slot(-1, kDay), "assertion"); }

// -------------------------------------------------------------------------------------------------------------- sums

struct Item {
  TimeUs stamp;
  std::int64_t x;
};

Int128 obvious_numerator(const std::vector<Item>& items, TimeUs t, TimeUs half_life) {
  Int128 n = 0;
  for (const Item& item : items) {
    const std::int64_t age = t / half_life - item.stamp / half_life;
    if (age >= 24) continue;
    const auto slot = static_cast<std::size_t>(item.stamp % half_life * 1024 / half_life);
    Int128 part = static_cast<Int128>(item.x) * decay_table()[slot];
    for (std::int64_t i = age; i < 24; ++i) part *= 2;
    n += part;
  }
  return n;
}

class RandomSums : public ::testing::Test {
 protected:
  std::vector<Item> items(std::size_t count, TimeUs until) {
    std::vector<Item> result;
    for (std::size_t i = 0; i < count; ++i) {
      result.push_back({std::uniform_int_distribution<TimeUs>(0, until)(random_),
                        std::uniform_int_distribution<std::int64_t>(1, (1 << 24) - 1)(random_)});
    }
    return result;
  }
  static EraSums sums_of(const std::vector<Item>& items, TimeUs half_life) {
    EraSums sums;
    for (const Item& item : items) sums.add(item.stamp, item.x, half_life);
    return sums;
  }
  std::mt19937_64 random_{20260105};
};

TEST_F(RandomSums, equal_the_obvious_formula) {
  for (int round = 0; round < 300; ++round) {
    const TimeUs half_life = std::uniform_int_distribution<TimeUs>(kHour, 3 * kDay)(random_);
    const TimeUs t = 40 * kDay;
    const std::vector<Item> list = items(60, t);
    const EraSums sums = sums_of(list, half_life);
    ASSERT_TRUE(sums.numerator(t, half_life) == obvious_numerator(list, t, half_life));
    ASSERT_TRUE(sums.numerator(t + 7 * kDay, half_life) == obvious_numerator(list, t + 7 * kDay, half_life));
  }
}

TEST_F(RandomSums, do_not_depend_on_the_order_of_additions) {
  std::vector<Item> list = items(200, 300 * kDay);
  const EraSums sums = sums_of(list, 7 * kDay);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(list.begin(), list.end(), random_);
    ASSERT_EQ(sums_of(list, 7 * kDay), sums);
  }
}

TEST_F(RandomSums, forget_without_trace_what_is_taken_back) {
  const std::vector<Item> kept = items(50, 300 * kDay);
  const std::vector<Item> passing = items(50, 300 * kDay);
  EraSums sums = sums_of(kept, 7 * kDay);
  for (const Item& item : passing) sums.add(item.stamp, item.x, 7 * kDay);
  for (const Item& item : passing) sums.add(item.stamp, -item.x, 7 * kDay);
  EXPECT_EQ(sums, sums_of(kept, 7 * kDay));
  for (const Item& item : kept) sums.add(item.stamp, -item.x, 7 * kDay);
  EXPECT_TRUE(sums.empty());
}

TEST_F(RandomSums, add_up_and_subtract_as_wholes) {
  const std::vector<Item> one = items(40, 300 * kDay);
  const std::vector<Item> other = items(40, 200 * kDay);
  std::vector<Item> both = one;
  both.insert(both.end(), other.begin(), other.end());
  EraSums sums = sums_of(one, 7 * kDay);
  sums.add(sums_of(other, 7 * kDay));
  EXPECT_EQ(sums, sums_of(both, 7 * kDay));
  sums.subtract(sums_of(one, 7 * kDay));
  EXPECT_EQ(sums, sums_of(other, 7 * kDay));
}

TEST_F(RandomSums, come_within_seven_hundredths_of_a_percent_of_real_decay) {
  constexpr TimeUs kHalfLife = 60 * kDay;
  for (const Item& item : items(2'000, 300 * kDay)) {
    const TimeUs t = 600 * kDay;
    EraSums sums;
    sums.add(item.stamp, item.x, kHalfLife);
    const auto n = static_cast<double>(sums.numerator(t, kHalfLife));
    const double read = n / static_cast<double>(decay_divisor(t, kHalfLife));
    const double real = static_cast<double>(item.x) * std::exp2(-static_cast<double>(t - item.stamp) / kHalfLife);
    ASSERT_NEAR(read / real, 1.0, 0.0007);
  }
}

TEST(EraSums, an_item_is_worth_itself_when_it_is_new) {
  EraSums sums;
  sums.add(1'000 * kDay, 123'456, 60 * kDay);
  const Int128 divisor = decay_divisor(1'000 * kDay, 60 * kDay);
  EXPECT_EQ(decayed_mass(sums.numerator(1'000 * kDay, 60 * kDay), divisor), 123'456);
}

TEST(EraSums, an_item_halves_with_each_half_life) {
  EraSums sums;
  sums.add(1'000 * kDay, 1'000'000, 60 * kDay);
  for (int eras = 1; eras <= 5; ++eras) {
    const TimeUs t = (1'000 + 60 * eras) * kDay;
    EXPECT_EQ(decayed_mass(sums.numerator(t, 60 * kDay), decay_divisor(t, 60 * kDay)), 1'000'000 >> eras);
  }
}

TEST(EraSums, an_era_of_age_23_counts_and_one_of_age_24_is_gone) {
  EraSums sums;
  sums.add(10 * kSecond, 1 << 23, kSecond);
  EXPECT_EQ(decayed_mass(sums.numerator(33 * kSecond, kSecond), decay_divisor(33 * kSecond, kSecond)), 1);
  EXPECT_TRUE(sums.numerator(34 * kSecond, kSecond) == 0);
  EXPECT_TRUE(item_numerator(10 * kSecond, 1 << 23, era_slot(33 * kSecond, kSecond), kSecond) ==
              sums.numerator(33 * kSecond, kSecond));
  EXPECT_TRUE(item_numerator(10 * kSecond, 1 << 23, era_slot(34 * kSecond, kSecond), kSecond) == 0);
}

TEST(EraSums, dropping_what_is_gone_changes_no_later_read) {
  EraSums sums;
  for (int second = 0; second < 60; ++second) sums.add(second * kSecond, 1'000'000 + second, kSecond);
  EraSums dropped = sums;
  dropped.drop_gone(40 * kSecond, kSecond);
  EXPECT_NE(dropped, sums);
  for (int second = 40; second < 90; ++second) {
    EXPECT_TRUE(dropped.numerator(second * kSecond, kSecond) == sums.numerator(second * kSecond, kSecond));
  }
  dropped.drop_gone(83 * kSecond, kSecond);
  EXPECT_TRUE(dropped.empty());
}

TEST(EraSumsDeathTest, an_overflow_stops_the_program_rather_than_wrap) {
  EraSums sums;
  const std::int64_t most = INT64_MAX / 2'097'152;
  for (int i = 0; i < 2; ++i) sums.add(0, most, kDay);
  EXPECT_DEATH(for (int i = 0; i < 10; ++i) sums.add(0, most, kDay), "assertion");
  EXPECT_DEATH(sums.add(0, INT64_MAX / 2, kDay), "assertion");
}

TEST(DecayedMass, rounds_half_up) {
  const Int128 divisor = decay_divisor(0, kDay);
  EXPECT_EQ(decayed_mass(0, divisor), 0);
  EXPECT_EQ(decayed_mass(divisor / 2 - 1, divisor), 0);
  EXPECT_EQ(decayed_mass(divisor / 2, divisor), 1);
  EXPECT_EQ(decayed_mass(divisor + divisor / 2 - 1, divisor), 1);
  EXPECT_EQ(decayed_mass(divisor + divisor / 2, divisor), 2);
}

TEST(DecayedMass, equals_its_definition_for_small_and_for_wide_numerators) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 20'000; ++round) {
    const Int128 divisor = decay_divisor(static_cast<TimeUs>(random() % (kDay)), kDay);
    const Int128 n = static_cast<Int128>(random() >> 1U) << (random() % 25);
    ASSERT_TRUE(decayed_mass(n, divisor) == (2 * n + divisor) / (2 * divisor));
  }
}

// --------------------------------------------------------------------------------------------------------- stored form

TEST_F(RandomSums, are_read_back_as_they_were_written) {
  for (std::size_t count = 0; count < 30; ++count) {
    const EraSums sums = sums_of(items(count, 3'000 * kDay), 60 * kDay);
    base::ByteWriter out;
    sums.encode(out);
    base::ByteReader in(out.bytes());
    EraSums read;
    ASSERT_TRUE(read.decode(in));
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(read, sums);
  }
}

bool decodes(const base::ByteWriter& bytes) {
  base::ByteReader in(bytes.bytes());
  EraSums sums;
  sums.add(0, 1, kDay);
  const bool ok = sums.decode(in);
  EXPECT_TRUE(ok || sums.empty());
  return ok;
}

base::ByteWriter written(std::initializer_list<std::uint64_t> numbers) {
  base::ByteWriter out;
  for (const std::uint64_t number : numbers) out.varint(number);
  return out;
}

TEST(EraSumsDecode, refuses_damage) {
  EXPECT_TRUE(decodes(written({2, 1, 5, 1, 6})));
  EXPECT_FALSE(decodes(written({})));
  EXPECT_FALSE(decodes(written({2, 1, 5, 1})));                    // cut off
  EXPECT_FALSE(decodes(written({200, 1, 5})));                     // more promised than there is
  EXPECT_FALSE(decodes(written({2, 1, 5, 0, 6})));                 // an era twice
  EXPECT_FALSE(decodes(written({1, 1, 0})));                       // a zero sum
  EXPECT_FALSE(decodes(written({1, 1, UINT64_MAX})));              // a negative sum
  EXPECT_FALSE(decodes(written({1, UINT64_MAX, 5})));              // a negative step
  EXPECT_FALSE(decodes(written({2, INT64_MAX, 5, INT64_MAX, 5})));  // an era beyond int64
}

TEST_F(RandomSums, never_crash_on_flipped_bits) {
  base::ByteWriter out;
  sums_of(items(10, 3'000 * kDay), 60 * kDay).encode(out);
  for (std::size_t bit = 0; bit < 8 * out.bytes().size(); ++bit) {
    std::string bytes = out.bytes();
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    base::ByteReader in(bytes);
    EraSums sums;
    const bool is_whole = sums.decode(in);
    EXPECT_TRUE(is_whole || sums.empty());
  }
}

// --------------------------------------------------------------------------------------------------------- accumulator

TEST(Accumulator, keeps_gains_and_losses_apart) {
  const GlobalPolicy policy = test::default_global();
  Accumulator sums;
  sums.add(Dimension::R, 1'000 * kDay, 1'000'000, policy);
  sums.add(Dimension::R, 1'000 * kDay, -2'250'000, policy);
  sums.add(Dimension::B, 1'000 * kDay, 500'000, policy);
  const Accumulator::Masses now = sums.at(1'000 * kDay, policy);
  EXPECT_EQ(now.gains, (std::array<std::int64_t, kDimensions>{1'000'000, 0, 0, 0, 0, 0, 0, 500'000}));
  EXPECT_EQ(now.losses, (std::array<std::int64_t, kDimensions>{2'250'000}));
  EXPECT_EQ(now.of(Dimension::R), 3'250'000);
  EXPECT_EQ(now.total(), 3'750'000);
}

TEST(Accumulator, each_dimension_decays_by_its_own_half_life) {
  const GlobalPolicy policy = test::default_global();
  Accumulator sums;
  for (std::size_t d = 0; d < kDimensions; ++d) sums.add(static_cast<Dimension>(d), 3'600 * kDay, -1'000'000, policy);
  const Accumulator::Masses later = sums.at(3'960 * kDay, policy);  // 3, 4, 2, 3, 6, 3, 6, 2 half-lives
  using Amounts = std::array<std::int64_t, kDimensions>;
  EXPECT_EQ(later.losses, (Amounts{125'000, 62'500, 250'000, 125'000, 15'625, 125'000, 15'625, 250'000}));
}

TEST(Accumulator, removal_is_the_exact_inverse_of_addition) {
  const GlobalPolicy policy = test::default_global();
  std::mt19937_64 random(7);
  struct Entry {
    Dimension dimension;
    TimeUs stamp;
    std::int64_t amount;
  };
  std::vector<Entry> entries;
  for (int i = 0; i < 500; ++i) {
    entries.push_back({static_cast<Dimension>(random() % kDimensions), static_cast<TimeUs>(random() % (3'000 * kDay)),
                       static_cast<std::int64_t>(random() % 4'000'001) - 2'000'000});
  }
  Accumulator all;
  for (const Entry& entry : entries) all.add(entry.dimension, entry.stamp, entry.amount, policy);
  Accumulator half;
  Accumulator rest;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    (i % 2 == 0 ? half : rest).add(entries[i].dimension, entries[i].stamp, entries[i].amount, policy);
  }
  Accumulator sum = half;
  sum.add(rest);
  EXPECT_EQ(sum, all);
  sum.subtract(half);
  EXPECT_EQ(sum, rest);
  for (std::size_t i = 1; i < entries.size(); i += 2) {
    all.remove(entries[i].dimension, entries[i].stamp, entries[i].amount, policy);
  }
  EXPECT_EQ(all, half);
}

TEST(Accumulator, is_read_back_as_it_was_written) {
  const GlobalPolicy policy = test::default_global();
  Accumulator sums;
  sums.add(Dimension::S, 900 * kDay, 300'000, policy);
  sums.add(Dimension::V, 1'000 * kDay, -300'000, policy);
  base::ByteWriter out;
  sums.encode(out);
  for (std::size_t size = 0; size < out.bytes().size(); ++size) {
    base::ByteReader cut(std::string_view(out.bytes()).substr(0, size));
    Accumulator read = sums;
    EXPECT_FALSE(read.decode(cut)) << size;
    EXPECT_EQ(read, Accumulator{});
  }
  base::ByteReader in(out.bytes());
  Accumulator read;
  ASSERT_TRUE(read.decode(in));
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(read, sums);
}

TEST(Accumulator, dropping_what_is_gone_changes_no_later_read) {
  const GlobalPolicy policy = test::default_global();
  Accumulator sums;
  sums.add(Dimension::V, 0, 1'000'000, policy);
  sums.add(Dimension::B, 0, 1'000'000, policy);
  sums.drop_gone(24 * 60 * kDay, policy);  // gone for voice; behaviour lives three times as long
  EXPECT_TRUE(sums.gains(Dimension::V).empty());
  EXPECT_EQ(sums.at(24 * 60 * kDay, policy).gains[7], 3'906);  // 10⁶/2⁸ = 3906.25
}

}  // namespace
}  // namespace troth::operators
