// Explanation: see the header. First the score is distributed over base, dimensions and rhythm, then each dimension's
// total over its rows; integers all the way, so that nothing is left over.
#include "operators/score/explain.h"

#include <algorithm>
#include <array>
#include <compare>
#include <numeric>
#include <tuple>

#include "engine/event/time.h"
#include "operators/evidence/wide.h"

namespace troth::operators {
namespace {

constexpr std::int64_t kPointUnit = 10'000'000;  // coefficients are in 10⁻⁷ micro-points per ppm
constexpr unsigned kMassFraction = 16;           // u counts 2^-16 µe

std::size_t at(Dimension dimension) { return static_cast<std::size_t>(dimension); }

/// Which of a dimension's rows a piece of evidence belongs to; also the order of rows.
struct RowKey {
  Dimension dimension;
  std::string_view case_key;
  Kind kind;
  ObjectRef object;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
  friend bool operator==(const RowKey&, const RowKey&) = default;
};

/// One item that has not decayed to nothing.
struct Piece {
  RowKey row;
  Int128 n;      // numerator of |amount| at t
  bool is_gain;
  const ExplainedCase* of;
  std::uint32_t finding;
};

struct Sums {
  Int128 gains = 0;
  Int128 losses = 0;
  [[nodiscard]] bool empty() const { return gains == 0 && losses == 0; }
};

/// All pieces, by row; within a row by case and finding.
std::vector<Piece> pieces_of(std::span<const ExplainedCase> cases, const std::array<EraSlot, kDimensions>& now,
                             const GlobalPolicy& global) {
  std::vector<Piece> pieces;
  for (const ExplainedCase& each : cases) {
    for (const EvidenceItem& item : each.items) {
      const std::size_t d = at(item.dimension);
      const bool is_gain = item.amount > 0;
      const Int128 n = item_numerator(item.stamp, is_gain ? item.amount : -item.amount, now[d], global.half_life_us[d]);
      if (n == 0) continue;
      const Finding& finding = each.findings[item.finding];
      const RowKey row{item.dimension, each.case_key, finding.kind, finding.object};
      pieces.push_back({row, n, is_gain, &each, item.finding});
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.row < b.row; });
  return pieces;
}

bool have_one_name(const KeptEvent& a, const KeptEvent& b) { return a.id == b.id && a.source == b.source; }

/// The events of the row's findings, each once. A row has few findings with up to three events each: a search will do.
std::vector<std::string> event_names(std::span<const Piece> pieces) {
  std::vector<const KeptEvent*> listed;
  for (const Piece& piece : pieces) {
    for (const std::uint32_t index : piece.of->findings[piece.finding].events) {
      const KeptEvent* event = piece.of->events[index];
      const bool is_listed = std::any_of(listed.begin(), listed.end(), [event](const KeptEvent* each) {
        return each == event || have_one_name(*each, *event);
      });
      if (!is_listed) listed.push_back(event);
    }
  }
  std::vector<std::string> names;
  names.reserve(listed.size());
  for (const KeptEvent* each : listed) names.push_back(each->name());
  return names;
}

/// What row sums are worth before division by z: k_d·((10⁶ − a_d)·u⁺ − a_d·u⁻).
class Worth {
 public:
  Worth(std::size_t d, std::int64_t coefficient, EraSlot now, const Score& score, const ScorePolicy& policy)
      : coefficient_(coefficient),
        base_rate_(policy.base_rate[d]),
        entry_(static_cast<std::int64_t>(decay_table()[now.slot])),
        unit_((static_cast<Int128>(kPointUnit) << kMassFraction) *
              checked_add(score.masses.gains[d] + score.masses.losses[d], policy.prior_weight)) {}

  [[nodiscard]] Int128 of(const Sums& sums) const {
    const std::int64_t per_gain = checked_mul(coefficient_, kPpm - base_rate_);
    const std::int64_t per_loss = checked_mul(coefficient_, base_rate_);
    return product(per_gain, mass(sums.gains)) - product(per_loss, mass(sums.losses));
  }
  [[nodiscard]] Int128 unit() const { return unit_; }

 private:
  /// u = ⌊2¹⁶·n/D⌋ with D = tbl·2²⁴.
  [[nodiscard]] std::int64_t mass(Int128 n) const {
    return quotient(n >> (static_cast<unsigned>(kEras) - kMassFraction), entry_);
  }
  /// Below 2^126 for all int64, so that sums and differences of two fit as well.
  static Int128 product(std::int64_t a, std::int64_t b) { return static_cast<Int128>(a) * b; }

  std::int64_t coefficient_;
  std::int64_t base_rate_;
  std::int64_t entry_;
  Int128 unit_;
};

/// Points of base, R … B and rhythm.
std::vector<std::int64_t> points_by_part(const Score& score, const Coefficients& coefficient,
                                         const ScorePolicy& policy) {
  constexpr std::size_t kBehaviour = static_cast<std::size_t>(Dimension::B);
  std::vector<Int128> v(kDimensions + 2);
  v.front() = static_cast<Int128>(coefficient.rhythm) * policy.base_rate[kBehaviour];
  for (std::size_t d = 0; d < kDimensions; ++d) {
    v.front() += static_cast<Int128>(coefficient.k[d]) * policy.base_rate[d];
    v[d + 1] = static_cast<Int128>(coefficient.k[d]) * (score.p[d] - policy.base_rate[d]);
  }
  v.back() = static_cast<Int128>(coefficient.rhythm) * (score.rhythm.ppm - policy.base_rate[kBehaviour]);
  return distribute(v, kPointUnit, score.score);
}

ExplanationRow plain_row(std::string_view kind, std::int64_t points) {
  ExplanationRow row;
  row.kind = kind;
  row.points = points;
  return row;
}

/// Appends the rows of one dimension, whose pieces these are; `total` is what they share.
void append_dimension(Dimension dimension, std::span<const Piece> pieces, Sums of_sealed, const Worth& worth,
                      std::int64_t total, std::vector<ExplanationRow>& rows) {
  const std::size_t first_row = rows.size();
  std::vector<Int128> values;
  for (std::size_t begin = 0, end = 0; begin < pieces.size(); begin = end) {
    Sums sums;
    for (end = begin; end < pieces.size() && pieces[end].row == pieces[begin].row; ++end) {
      (pieces[end].is_gain ? sums.gains : sums.losses) += pieces[end].n;
    }
    of_sealed.gains -= sums.gains;
    of_sealed.losses -= sums.losses;
    values.push_back(worth.of(sums));

    ExplanationRow row = plain_row(name_of(pieces[begin].row.kind), 0);
    row.dimension = name_of(dimension);
    row.case_key = pieces[begin].row.case_key;
    row.object = pieces[begin].row.object.str();
    row.events = event_names(pieces.subspan(begin, end - begin));
    rows.push_back(std::move(row));
  }
  TROTH_ASSERT(of_sealed.gains >= 0 && of_sealed.losses >= 0);
  if (!of_sealed.empty()) {
    values.push_back(worth.of(of_sealed));
    rows.push_back(plain_row("older_history", 0));
    rows.back().dimension = name_of(dimension);
  }
  if (values.empty()) {
    TROTH_ASSERT(total == 0);
    return;
  }
  const std::vector<std::int64_t> points = distribute(values, worth.unit(), total);
  for (std::size_t i = 0; i < points.size(); ++i) rows[first_row + i].points = points[i];
}

bool is_sorted_by_case(std::span<const ExplainedCase> cases) {
  return std::is_sorted(cases.begin(), cases.end(), [](const ExplainedCase& a, const ExplainedCase& b) {
    return std::tie(a.case_key, a.first_event) < std::tie(b.case_key, b.first_event);
  });
}

}  // namespace

std::vector<std::int64_t> distribute(std::span<const Int128> v, Int128 z, std::int64_t target) {
  TROTH_ASSERT(!v.empty() && z > 0);
  const auto count = static_cast<std::int64_t>(v.size());
  std::vector<std::int64_t> parts;
  std::vector<Int128> remainders;
  parts.reserve(v.size());
  remainders.reserve(v.size());
  std::int64_t gap = target;
  for (const Int128 each : v) {
    const Int128 part = floor_quotient(each, z);
    parts.push_back(narrowed(part));
    remainders.push_back(each - part * z);
    gap = checked_add(gap, -parts.back());
  }
  const std::int64_t to_all = event::floor_div(gap, count);
  const auto one_more = static_cast<std::size_t>(gap - to_all * count);
  for (std::int64_t& part : parts) part += to_all;
  if (one_more == 0) return parts;

  std::vector<std::size_t> by_remainder(v.size());
  std::iota(by_remainder.begin(), by_remainder.end(), std::size_t{0});
  std::stable_sort(by_remainder.begin(), by_remainder.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; i < one_more; ++i) ++parts[by_remainder[i]];
  return parts;
}

std::vector<ExplanationRow> explain(std::span<const ExplainedCase> cases, const Accumulator& totals, const Score& score,
                                    TimeUs t, const GlobalPolicy& global, const ScorePolicy& policy) {
  TROTH_ASSERT(is_sorted_by_case(cases));
  std::array<EraSlot, kDimensions> now{};
  for (std::size_t d = 0; d < kDimensions; ++d) now[d] = era_slot(t, global.half_life_us[d]);

  const Coefficients coefficient = coefficients(score.weakest, policy);
  const std::vector<std::int64_t> points = points_by_part(score, coefficient, policy);
  const std::vector<Piece> pieces = pieces_of(cases, now, global);

  std::vector<ExplanationRow> rows;
  rows.push_back(plain_row("base", points.front()));
  auto begin = pieces.begin();
  for (std::size_t d = 0; d < kDimensions; ++d) {
    const auto dimension = static_cast<Dimension>(d);
    const auto is_of_another = [dimension](const Piece& each) { return each.row.dimension != dimension; };
    const auto end = std::find_if(begin, pieces.end(), is_of_another);
    const Sums all{totals.gains(dimension).numerator(now[d]), totals.losses(dimension).numerator(now[d])};
    const Worth worth(d, coefficient.k[d], now[d], score, policy);
    append_dimension(dimension, {begin, end}, all, worth, points[d + 1], rows);
    begin = end;
  }
  rows.push_back(plain_row("rhythm", points.back()));

  std::int64_t sum = 0;
  for (const ExplanationRow& row : rows) sum += row.points;
  TROTH_ASSERT(sum == score.score);
  return rows;
}

}  // namespace troth::operators
