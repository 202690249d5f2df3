// `score`: what accumulated evidence makes of the score (TRUST_MODEL: score).
#include <array>

#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

const auto kDimensionNames = names_of<Dimension, kDimensions>();
constexpr Range kMicroPoints{0, 1'000'000'000, "micro-points"};

template <std::size_t kSize>
void read_dimensions(const Reader& reader, const Range& range, std::array<std::int64_t, kSize>& values) {
  const std::span names = std::span(kDimensionNames).first(kSize);
  reader.only(names);
  for (std::size_t d = 0; d < kSize; ++d) values[d] = reader.at(names[d]).integer(range);
}

void require_whole(const Reader& reader, std::int64_t sum) {
  if (sum != kPpm) reader.refuse("the parts sum to " + std::to_string(sum) + ", but they must sum to 1000000");
}

void read_weights(const Reader& weight, ScorePolicy& score) {
  read_dimensions(weight, kShare, score.weight);
  std::int64_t sum = 0;
  for (const std::int64_t part : score.weight) sum += part;
  require_whole(weight, sum);
}

void read_layers(const Reader& layer, ScorePolicy& score) {
  layer.only({"cognitive", "emotional", "behavioural"});
  score.layer_cognitive = layer.at("cognitive").integer(kShare);
  score.layer_emotional = layer.at("emotional").integer(kShare);
  score.layer_behavioural = layer.at("behavioural").integer(kShare);
  require_whole(layer, score.layer_cognitive + score.layer_emotional + score.layer_behavioural);
}

void read_tiers(const Reader& tiers, ScorePolicy& score) {
  tiers.only({"devoted", "trusting", "watch", "eroding"});
  score.floor_devoted = tiers.at("devoted").integer(kMicroPoints);
  score.floor_trusting = tiers.at("trusting").integer(kMicroPoints);
  score.floor_watch = tiers.at("watch").integer(kMicroPoints);
  score.floor_eroding = tiers.at("eroding").integer(kMicroPoints);
  const bool is_descending = score.floor_devoted > score.floor_trusting && score.floor_trusting > score.floor_watch &&
                             score.floor_watch > score.floor_eroding;
  if (!is_descending) tiers.refuse("the floors must descend strictly: devoted > trusting > watch > eroding");
}

}  // namespace

ScorePolicy read_score(const Reader& reader) {
  reader.only({"prior_weight", "base_rate", "loss_factor", "weight", "weakest_link", "layer", "confidence",
               "uncertain_sd", "tiers", "gate", "quadrant", "rhythm"});
  ScorePolicy score;
  score.prior_weight = reader.at("prior_weight").integer({1, kMass.most, kMass.unit});
  read_dimensions(reader.at("base_rate"), kShare, score.base_rate);
  read_dimensions(reader.at("loss_factor"), kFactor, score.loss_factor);
  read_weights(reader.at("weight"), score);
  score.weakest_link = reader.at("weakest_link").integer(kShare);
  read_layers(reader.at("layer"), score);
  score.confidence = reader.at("confidence").integer(kFactor);
  score.uncertain_sd = reader.at("uncertain_sd").integer(kMicroPoints);
  read_tiers(reader.at("tiers"), score);

  const Reader gate = reader.at("gate").only({"voice", "behaviour", "mass"});
  score.gate_voice = gate.at("voice").integer(kFactor);
  score.gate_behaviour = gate.at("behaviour").integer(kFactor);
  score.gate_mass = gate.at("mass").integer(kMass);
  const Reader quadrant = reader.at("quadrant").only({"voice", "behaviour", "mass"});
  score.quadrant_voice = quadrant.at("voice").integer(kFactor);
  score.quadrant_behaviour = quadrant.at("behaviour").integer(kFactor);
  score.quadrant_mass = quadrant.at("mass").integer(kMass);
  const Reader rhythm = reader.at("rhythm").only({"min_orders", "curve"});
  score.min_orders = rhythm.at("min_orders").integer(kCount);
  score.rhythm = read_curve(rhythm.at("curve"), kPpm);
  return score;
}

}  // namespace troth::operators
