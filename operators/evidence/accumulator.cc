// Accumulator: see the header. One customer's sums belong to one task.
#include "operators/evidence/accumulator.h"

#include <algorithm>
#include <limits>

namespace troth::operators {
namespace {

constexpr std::int64_t kSlots = 1024;
constexpr unsigned kEraShift = static_cast<unsigned>(kEras);

/// Beyond every time that is read or stamped, and so early that slot arithmetic stays within int64.
constexpr TimeUs kLastStamp = std::numeric_limits<TimeUs>::max() / kSlots;

std::int64_t table_at(EraSlot now) { return static_cast<std::int64_t>(decay_table()[now.slot]); }

bool is_readable(std::int64_t age) { return age >= 0 && age < kEras; }

Int128 aged(std::int64_t sum, std::int64_t age) {
  return static_cast<Int128>(sum) * (std::int64_t{1} << (kEras - age));
}

TimeUs half_life(const GlobalPolicy& policy, std::size_t dimension) { return policy.half_life_us[dimension]; }

}  // namespace

EraSlot era_slot(TimeUs stamp, TimeUs half_life_us) {
  TROTH_ASSERT(stamp >= 0 && stamp <= kLastStamp && half_life_us > 0);
  const std::int64_t era = stamp / half_life_us;
  const TimeUs rest = stamp - era * half_life_us;
  return {era, static_cast<std::uint32_t>(rest * kSlots / half_life_us)};
}

void EraSums::add_at(std::int64_t era, std::int64_t amount) {
  if (amount == 0) return;
  // From the end: news is about the present.
  auto after = sums_.end();
  while (after != sums_.begin() && (after - 1)->era > era) --after;
  if (after == sums_.begin() || (after - 1)->era != era) {
    sums_.insert(after, {era, amount});
    return;
  }
  const auto found = after - 1;
  found->sum = checked_add(found->sum, amount);
  if (found->sum == 0) sums_.erase(found);
}

void EraSums::add(TimeUs stamp, std::int64_t x, TimeUs half_life_us) {
  const EraSlot at = era_slot(stamp, half_life_us);
  add_at(at.era, checked_mul(x, table_at(at)));
}

void EraSums::add(const EraSums& other) {
  TROTH_ASSERT(this != &other);
  for (const Sum& each : other.sums_) add_at(each.era, each.sum);
}

void EraSums::subtract(const EraSums& other) {
  TROTH_ASSERT(this != &other);
  for (const Sum& each : other.sums_) add_at(each.era, checked_mul(each.sum, -1));
}

Int128 EraSums::numerator(TimeUs t, TimeUs half_life_us) const {
  return sums_.empty() ? Int128{0} : numerator(era_slot(t, half_life_us));
}

Int128 EraSums::numerator(EraSlot now) const {
  Int128 n = 0;
  for (const Sum& each : sums_) {
    const std::int64_t age = now.era - each.era;
    if (is_readable(age)) n += aged(each.sum, age);
  }
  return n;
}

void EraSums::drop_gone(TimeUs t, TimeUs half_life_us) {
  if (sums_.empty()) return;
  const std::int64_t oldest = era_slot(t, half_life_us).era - kEras + 1;
  const auto kept = std::find_if(sums_.begin(), sums_.end(), [&](const Sum& each) { return each.era >= oldest; });
  sums_.erase(sums_.begin(), kept);
}

void EraSums::encode(base::ByteWriter& out) const {
  out.varint(sums_.size());
  std::int64_t before = -1;  // eras are written as steps from the one before, so that a step is never 0
  for (const Sum& each : sums_) {
    TROTH_ASSERT(each.era > before && each.sum > 0);
    out.varint(static_cast<std::uint64_t>(each.era - before));
    out.varint(static_cast<std::uint64_t>(each.sum));
    before = each.era;
  }
}

bool EraSums::decode(base::ByteReader& in) {
  sums_.clear();
  const std::size_t count = in.count();
  // Half of what fits: the sums of what is not sealed are added to these, and damage must not make that overflow.
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 2);
  std::int64_t before = -1;
  sums_.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t step = in.varint();
    const std::uint64_t sum = in.varint();
    std::int64_t era = 0;
    const bool is_sound = step > 0 && step <= kMost && sum > 0 && sum <= kMost &&
                          !__builtin_add_overflow(before, static_cast<std::int64_t>(step), &era);
    if (!in.ok() || !is_sound) {
      sums_.clear();
      return false;
    }
    sums_.push_back({era, static_cast<std::int64_t>(sum)});
    before = era;
  }
  return in.ok();
}

Int128 item_numerator(TimeUs stamp, std::int64_t x, EraSlot now, TimeUs half_life_us) {
  const EraSlot at = era_slot(stamp, half_life_us);
  const std::int64_t age = now.era - at.era;
  return is_readable(age) ? aged(checked_mul(x, table_at(at)), age) : Int128{0};
}

Int128 decay_divisor(EraSlot now) { return static_cast<Int128>(table_at(now)) << kEraShift; }

Int128 decay_divisor(TimeUs t, TimeUs half_life_us) { return decay_divisor(era_slot(t, half_life_us)); }

std::int64_t decayed_mass(Int128 numerator, Int128 divisor) {
  TROTH_ASSERT(numerator >= 0 && divisor > 0);
  // 2D = 2^25·tbl, and flooring twice floors once: the shift leaves a division of (nearly always) 64 bits.
  const auto entry = static_cast<std::int64_t>(divisor >> kEraShift);
  TROTH_ASSERT(static_cast<Int128>(entry) << kEraShift == divisor);
  return quotient((2 * numerator + divisor) >> (kEraShift + 1), entry);
}

std::int64_t Accumulator::Masses::total() const {
  std::int64_t sum = 0;
  for (std::size_t d = 0; d < kDimensions; ++d) sum += gains[d] + losses[d];
  return sum;
}

const EraSums& Accumulator::sums(std::size_t dimension, bool is_gain) const {
  static const EraSums kNone;
  return sides_.empty() ? kNone : sides_[side(dimension, is_gain)];
}

EraSums& Accumulator::sums(std::size_t dimension, bool is_gain) {
  if (sides_.empty()) sides_.resize(kSides);
  return sides_[side(dimension, is_gain)];
}

bool operator==(const Accumulator& a, const Accumulator& b) {
  if (a.sides_.empty() == b.sides_.empty()) return a.sides_ == b.sides_;
  const auto& sides = a.sides_.empty() ? b.sides_ : a.sides_;
  return std::all_of(sides.begin(), sides.end(), [](const EraSums& each) { return each.empty(); });
}

void Accumulator::add(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy) {
  const auto d = static_cast<std::size_t>(dimension);
  if (amount != 0) sums(d, amount > 0).add(stamp, amount > 0 ? amount : -amount, half_life(policy, d));
}

void Accumulator::remove(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy) {
  const auto d = static_cast<std::size_t>(dimension);
  if (amount != 0) sums(d, amount > 0).add(stamp, amount > 0 ? -amount : amount, half_life(policy, d));
}

void Accumulator::add(const Accumulator& other) {
  if (other.sides_.empty()) return;
  sides_.resize(kSides);
  for (std::size_t i = 0; i < kSides; ++i) sides_[i].add(other.sides_[i]);
}

void Accumulator::subtract(const Accumulator& other) {
  if (other.sides_.empty()) return;
  sides_.resize(kSides);
  for (std::size_t i = 0; i < kSides; ++i) sides_[i].subtract(other.sides_[i]);
}

void CaseSums::add(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy) {
  const EraSlot at = era_slot(stamp, half_life(policy, static_cast<std::size_t>(dimension)));
  const bool is_gain = amount > 0;
  const std::int64_t weighted = checked_mul(is_gain ? amount : -amount, table_at(at));
  const auto same = std::find_if(sums_.begin(), sums_.end(), [&](const Sum& each) {
    return each.dimension == dimension && each.is_gain == is_gain && each.era == at.era;
  });
  if (same == sums_.end()) {
    sums_.push_back({at.era, weighted, dimension, is_gain});
  } else {
    same->weighted = checked_add(same->weighted, weighted);
  }
}

void Accumulator::add(const CaseSums& of_case) {
  for (const CaseSums::Sum& each : of_case.sums_) {
    sums(static_cast<std::size_t>(each.dimension), each.is_gain).add_weighted(each.era, each.weighted);
  }
}

void Accumulator::subtract(const CaseSums& of_case) {
  for (const CaseSums::Sum& each : of_case.sums_) {
    sums(static_cast<std::size_t>(each.dimension), each.is_gain).add_weighted(each.era, -each.weighted);
  }
}

Accumulator::Reading Accumulator::reading_at(TimeUs t, const GlobalPolicy& policy) const {
  Reading reading;
  for (std::size_t d = 0; d < kDimensions; ++d) {
    const EraSums& gains = sums(d, true);
    const EraSums& losses = sums(d, false);
    if (gains.empty() && losses.empty()) continue;
    reading.now_[d] = era_slot(t, half_life(policy, d));
    reading.gains_[d] = gains.numerator(reading.now_[d]);
    reading.losses_[d] = losses.numerator(reading.now_[d]);
  }
  return reading;
}

void Accumulator::Reading::leave_out(Dimension dimension, TimeUs stamp, std::int64_t amount,
                                     const GlobalPolicy& policy) {
  const auto d = static_cast<std::size_t>(dimension);
  if (amount > 0) gains_[d] -= item_numerator(stamp, amount, now_[d], half_life(policy, d));
  if (amount < 0) losses_[d] -= item_numerator(stamp, -amount, now_[d], half_life(policy, d));
}

Accumulator::Masses Accumulator::Reading::masses() const {
  Masses masses;
  for (std::size_t d = 0; d < kDimensions; ++d) {
    if (gains_[d] == 0 && losses_[d] == 0) continue;
    const Int128 divisor = decay_divisor(now_[d]);
    if (gains_[d] != 0) masses.gains[d] = decayed_mass(gains_[d], divisor);
    if (losses_[d] != 0) masses.losses[d] = decayed_mass(losses_[d], divisor);
  }
  return masses;
}

void Accumulator::drop_gone(TimeUs t, const GlobalPolicy& policy) {
  for (std::size_t i = 0; i < sides_.size(); ++i) sides_[i].drop_gone(t, half_life(policy, i % kDimensions));
}

void Accumulator::encode(base::ByteWriter& out) const {
  for (const bool is_gain : {true, false}) {
    for (std::size_t d = 0; d < kDimensions; ++d) sums(d, is_gain).encode(out);
  }
}

bool Accumulator::decode(base::ByteReader& in) {
  std::vector<EraSums> read(kSides);
  sides_.clear();
  for (EraSums& each : read) {
    if (!each.decode(in)) return false;
  }
  const bool any = std::any_of(read.begin(), read.end(), [](const EraSums& each) { return !each.empty(); });
  if (any) sides_ = std::move(read);
  return true;
}

}  // namespace troth::operators
