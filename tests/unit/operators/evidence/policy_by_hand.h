// The default policy's numbers as far as tests of evidence and score need them, written by hand so that these tests
// rest on no parser.
#pragma once

#include <utility>
#include <vector>

#include "operators/policy/policy.h"

namespace troth::operators::test {

using Knots = std::vector<std::pair<std::int64_t, std::int64_t>>;

inline const Knots kNotice{{0, 1'000'000}, {86'400, 500'000}};
inline const Knots kDiscount{{0, 1'000'000}, {500'000, 0}};
inline const Knots kExcess{{0, 0}, {100'000, 1'000'000}};
inline const Knots kShare{{0, 0}, {1'000'000, 1'000'000}};
inline const Knots kInverse{{0, 1'000'000}, {1'000'000, 0}};

inline GlobalPolicy default_global() {
  using event::kDay;
  GlobalPolicy global;
  global.lateness_us = 45 * kDay;
  global.quiet_us = 45 * kDay;
  global.half_life_us = {120 * kDay, 90 * kDay, 180 * kDay, 120 * kDay, 60 * kDay, 120 * kDay, 60 * kDay, 180 * kDay};
  return global;
}

inline ScorePolicy default_score() {
  ScorePolicy score;
  score.prior_weight = 2'000'000;
  score.base_rate.fill(700'000);
  score.loss_factor = {2'250'000, 2'250'000, 2'250'000, 2'250'000, 1'500'000, 1'500'000, 1'500'000, 1'000'000};
  score.weight = {300'000, 200'000, 150'000, 150'000, 100'000, 100'000};
  score.weakest_link = 250'000;
  score.layer_cognitive = 600'000;
  score.layer_emotional = 250'000;
  score.layer_behavioural = 150'000;
  score.confidence = 1'645'000;
  score.uncertain_sd = 10'000'000;
  score.floor_devoted = 85'000'000;
  score.floor_trusting = 70'000'000;
  score.floor_watch = 55'000'000;
  score.floor_eroding = 40'000'000;
  score.gate_voice = 750'000;
  score.gate_behaviour = 800'000;
  score.gate_mass = 1'000'000;
  score.quadrant_voice = 700'000;
  score.quadrant_behaviour = 700'000;
  score.quadrant_mass = 500'000;
  score.min_orders = 3;
  score.rhythm = Curve(
      {{0, 950'000}, {1'000, 900'000}, {2'000, 850'000}, {3'000, 800'000}, {5'000, 700'000}, {10'000, 500'000}});
  return score;
}

inline EvidenceRow plain(Dimension dimension, std::int64_t amount) {
  EvidenceRow row;
  row.dimension = dimension;
  row.amount = amount;
  return row;
}
inline EvidenceRow stepped(Dimension dimension, std::int64_t amount, std::vector<std::int64_t> steps) {
  EvidenceRow row = plain(dimension, amount);
  row.steps = std::move(steps);
  return row;
}
inline EvidenceRow curved(Dimension dimension, std::int64_t amount, const Knots& curve) {
  EvidenceRow row = plain(dimension, amount);
  row.curve = Curve(curve);
  return row;
}
inline EvidenceRow relieved(EvidenceRow row) {
  row.relief = Curve(kNotice);
  return row;
}
inline EvidenceRow capped(EvidenceRow row, std::int64_t cap) {
  row.cap = cap;
  return row;
}

/// A good dozen of kinds: each feature of a row occurs.
inline SegmentPolicy default_segment() {
  using D = Dimension;
  SegmentPolicy policy;
  policy.score = default_score();
  policy.excused_ppm = 250'000;
  policy.recovery = {1'800'000, 800'000, 200'000, 800'000, 1'200'000, 1'200'000, 1'200'000, 0};
  const auto set = [&policy](Kind kind, std::vector<EvidenceRow> rows,
                             std::map<std::string, std::int64_t, std::less<>> class_weight = {}) {
    policy.evidence[static_cast<std::size_t>(kind)] = {std::move(class_weight), std::move(rows)};
  };
  const std::map<std::string, std::int64_t, std::less<>> promise{
      {"delivery", 1'000'000}, {"express", 1'250'000}, {"callback", 500'000}, {"update", 300'000}};
  const std::vector<std::int64_t> stages{900'000, 20'000, 20'000, 20'000, 20'000, 20'000};
  const std::vector<std::int64_t> late{1'000'000, 1'000'000, 1'000'000, 400'000, 200'000, 100'000};
  set(Kind::kPromiseKept, {plain(D::R, 1'000'000), plain(D::K, 300'000)}, promise);
  set(Kind::kKeptLate, {stepped(D::R, 2'250'000, late), stepped(D::K, 1'100'000, late)}, promise);
  set(Kind::kPromiseSilent, {plain(D::H, -500'000)}, promise);
  set(Kind::kPromiseLate,
      {relieved(stepped(D::R, -1'000'000, stages)), relieved(stepped(D::K, -500'000, stages))}, promise);
  set(Kind::kRepromisedEarly, {plain(D::K, -300'000), plain(D::H, 300'000)});
  set(Kind::kParcelLost, {plain(D::R, -1'000'000), plain(D::C, -1'000'000)});
  set(Kind::kAttemptFailed, {plain(D::R, -300'000)}, {{"carrier", 1'000'000}, {"customer", 0}, {"other", 0}});
  set(Kind::kProactiveContact, {capped(plain(D::E, 300'000), 300'000), capped(plain(D::H, 300'000), 300'000)});
  set(Kind::kCheckingUp, {capped(plain(D::R, -100'000), 400'000)});
  set(Kind::kHiddenFee, {curved(D::H, -1'000'000, kExcess)});
  set(Kind::kComplaintOpened, {plain(D::V, -500'000)}, {{"complaint", 1'000'000}, {"claim", 500'000}, {"question", 0}});
  set(Kind::kFirstReplyOnTime, {plain(D::S, 1'000'000)}, {{"question", 500'000}});
  set(Kind::kComplaintIgnored, {plain(D::E, -1'000'000), plain(D::S, -500'000)}, {{"question", 500'000}});
  set(Kind::kReopened, {capped(stepped(D::C, -1'000'000, {1'000'000, 1'500'000}), 3'000'000)});
  set(Kind::kResolvedOnTime, {plain(D::C, 1'000'000)});
  set(Kind::kEffort, {capped(plain(D::E, -200'000), 1'000'000)});
  set(Kind::kApology, {plain(D::E, 200'000)});
  set(Kind::kReasonGiven, {plain(D::H, 100'000)});
  set(Kind::kCompensated, {capped(curved(D::E, 700'000, kShare), 700'000)}, {{"points", 500'000}, {"coupon", 0}});
  set(Kind::kStars,
      {stepped(D::V, 1'000'000, {0, 150'000, 450'000, 800'000, 1'000'000}),
       stepped(D::V, -1'000'000, {1'000'000, 850'000, 550'000, 200'000, 0})},
      {{"verified", 1'000'000}, {"unverified", 500'000}});
  set(Kind::kServqualEmpathy, {curved(D::E, 500'000, kShare), curved(D::E, -500'000, kInverse)});
  set(Kind::kSentimentGood, {curved(D::V, 500'000, kShare)});
  set(Kind::kOrderPlaced, {curved(D::B, 1'000'000, kDiscount)}, {{"free", 1'000'000}, {"captive", 500'000}});
  set(Kind::kOrderCancelled, {plain(D::B, -1'000'000)}, {{"fraud", 0}, {"price", 500'000}});
  set(Kind::kReferred, {plain(D::B, 1'000'000)});
  return policy;
}

}  // namespace troth::operators::test
