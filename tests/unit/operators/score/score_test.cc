// Score: cases worked out by hand, edges of every threshold, and a plainly written second version on random masses.
#include "operators/score/score.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/unit/operators/evidence/policy_by_hand.h"

namespace troth::operators {
namespace {

using event::kDay;
using Masses = Accumulator::Masses;
using Shares = std::array<std::int64_t, kDimensions>;

const Rhythm kNoRhythm{std::nullopt, 700'000};

class ScoreOf : public ::testing::Test {
 protected:
  [[nodiscard]] Score score(const Masses& masses, const Rhythm& rhythm = kNoRhythm) const {
    return score_of(masses, rhythm, policy_);
  }
  ScorePolicy policy_ = test::default_score();
};

TEST_F(ScoreOf, a_stranger_is_the_base_rate_and_uncertain) {
  const Score stranger = score({});
  EXPECT_EQ(stranger.score, 70'000'000);
  // Each dimension: var = 0.7·0.3/(2 + 1) = 0.07. Σ k² = 0.285² + 0.09² + 2·0.0675² + 2·0.045² + 0.25² + 0.075².
  EXPECT_EQ(stranger.sd, 10'928'346);
  EXPECT_EQ(stranger.low, 52'022'871);
  EXPECT_EQ(stranger.high, 87'977'129);
  EXPECT_TRUE(stranger.uncertain);
  EXPECT_EQ(stranger.tier, Tier::kTrusting);
  EXPECT_EQ(stranger.quadrant, Quadrant::kUndetermined);
  EXPECT_EQ(stranger.weakest, Dimension::R);
  EXPECT_EQ(stranger.cognitive, 700'000);
  EXPECT_EQ(stranger.emotional, 700'000);
  EXPECT_EQ(stranger.behavioural, 700'000);
}

TEST_F(ScoreOf, a_delivery_broken_in_silence_costs_what_was_worked_out_by_hand) {
  Masses masses;
  masses.losses = {2'025'000, 0, 1'125'000, 0, 0, 675'000, 0, 0};
  masses.gains[7] = 984'552;
  const Score broken = score(masses);
  // R: 1400000/4.025 = 347826, H: 1400000/3.125 = 448000, K: 1400000/2.675 = 523364, B: (984552 + 1400000)/2.984552.
  EXPECT_EQ(broken.p, (Shares{347'826, 700'000, 448'000, 700'000, 700'000, 523'364, 700'000, 798'964}));
  EXPECT_EQ(broken.weakest, Dimension::R);
  // 0.6·(0.75·0.4234925 + 0.25·0.347826) and so on: 58.209409 of 100.
  EXPECT_EQ(broken.score, 58'209'409);
  EXPECT_EQ(broken.sd, 9'852'295);
  EXPECT_EQ(broken.low, 42'002'384);
  EXPECT_EQ(broken.high, 74'416'434);
  EXPECT_FALSE(broken.uncertain);
  EXPECT_EQ(broken.cognitive, 491'119);
  EXPECT_EQ(broken.emotional, 700'000);
  EXPECT_EQ(broken.behavioural, 749'482);
  EXPECT_EQ(broken.tier, Tier::kWatch);
}

TEST_F(ScoreOf, a_tie_for_the_weakest_goes_to_the_first) {
  Masses masses;
  masses.losses = {0, 0, 500'000, 500'000, 500'000, 0, 9'000'000, 9'000'000};
  EXPECT_EQ(score(masses).weakest, Dimension::H);
}

TEST_F(ScoreOf, coefficients_of_the_default_policy_by_hand) {
  const Coefficients of_c = coefficients(Dimension::C, policy_);
  // 600·(0.75·weight + 0.25 for the weakest) and 250·1000, 150·500 in thousands.
  EXPECT_EQ(of_c.k, (Shares{135'000'000, 90'000'000, 67'500'000, 217'500'000, 45'000'000, 45'000'000, 250'000'000,
                            75'000'000}));
  EXPECT_EQ(of_c.rhythm, 75'000'000);
}

TEST_F(ScoreOf, is_at_most_100_points_and_at_least_none) {
  Masses all;
  all.gains.fill(std::int64_t{1} << 44);
  const Score best = score(all, {0, 1'000'000});
  EXPECT_GT(best.score, 99'999'000);
  EXPECT_LE(best.score, 100'000'000);
  Masses none;
  none.losses.fill(std::int64_t{1} << 44);
  const Score worst = score(none, {100'000, 0});
  EXPECT_GE(worst.score, 0);
  EXPECT_LT(worst.score, 1'000);
}

TEST_F(ScoreOf, the_interval_ends_where_the_scale_ends) {
  policy_.confidence = 10'000'000;
  EXPECT_EQ(score({}).low, 0);
  EXPECT_EQ(score({}).high, 100'000'000);
}

TEST_F(ScoreOf, is_uncertain_only_above_the_limit) {
  const std::int64_t sd = score({}).sd;
  policy_.uncertain_sd = sd;
  EXPECT_FALSE(score({}).uncertain);
  policy_.uncertain_sd = sd - 1;
  EXPECT_TRUE(score({}).uncertain);
}

TEST_F(ScoreOf, tiers_begin_at_their_floors) {
  const std::int64_t points = score({}).score;  // 70000000
  policy_.floor_devoted = points + 1;
  policy_.floor_trusting = points;
  EXPECT_EQ(score({}).tier, Tier::kTrusting);
  policy_.floor_trusting = points + 1;
  EXPECT_EQ(score({}).tier, Tier::kWatch);
  policy_.floor_watch = points + 1;
  EXPECT_EQ(score({}).tier, Tier::kEroding);
  policy_.floor_eroding = points + 1;
  EXPECT_EQ(score({}).tier, Tier::kBroken);
}

TEST_F(ScoreOf, kept_promises_alone_make_no_devotion) {
  Masses masses;
  for (std::size_t d = 0; d < 6; ++d) masses.gains[d] = 60'000'000;
  masses.gains[7] = 60'000'000;
  const Score silent = score(masses, {0, 950'000});
  EXPECT_GE(silent.score, policy_.floor_devoted);
  EXPECT_EQ(silent.tier_by_floors, Tier::kDevoted);
  EXPECT_EQ(silent.tier, Tier::kTrusting);  // no word from the customer
  masses.gains[6] = 1'000'000;
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kDevoted);
  masses.gains[6] = 999'999;
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kTrusting);
  masses.gains[6] = 1'000'000;
  policy_.gate_voice = score(masses, {0, 950'000}).p[6];
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kDevoted);
  ++policy_.gate_voice;
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kTrusting);
}

TEST_F(ScoreOf, the_gate_looks_at_behaviour_too) {
  Masses masses;
  for (std::size_t d = 0; d < 7; ++d) masses.gains[d] = 60'000'000;
  masses.gains[7] = 1'000'000;
  policy_.gate_behaviour = score(masses, {0, 950'000}).p[7];
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kDevoted);
  masses.gains[7] = 999'999;
  policy_.gate_behaviour = 0;
  EXPECT_EQ(score(masses, {0, 950'000}).tier, Tier::kTrusting);
}

TEST_F(ScoreOf, quadrants_are_told_by_voice_and_behaviour) {
  const auto quadrant = [&](std::int64_t voice, std::int64_t behaviour) {
    Masses masses;
    (voice > 0 ? masses.gains : masses.losses)[6] = voice > 0 ? voice : -voice;
    (behaviour > 0 ? masses.gains : masses.losses)[7] = behaviour > 0 ? behaviour : -behaviour;
    return score(masses).quadrant;
  };
  EXPECT_EQ(quadrant(500'000, 500'000), Quadrant::kLoyalist);
  EXPECT_EQ(quadrant(500'000, -500'000), Quadrant::kMercenary);
  EXPECT_EQ(quadrant(-500'000, 500'000), Quadrant::kHostage);
  EXPECT_EQ(quadrant(-500'000, -500'000), Quadrant::kDefector);
  EXPECT_EQ(quadrant(499'999, 500'000), Quadrant::kUndetermined);
  EXPECT_EQ(quadrant(500'000, -499'999), Quadrant::kUndetermined);
  EXPECT_EQ(name_of(Quadrant::kUndetermined), "undetermined");
  EXPECT_EQ(name_of(Quadrant::kDefector), "defector");
}

TEST_F(ScoreOf, floors_are_those_of_the_policy) {
  EXPECT_EQ(floor_of(Tier::kDevoted, policy_), 85'000'000);
  EXPECT_EQ(floor_of(Tier::kTrusting, policy_), 70'000'000);
  EXPECT_EQ(floor_of(Tier::kWatch, policy_), 55'000'000);
  EXPECT_EQ(floor_of(Tier::kEroding, policy_), 40'000'000);
  EXPECT_EQ(floor_of(Tier::kBroken, policy_), 0);
}

// -------------------------------------------------------------------------------------------------------------- rhythm

TEST(RhythmAt, is_the_base_rate_of_behaviour_for_too_few_orders) {
  const ScorePolicy policy = test::default_score();
  const Rhythm two = rhythm_at({2, 0, 10 * kDay}, 20 * kDay, policy);
  EXPECT_FALSE(two.silence.has_value());
  EXPECT_EQ(two.ppm, 700'000);
  EXPECT_FALSE(rhythm_at({3, 10 * kDay, 10 * kDay}, 20 * kDay, policy).silence.has_value());  // all at once
  EXPECT_FALSE(rhythm_at({}, 20 * kDay, policy).silence.has_value());
}

TEST(RhythmAt, counts_silence_in_thousandths_of_the_mean_gap) {
  const ScorePolicy policy = test::default_score();
  const Orders weekly{5, 100 * kDay, 128 * kDay};
  EXPECT_EQ(rhythm_at(weekly, 128 * kDay, policy).silence, 0);
  EXPECT_EQ(rhythm_at(weekly, 128 * kDay, policy).ppm, 950'000);
  EXPECT_EQ(rhythm_at(weekly, 135 * kDay - 1, policy).silence, 999);
  EXPECT_EQ(rhythm_at(weekly, 135 * kDay, policy).silence, 1'000);
  EXPECT_EQ(rhythm_at(weekly, 135 * kDay, policy).ppm, 900'000);
  EXPECT_EQ(rhythm_at(weekly, 156 * kDay, policy).silence, 4'000);
  EXPECT_EQ(rhythm_at(weekly, 156 * kDay, policy).ppm, 750'000);
  EXPECT_EQ(rhythm_at(weekly, 400 * kDay, policy).ppm, 500'000);
}

TEST(RhythmAt, survives_orders_a_microsecond_apart_and_a_century_of_silence) {
  const Rhythm rhythm = rhythm_at({3, 0, 2}, event::kEndOfTime, test::default_score());
  EXPECT_EQ(rhythm.silence, (event::kEndOfTime - 2) * 1'000);
  EXPECT_EQ(rhythm.ppm, 500'000);
}

// ------------------------------------------------------------------------------------------- a plainly written version

std::int64_t plain_isqrt(Int128 x) {
  std::int64_t low = 0;
  std::int64_t high = std::int64_t{1} << 40;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (static_cast<Int128>(middle) * middle <= x ? low : high) = middle;
  }
  return low;
}

TEST_F(ScoreOf, equals_a_plainly_written_version_on_random_masses) {
  std::mt19937_64 random(91);
  const auto below = [&random](std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random);
  };
  constexpr Int128 kMillion = 1'000'000;
  for (int round = 0; round < 20'000; ++round) {
    Masses masses;
    for (std::size_t d = 0; d < kDimensions; ++d) {
      const std::int64_t most = std::int64_t{1} << below(45);
      masses.gains[d] = below(most);
      masses.losses[d] = below(most);
      policy_.base_rate[d] = below(1'000'001);
    }
    policy_.prior_weight = 1 + below(5'000'000);
    policy_.weakest_link = below(1'000'001);
    policy_.layer_cognitive = below(1'000'001);
    policy_.layer_emotional = below(1'000'001 - policy_.layer_cognitive);
    policy_.layer_behavioural = 1'000'000 - policy_.layer_cognitive - policy_.layer_emotional;
    const Rhythm rhythm{std::nullopt, below(1'000'001)};
    const Score got = score(masses, rhythm);

    std::size_t weakest = 0;
    for (std::size_t d = 0; d < kDimensions; ++d) {
      const Int128 m = Int128{masses.gains[d]} + masses.losses[d] + policy_.prior_weight;
      const Int128 p = (kMillion * masses.gains[d] + Int128{policy_.prior_weight} * policy_.base_rate[d]) / m;
      ASSERT_TRUE(got.p[d] == p);
      if (d < 6 && got.p[d] < got.p[weakest]) weakest = d;
    }
    ASSERT_EQ(static_cast<std::size_t>(got.weakest), weakest);
    Int128 sum = Int128{500} * policy_.layer_behavioural * rhythm.ppm;
    Int128 spread = 0;
    Int128 weighted = 0;
    for (std::size_t d = 0; d < kDimensions; ++d) {
      Int128 k = 0;
      if (d < 6) {
        k = (kMillion - policy_.weakest_link) * policy_.weight[d];
        if (d == weakest) k += policy_.weakest_link * kMillion;
        weighted += k * got.p[d];
        k = policy_.layer_cognitive * k / 1'000'000'000;
      } else {
        k = d == 6 ? Int128{1'000} * policy_.layer_emotional : Int128{500} * policy_.layer_behavioural;
      }
      sum += k * got.p[d];
      const Int128 m = Int128{masses.gains[d]} + masses.losses[d] + policy_.prior_weight;
      spread += k * k * (got.p[d] * (kMillion - got.p[d]) * kMillion / (m + kMillion));
    }
    ASSERT_TRUE(got.score == sum / 10'000'000);
    ASSERT_EQ(got.sd, plain_isqrt(spread / 100'000'000'000'000));
    const Int128 half = Int128{got.sd} * policy_.confidence / kMillion;
    ASSERT_TRUE(got.low == (got.score > half ? got.score - half : 0));
    ASSERT_TRUE(got.high == (got.score + half < 100'000'000 ? got.score + half : 100'000'000));
    ASSERT_TRUE(got.cognitive == weighted / (kMillion * kMillion));
    ASSERT_EQ(got.emotional, got.p[6]);
    ASSERT_EQ(got.behavioural, (got.p[7] + rhythm.ppm) / 2);
  }
}

}  // namespace
}  // namespace troth::operators
