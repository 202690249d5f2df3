// `evidence` and `curves`: what a finding weighs (TRUST_MODEL: evidence).
#include <algorithm>
#include <array>
#include <span>

#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

using Words = std::span<const std::string_view>;

const auto kDimensionNames = names_of<Dimension, kDimensions>();

/// One item of evidence stays below this, so that accumulators and explanation fit into their integers.
constexpr std::int64_t kItemEnd = std::int64_t{1} << 24;
/// No step of the calculation exceeds this: times a factor it still fits into 64 bits.
constexpr std::int64_t kAmountMax = std::int64_t{1} << 31;

constexpr std::string_view kPromises[] = {"delivery", "express", "refund",   "compensation", "replacement",
                                          "warranty", "repair",  "callback", "update"};
constexpr std::string_view kParts[] = {"basic", "auxiliary"};
constexpr std::string_view kFaults[] = {"carrier", "customer", "other"};
constexpr std::string_view kComplaints[] = {"complaint", "question", "claim"};
constexpr std::string_view kEfforts[] = {"contact", "handoff", "channel", "waiting"};
constexpr std::string_view kCompensations[] = {"cash", "replacement", "points", "coupon"};
constexpr std::string_view kBodies[] = {"regulator", "ombudsman", "court", "press", "chargeback"};
constexpr std::string_view kReviews[] = {"verified", "unverified"};
constexpr std::string_view kOrders[] = {"free", "captive"};
constexpr std::string_view kCancellations[] = {"late", "distrust", "price", "changed_mind", "stock", "fraud", "other"};
constexpr std::string_view kReturns[] = {"defect",  "damaged", "not_as_described", "wrong_item", "late",
                                         "no_need", "other"};

/// The classes that findings of a kind can have; none for those without class.
Words classes_of(Kind kind) {
  switch (kind) {
    case Kind::kPromiseKept:
    case Kind::kRepromiseKept:
    case Kind::kRepromisedEarly:
    case Kind::kRepromisedLate:
    case Kind::kPromiseSilent:
    case Kind::kPromiseLate:
    case Kind::kRepromiseLate:
    case Kind::kPromiseMissing:
    case Kind::kPromiseWithdrawn:
    case Kind::kKeptLate:
      return kPromises;
    case Kind::kParcelDamaged:
    case Kind::kQualityDefect:
      return kParts;
    case Kind::kAttemptFailed:
      return kFaults;
    case Kind::kComplaintOpened:
    case Kind::kAcknowledgedOnTime:
    case Kind::kAcknowledgeOverdue:
    case Kind::kFirstReplyOnTime:
    case Kind::kFirstReplyOverdue:
    case Kind::kNextReplyOnTime:
    case Kind::kNextReplyOverdue:
    case Kind::kUpdateOverdue:
    case Kind::kComplaintIgnored:
    case Kind::kResolvedOnTime:
    case Kind::kFirstContactFix:
    case Kind::kResolutionOverdue:
    case Kind::kResolutionRejected:
    case Kind::kReopened:
    case Kind::kClosedUnresolved:
      return kComplaints;
    case Kind::kEffort:
      return kEfforts;
    case Kind::kCompensated:
      return kCompensations;
    case Kind::kWentOutside:
      return kBodies;
    case Kind::kStars:
      return kReviews;
    case Kind::kOrderPlaced:
      return kOrders;
    case Kind::kOrderCancelled:
      return kCancellations;
    case Kind::kOrderReturned:
      return kReturns;
    default:
      return {};
  }
}

/// A curve by name, and the greatest value it can take.
struct NamedCurve {
  Curve curve;
  std::int64_t greatest = 0;
};
using NamedCurves = std::map<std::string, NamedCurve, std::less<>>;

NamedCurves read_curves(const Reader& curves) {
  NamedCurves result;
  for (const auto& [name, reader] : curves.members()) {
    NamedCurve named{read_curve(reader, kFactor.most), 0};
    if (reader.has_problem()) break;
    for (const base::Value& knot : *reader.value().list()) {
      named.greatest = std::max(named.greatest, *(*knot.list())[1].integer());
    }
    result.emplace(name, std::move(named));
  }
  return result;
}

const NamedCurve& curve_named(const Reader& reader, const NamedCurves& curves) {
  static const NamedCurve kNone;
  const std::string name = reader.text();
  const auto at = curves.find(name);
  if (at != curves.end()) return at->second;
  std::vector<std::string_view> names;
  for (const auto& [each, curve] : curves) names.push_back(each);
  reader.expected("the name of a curve: " + listed(names));
  return kNone;
}

/// Reads the rows of one kind and bounds what they can amount to.
class RowReader {
 public:
  RowReader(const NamedCurves& curves, const ScorePolicy& score, std::int64_t greatest_weight)
      : curves_(curves), score_(score), greatest_weight_(greatest_weight) {}

  [[nodiscard]] EvidenceRow read(const Reader& reader) const {
    reader.only({"dim", "amount", "steps", "curve", "relief", "cap"});
    EvidenceRow row;
    row.dimension = static_cast<Dimension>(reader.at("dim").one_of(kDimensionNames, "a dimension"));
    row.amount = reader.at("amount").integer({-kAmountMax, kAmountMax, "µe"});
    std::vector<std::int64_t> factors = {greatest_weight_};
    if (const auto steps = reader.maybe("steps")) {
      row.steps = steps->integers(kFactor, 1, kListMax);
      if (!row.steps.empty()) factors.push_back(*std::max_element(row.steps.begin(), row.steps.end()));
      if (reader.maybe("curve")) reader.refuse("a row has steps or a curve, not both");
    } else if (const auto curve = reader.maybe("curve")) {
      const NamedCurve& named = curve_named(*curve, curves_);
      row.curve = named.curve;
      factors.push_back(named.greatest);
    }
    if (const auto relief = reader.maybe("relief")) {
      const NamedCurve& named = curve_named(*relief, curves_);
      row.relief = named.curve;
      factors.push_back(named.greatest);
    }
    if (const auto cap = reader.maybe("cap")) row.cap = cap->integer(kMass);
    if (!reader.has_problem()) bound(reader.at("amount"), row, factors);
    return row;
  }

 private:
  /// Amount × class weight × loss factor, and × steps and curves where they magnify, stay below 2²⁴ µe.
  void bound(const Reader& amount, const EvidenceRow& row, const std::vector<std::int64_t>& factors) const {
    std::int64_t greatest = row.amount < 0 ? -row.amount : row.amount;
    for (std::size_t i = 0; i < factors.size(); ++i) {
      const bool is_weight = i == 0;
      greatest = greatest * (is_weight ? factors[i] : std::max(factors[i], kPpm)) / kPpm;
      if (greatest > kAmountMax) return refuse(amount, greatest);
    }
    const std::int64_t loss_factor = score_.loss_factor[static_cast<std::size_t>(row.dimension)];
    greatest = greatest * (row.amount < 0 ? loss_factor : std::max(loss_factor, kPpm)) / kPpm;
    if (greatest >= kItemEnd) refuse(amount, greatest);
  }

  static void refuse(const Reader& amount, std::int64_t greatest) {
    amount.refuse("with the greatest class weight, step or curve and the loss factor this comes to " +
                  std::to_string(greatest) + " µe, but it must stay below 16777216 (2^24)");
  }

  const NamedCurves& curves_;
  const ScorePolicy& score_;
  std::int64_t greatest_weight_;
};

/// The greatest weight that a finding of the kind can have: classes that are not listed weigh 1,000,000.
std::int64_t greatest_weight(const EvidenceRule& rule, Words classes) {
  if (classes.empty()) return kPpm;
  std::int64_t greatest = 0;
  for (const std::string_view each : classes) greatest = std::max(greatest, rule.weight(each));
  return greatest;
}

EvidenceRule read_rule(const Reader& reader, Kind kind, const NamedCurves& curves, const ScorePolicy& score) {
  reader.only({"class", "rows"});
  EvidenceRule rule;
  const Words classes = classes_of(kind);
  if (const auto weights = reader.maybe("class")) {
    for (const auto& [name, weight] : weights->members()) {
      if (std::find(classes.begin(), classes.end(), name) == classes.end()) {
        weight.refuse(classes.empty() ? "findings of this kind have no class"
                                      : "no class of this kind; its classes are " + listed(classes));
      }
      rule.class_weight.emplace(name, weight.integer(kFactor));
    }
  }
  const RowReader row(curves, score, greatest_weight(rule, classes));
  for (const Reader& each : reader.at("rows").elements(0, kListMax)) rule.rows.push_back(row.read(each));
  return rule;
}

}  // namespace

Curve read_curve(const Reader& reader, std::int64_t y_max) {
  // So that (y₂ − y₁)(x − x₁) fits into 64 bits.
  constexpr Range kKnot{-2'000'000'000, 2'000'000'000, "x of a knot"};
  std::vector<std::pair<std::int64_t, std::int64_t>> knots;
  std::vector<std::int64_t> ascending;
  for (const Reader& each : reader.elements(1, kListMax)) {
    const std::vector<Reader> knot = each.elements(2, 2);
    if (knot.size() != 2) break;
    knots.emplace_back(knot[0].integer(kKnot), knot[1].integer({0, y_max, "y of a knot"}));
    ascending.push_back(knots.back().first);
  }
  reader.require_ascending(ascending);
  return Curve(std::move(knots));
}

void read_evidence(const Reader& evidence, const Reader& curve_readers, SegmentPolicy& policy) {
  const NamedCurves curves = read_curves(curve_readers);
  for (const auto& [name, reader] : evidence.members()) {
    const auto kind = by_name<Kind>(name, kFindingKinds);
    if (!kind) reader.refuse("no kind of finding has this name");
    if (reader.has_problem()) return;
    policy.evidence[static_cast<std::size_t>(*kind)] = read_rule(reader, *kind, curves, policy.score);
  }
}

}  // namespace troth::operators
