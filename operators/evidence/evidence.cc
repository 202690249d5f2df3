// Evidence: see the header. The steps stand in the order of the model: each finding's rows (weight, steps or curve,
// relief, excuse, cap), then recovery per dimension, then the loss factor.
#include "operators/evidence/evidence.h"

#include <algorithm>
#include <array>

#include "operators/evidence/wide.h"

namespace troth::operators {
namespace {

constexpr std::int64_t kAmountEnd = std::int64_t{1} << 24U;

/// ⌊x·ppm/10⁶⌋.
std::int64_t scaled(std::int64_t x, std::int64_t ppm) { return checked_mul(x, ppm) / kPpm; }

std::size_t at(Dimension dimension) { return static_cast<std::size_t>(dimension); }

/// What a row makes of a finding before its cap, without sign.
std::int64_t row_amount(const EvidenceRow& row, const Finding& finding, std::int64_t weight, std::int64_t excused_ppm) {
  std::int64_t x = scaled(row.amount < 0 ? -row.amount : row.amount, weight);
  if (!row.steps.empty()) {
    const std::size_t last = row.steps.size() - 1;
    x = scaled(x, row.steps[std::min(static_cast<std::size_t>(finding.magnitude), last)]);
  } else if (row.curve) {
    x = scaled(x, row.curve->at(finding.magnitude));
  }
  if (row.relief) x = scaled(x, row.relief->at(finding.lead_s));
  if (finding.excused && row.amount < 0) x = scaled(x, excused_ppm);
  return x;
}

/// How much each capped row has taken so far in this case. Few rows have a cap, so a list beats a table.
class Caps {
 public:
  /// `x`, cut off to what the row may still take.
  std::int64_t cut(const EvidenceRow& row, std::int64_t x) {
    if (!row.cap || x == 0) return x;
    const auto same_row = [&](const Taken& each) { return each.row == &row; };
    auto taken = std::find_if(taken_.begin(), taken_.end(), same_row);
    if (taken == taken_.end()) taken = taken_.insert(taken, {&row, 0});
    const std::int64_t granted = std::min(x, *row.cap - taken->sum);
    taken->sum += granted;
    return granted;
  }

 private:
  struct Taken {
    const EvidenceRow* row;
    std::int64_t sum;
  };
  std::vector<Taken> taken_;
};

/// Items before recovery and loss factor: amounts of the rows, signed.
struct RawItem {
  std::int64_t amount;  // never 0
  Dimension dimension;
  std::uint32_t finding;
};

std::vector<RawItem> raw_items(std::span<const Finding> findings, TimeUs t, const SegmentPolicy& policy) {
  std::vector<RawItem> items;
  items.reserve(2 * findings.size());
  Caps caps;
  for (std::size_t i = 0; i < findings.size() && findings[i].stamp <= t; ++i) {
    const Finding& finding = findings[i];
    TROTH_ASSERT(i == 0 || findings[i - 1].stamp <= finding.stamp);
    TROTH_ASSERT(finding.magnitude >= 0 && finding.lead_s >= 0);
    const EvidenceRule& rule = policy.evidence[static_cast<std::size_t>(finding.kind)];
    if (rule.rows.empty()) continue;
    const std::int64_t weight = rule.weight(finding.finding_class);
    for (const EvidenceRow& row : rule.rows) {
      const std::int64_t x = caps.cut(row, row_amount(row, finding, weight, policy.excused_ppm));
      if (x != 0) items.push_back({row.amount < 0 ? -x : x, row.dimension, static_cast<std::uint32_t>(i)});
    }
  }
  return items;
}

/// Dimensions, one bit each. Where a finding yields gain and loss at once it is a graded answer: no failure that a
/// later gain could repair, and no repair.
using DimensionSet = std::uint32_t;
DimensionSet bit_of(Dimension dimension) { return DimensionSet{1} << at(dimension); }

/// Calls `each(item, is_graded)` for all items; those of one finding are neighbours.
template <typename Items, typename Each>
void for_each_graded(Items& items, Each&& each) {
  for (std::size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    DimensionSet gains = 0;
    DimensionSet losses = 0;
    for (end = begin; end < items.size() && items[end].finding == items[begin].finding; ++end) {
      (items[end].amount > 0 ? gains : losses) |= bit_of(items[end].dimension);
    }
    for (std::size_t i = begin; i < end; ++i) each(items[i], (gains & losses & bit_of(items[i].dimension)) != 0);
  }
}

/// Per dimension: from when on gains are recovery, and how much of it is still credited.
struct Recovery {
  bool has_loss = false;
  TimeUs from = 0;
  std::int64_t loss = 0;
  std::int64_t credit = 0;
};
using Recoveries = std::array<Recovery, kDimensions>;

Recoveries recoveries_of(const std::vector<RawItem>& items, std::span<const Finding> findings,
                         const SegmentPolicy& policy) {
  Recoveries recoveries;
  for_each_graded(items, [&](const RawItem& item, bool is_graded) {
    if (is_graded || item.amount > 0) return;
    Recovery& recovery = recoveries[at(item.dimension)];
    if (!recovery.has_loss) recovery = {true, findings[item.finding].stamp, 0, 0};
    recovery.loss = checked_add(recovery.loss, -item.amount);
  });
  for (std::size_t d = 0; d < kDimensions; ++d) recoveries[d].credit = scaled(recoveries[d].loss, policy.recovery[d]);
  return recoveries;
}

}  // namespace

std::vector<EvidenceItem> evidence_at(std::span<const Finding> findings, TimeUs t, const SegmentPolicy& policy) {
  std::vector<EvidenceItem> items;
  evidence_at(findings, t, policy, items);
  return items;
}

void evidence_at(std::span<const Finding> findings, TimeUs t, const SegmentPolicy& policy,
                 std::vector<EvidenceItem>& items) {
  const std::vector<RawItem> raw = raw_items(findings, t, policy);
  Recoveries recoveries = recoveries_of(raw, findings, policy);

  items.reserve(raw.size());
  for_each_graded(raw, [&](const RawItem& item, bool is_graded) {
    const TimeUs stamp = findings[item.finding].stamp;
    const std::size_t d = at(item.dimension);
    std::int64_t amount = item.amount;
    if (amount < 0) {
      amount = -scaled(-amount, policy.score.loss_factor[d]);
    } else if (Recovery& recovery = recoveries[d]; !is_graded && recovery.has_loss && stamp >= recovery.from) {
      amount = std::min(amount, recovery.credit);
      recovery.credit -= amount;
    }
    TROTH_ASSERT(amount > -kAmountEnd && amount < kAmountEnd);
    if (amount != 0) items.push_back({stamp, static_cast<std::int32_t>(amount), item.dimension, item.finding});
  });
}

}  // namespace troth::operators
