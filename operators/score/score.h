// Score: from decayed masses to a number of 0 … 100 points, how sure it is, tier and quadrant (TRUST_MODEL: score).
// Evidence accumulates as in Jøsang & Ismail's Beta reputation (2002); what is judged (ability, benevolence, integrity)
// follows Mayer, Davis & Schoorman (1995); see operators/MODEL.md. Pure integer functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "operators/evidence/accumulator.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// Orders of a customer: what the rhythm is read from.
struct Orders {
  std::int64_t count = 0;
  TimeUs first = 0;
  TimeUs last = 0;
};

struct Rhythm {
  std::optional<std::int64_t> silence;  // thousandths of the mean gap; nothing: too few orders
  std::int64_t ppm = 0;                 // ρ
};
[[nodiscard]] Rhythm rhythm_at(const Orders& orders, TimeUs t, const ScorePolicy& policy);

/// Coefficients in 10⁻⁷ micro-points per ppm; depend on which cognitive dimension is weakest.
struct Coefficients {
  std::array<std::int64_t, kDimensions> k{};
  std::int64_t rhythm = 0;
};
[[nodiscard]] Coefficients coefficients(Dimension weakest, const ScorePolicy& policy);

enum class Quadrant : std::uint8_t { kUndetermined, kLoyalist, kMercenary, kHostage, kDefector };
[[nodiscard]] std::string_view name_of(Quadrant quadrant);

/// Points are micro-points (10⁸ = 100 points), shares ppm, masses µe.
struct Score {
  Accumulator::Masses masses;
  std::array<std::int64_t, kDimensions> p{};
  Dimension weakest{};
  Rhythm rhythm;
  std::int64_t score = 0, sd = 0, low = 0, high = 0;
  bool uncertain = false;
  std::int64_t cognitive = 0, emotional = 0, behavioural = 0;
  Tier tier{};            // with the gate of `devoted`
  Tier tier_by_floors{};  // without
  Quadrant quadrant{};
};

[[nodiscard]] Score score_of(const Accumulator::Masses& masses, const Rhythm& rhythm, const ScorePolicy& policy);

/// The lowest score of a tier; 0 for broken.
[[nodiscard]] std::int64_t floor_of(Tier tier, const ScorePolicy& policy);

}  // namespace troth::operators
