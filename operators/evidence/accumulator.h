// Accumulator: decayed sums in half-life eras (TRUST_MODEL: accumulators): exact, commutative, invertible. An item is
// added once, never touched again, and removed by subtracting it. Forward decay after Cormode, Shkapenyuk, Srivastava,
// Xu (2009), on integers. Sums are checked: an overflow is an assertion. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/bytes.h"
#include "operators/catalogue/kinds.h"
#include "operators/evidence/wide.h"
#include "operators/policy/policy.h"

namespace troth::operators {

/// An era is one half-life. What lies this many eras back is gone.
inline constexpr std::int64_t kEras = 24;

/// tbl[j] = round(2^(20 + j/1024)), j = 0 … 1023.
[[nodiscard]] const std::array<std::uint32_t, 1024>& decay_table();

/// Era and slot of an instant (≥ 0) for a half-life in µs.
struct EraSlot {
  std::int64_t era;
  std::uint32_t slot;
};
[[nodiscard]] EraSlot era_slot(TimeUs stamp, TimeUs half_life_us);

/// The sum of one dimension and sign, per era.
class EraSums {
 public:
  /// Adds x·tbl[slot] at the stamp's era; a negative x takes back what was added.
  void add(TimeUs stamp, std::int64_t x, TimeUs half_life_us);
  void add(const EraSums& other);       // not itself
  void subtract(const EraSums& other);  // not itself
  /// Adds what is weighted already: x·tbl[slot] in an era.
  void add_weighted(std::int64_t era, std::int64_t amount) { add_at(era, amount); }
  /// n = Σ Acc[e]·2^(24 − a) over ages 0 ≤ a < 24 as of t.
  [[nodiscard]] Int128 numerator(TimeUs t, TimeUs half_life_us) const;
  [[nodiscard]] Int128 numerator(EraSlot now) const;
  [[nodiscard]] bool empty() const { return sums_.empty(); }
  /// Forgets eras that can no longer be read at `t` or later.
  void drop_gone(TimeUs t, TimeUs half_life_us);

  /// The stored form holds sums of what was added, so all of them are above 0: a negative one is a bug.
  void encode(base::ByteWriter& out) const;
  /// False, and empty, if the bytes are damaged.
  [[nodiscard]] bool decode(base::ByteReader& in);

  friend bool operator==(const EraSums&, const EraSums&) = default;

 private:
  struct Sum {
    std::int64_t era;
    std::int64_t sum;
    friend bool operator==(const Sum&, const Sum&) = default;
  };
  void add_at(std::int64_t era, std::int64_t amount);
  std::vector<Sum> sums_;  // by era; zeros are not kept
};

/// What one item of |amount| x contributes to the numerator as of `now`; 0 if it is gone (or not yet there).
[[nodiscard]] Int128 item_numerator(TimeUs stamp, std::int64_t x, EraSlot now, TimeUs half_life_us);

/// D = tbl[slot(t)]·2^24: what a numerator is divided by.
[[nodiscard]] Int128 decay_divisor(TimeUs t, TimeUs half_life_us);
[[nodiscard]] Int128 decay_divisor(EraSlot now);
/// ⌊(2n + D)/(2D)⌋ µe, n ≥ 0.
[[nodiscard]] std::int64_t decayed_mass(Int128 numerator, Int128 divisor);

/// The sums of one case: few, so that a list does. Only ever added to, then put into an Accumulator or taken out of it.
class CaseSums {
 public:
  /// The sign of the amount decides whether it is a gain or a loss.
  void add(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy);
  void clear() { sums_.clear(); }

 private:
  friend class Accumulator;
  struct Sum {
    std::int64_t era;
    std::int64_t weighted;  // > 0
    Dimension dimension;
    bool is_gain;
  };
  std::vector<Sum> sums_;
};

/// All dimensions, gains and losses apart. Losses are held as positive amounts.
class Accumulator {
 public:
  struct Masses {
    std::array<std::int64_t, kDimensions> gains{};   // P_d, µe
    std::array<std::int64_t, kDimensions> losses{};  // N_d, µe
    [[nodiscard]] std::int64_t of(Dimension d) const {
      return gains[static_cast<std::size_t>(d)] + losses[static_cast<std::size_t>(d)];
    }
    [[nodiscard]] std::int64_t total() const;
  };

  /// What the masses at t are divided from; items can be taken out of it without touching the sums.
  class Reading {
   public:
    /// As if the item had never been added. Exact: a reading is linear in the items.
    void leave_out(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy);
    [[nodiscard]] Masses masses() const;

   private:
    friend class Accumulator;
    std::array<EraSlot, kDimensions> now_{};
    std::array<Int128, kDimensions> gains_{};
    std::array<Int128, kDimensions> losses_{};
  };

  /// The sign of the amount decides whether it is a gain or a loss.
  void add(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy);
  void remove(Dimension dimension, TimeUs stamp, std::int64_t amount, const GlobalPolicy& policy);
  void add(const Accumulator& other);       // not itself
  void subtract(const Accumulator& other);  // not itself
  void add(const CaseSums& of_case);
  void subtract(const CaseSums& of_case);
  [[nodiscard]] Reading reading_at(TimeUs t, const GlobalPolicy& policy) const;
  [[nodiscard]] Masses at(TimeUs t, const GlobalPolicy& policy) const { return reading_at(t, policy).masses(); }
  [[nodiscard]] const EraSums& gains(Dimension d) const { return sums(static_cast<std::size_t>(d), true); }
  [[nodiscard]] const EraSums& losses(Dimension d) const { return sums(static_cast<std::size_t>(d), false); }
  void drop_gone(TimeUs t, const GlobalPolicy& policy);

  void encode(base::ByteWriter& out) const;
  /// False, and empty, if the bytes are damaged.
  [[nodiscard]] bool decode(base::ByteReader& in);

  friend bool operator==(const Accumulator& a, const Accumulator& b);

 private:
  static constexpr std::size_t kSides = 2 * kDimensions;
  static std::size_t side(std::size_t dimension, bool is_gain) { return dimension + (is_gain ? 0 : kDimensions); }
  [[nodiscard]] const EraSums& sums(std::size_t dimension, bool is_gain) const;
  [[nodiscard]] EraSums& sums(std::size_t dimension, bool is_gain);

  std::vector<EraSums> sides_;  // gains by dimension, then losses; none until something is added, as for most customers
};

}  // namespace troth::operators
