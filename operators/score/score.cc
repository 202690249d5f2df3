// Score: see the header. Widths: points, shares and coefficients fit in int64 with their products; masses times ppm,
// the silence and the variance go through 128 bits.
#include "operators/score/score.h"

#include <algorithm>

#include "engine/event/time.h"
#include "operators/evidence/wide.h"

namespace troth::operators {
namespace {

constexpr std::size_t kCognitive = 6;                    // R S H C E K come first
constexpr std::int64_t kCoefficientUnit = 10'000'000;    // coefficients are in 10⁻⁷ micro-points per ppm
constexpr std::int64_t kFullScore = 100'000'000;
constexpr std::int64_t kVarianceUnit = 100'000'000'000'000;  // kCoefficientUnit²

std::size_t at(Dimension dimension) { return static_cast<std::size_t>(dimension); }

/// ⌊√x⌋, bit by bit.
std::int64_t isqrt(std::int64_t x) {
  TROTH_ASSERT(x >= 0);
  auto rest = static_cast<std::uint64_t>(x);
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 62U; bit != 0; bit >>= 2U) {
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1U) + bit;
    } else {
      root >>= 1U;
    }
  }
  return static_cast<std::int64_t>(root);
}

/// M_d = P_d + N_d + W.
std::int64_t weight_of_evidence(const Accumulator::Masses& masses, std::size_t d, const ScorePolicy& policy) {
  return checked_add(masses.gains[d] + masses.losses[d], policy.prior_weight);
}

std::int64_t share_of_gains(const Accumulator::Masses& masses, std::size_t d, const ScorePolicy& policy) {
  const Int128 gains = static_cast<Int128>(kPpm) * masses.gains[d];
  const Int128 prior = static_cast<Int128>(policy.prior_weight) * policy.base_rate[d];
  const std::int64_t p = quotient(gains + prior, weight_of_evidence(masses, d, policy));
  TROTH_ASSERT(p >= 0 && p <= kPpm);
  return p;
}

Dimension weakest_of(const std::array<std::int64_t, kDimensions>& p) {
  return static_cast<Dimension>(std::min_element(p.begin(), p.begin() + kCognitive) - p.begin());
}

std::int64_t cognitive_layer(const Score& score, const ScorePolicy& policy) {
  std::int64_t weighted = 0;
  for (std::size_t d = 0; d < kCognitive; ++d) weighted += policy.weight[d] * score.p[d];
  const std::int64_t of_all = (kPpm - policy.weakest_link) * weighted;
  const std::int64_t of_weakest = policy.weakest_link * kPpm * score.p[at(score.weakest)];
  return (of_all + of_weakest) / (kPpm * kPpm);
}

std::int64_t deviation(const Score& score, const Coefficients& coefficient, const ScorePolicy& policy) {
  Int128 sum = 0;
  for (std::size_t d = 0; d < kDimensions; ++d) {
    const std::int64_t spread = score.p[d] * (kPpm - score.p[d]) * kPpm;
    const std::int64_t variance = spread / checked_add(weight_of_evidence(score.masses, d, policy), kPpm);
    sum += static_cast<Int128>(coefficient.k[d]) * coefficient.k[d] * variance;
  }
  return isqrt(quotient(sum, kVarianceUnit));
}

Tier tier_by_floors(std::int64_t score, const ScorePolicy& policy) {
  if (score >= policy.floor_devoted) return Tier::kDevoted;
  if (score >= policy.floor_trusting) return Tier::kTrusting;
  if (score >= policy.floor_watch) return Tier::kWatch;
  if (score >= policy.floor_eroding) return Tier::kEroding;
  return Tier::kBroken;
}

/// Whether voice and behaviour both speak, and well enough for `devoted`.
bool passes_gate(const Score& score, const ScorePolicy& policy) {
  return score.p[at(Dimension::V)] >= policy.gate_voice && score.p[at(Dimension::B)] >= policy.gate_behaviour &&
         score.masses.of(Dimension::V) >= policy.gate_mass && score.masses.of(Dimension::B) >= policy.gate_mass;
}

Quadrant quadrant_of(const Score& score, const ScorePolicy& policy) {
  if (score.masses.of(Dimension::V) < policy.quadrant_mass || score.masses.of(Dimension::B) < policy.quadrant_mass) {
    return Quadrant::kUndetermined;
  }
  const bool speaks_well = score.emotional >= policy.quadrant_voice;
  const bool acts_well = score.behavioural >= policy.quadrant_behaviour;
  if (speaks_well) return acts_well ? Quadrant::kLoyalist : Quadrant::kMercenary;
  return acts_well ? Quadrant::kHostage : Quadrant::kDefector;
}

}  // namespace

std::string_view name_of(Quadrant quadrant) {
  constexpr std::array<std::string_view, 5> kNames{"undetermined", "loyalist", "mercenary", "hostage", "defector"};
  return kNames[static_cast<std::size_t>(quadrant)];
}

Rhythm rhythm_at(const Orders& orders, TimeUs t, const ScorePolicy& policy) {
  if (orders.count < policy.min_orders || orders.last <= orders.first) {
    return {std::nullopt, policy.base_rate[at(Dimension::B)]};
  }
  TROTH_ASSERT(t >= orders.last && orders.count > 1);
  const Int128 silent = static_cast<Int128>(t - orders.last) * checked_mul(1000, orders.count - 1);
  const std::int64_t silence = quotient(silent, orders.last - orders.first);
  return {silence, policy.rhythm.at(silence)};
}

Coefficients coefficients(Dimension weakest, const ScorePolicy& policy) {
  constexpr std::int64_t kThousand = 1000;
  Coefficients result;
  for (std::size_t d = 0; d < kCognitive; ++d) {
    std::int64_t share = (kPpm - policy.weakest_link) * policy.weight[d];
    if (d == at(weakest)) share += policy.weakest_link * kPpm;
    result.k[d] = policy.layer_cognitive * share / (kThousand * kPpm);
  }
  result.k[at(Dimension::V)] = kThousand * policy.layer_emotional;
  result.k[at(Dimension::B)] = kThousand / 2 * policy.layer_behavioural;
  result.rhythm = result.k[at(Dimension::B)];
  return result;
}

Score score_of(const Accumulator::Masses& masses, const Rhythm& rhythm, const ScorePolicy& policy) {
  Score result;
  result.masses = masses;
  result.rhythm = rhythm;
  for (std::size_t d = 0; d < kDimensions; ++d) result.p[d] = share_of_gains(masses, d, policy);
  result.weakest = weakest_of(result.p);

  const Coefficients coefficient = coefficients(result.weakest, policy);
  std::int64_t sum = coefficient.rhythm * rhythm.ppm;
  for (std::size_t d = 0; d < kDimensions; ++d) sum += coefficient.k[d] * result.p[d];
  result.score = sum / kCoefficientUnit;
  TROTH_ASSERT(result.score >= 0);

  result.sd = deviation(result, coefficient, policy);
  const std::int64_t half_width = event::floor_div(checked_mul(result.sd, policy.confidence), kPpm);
  result.low = std::max<std::int64_t>(0, result.score - half_width);
  result.high = std::min(kFullScore, result.score + half_width);
  result.uncertain = result.sd > policy.uncertain_sd;

  result.cognitive = cognitive_layer(result, policy);
  result.emotional = result.p[at(Dimension::V)];
  result.behavioural = (result.p[at(Dimension::B)] + rhythm.ppm) / 2;
  result.tier_by_floors = tier_by_floors(result.score, policy);
  result.tier = result.tier_by_floors == Tier::kDevoted && !passes_gate(result, policy) ? Tier::kTrusting
                                                                                         : result.tier_by_floors;
  result.quadrant = quadrant_of(result, policy);
  return result;
}

std::int64_t floor_of(Tier tier, const ScorePolicy& policy) {
  switch (tier) {
    case Tier::kDevoted: return policy.floor_devoted;
    case Tier::kTrusting: return policy.floor_trusting;
    case Tier::kWatch: return policy.floor_watch;
    case Tier::kEroding: return policy.floor_eroding;
    case Tier::kBroken: break;
  }
  return 0;
}

}  // namespace troth::operators
