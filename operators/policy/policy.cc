#include "operators/policy/policy.h"

#include <algorithm>
#include <iterator>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "operators/policy/sections.h"

namespace troth::operators {
namespace {

constexpr std::string_view kVersion = "troth/1";

/// What a segment may change …
constexpr std::string_view kSegmentKeys[] = {"score",   "promises", "clocks",  "complaints", "price",    "voice",
                                             "coupons", "curves",   "excused", "evidence",   "recovery", "alerts"};
/// … and what it may not.
constexpr std::string_view kFixedKeys[] = {"version", "global", "calendars", "segments"};

void read_recovery(const Reader& recovery, SegmentPolicy& policy) {
  const auto names = names_of<Dimension, kDimensions>();
  recovery.only(names);
  for (std::size_t d = 0; d < kDimensions; ++d) {
    policy.recovery[d] = recovery.at(names[d]).integer({0, 100 * kPpm, "ppm of a case's losses"});
  }
}

/// All that may differ by segment, from a document with the segment's values merged in.
SegmentPolicy read_segment(const Reader& root, const GlobalPolicy& global, const Calendars& calendars) {
  SegmentPolicy policy;
  policy.score = read_score(root.at("score"));
  read_promises(root.at("promises"), policy);
  read_clocks(root.at("clocks"), calendars, policy);
  read_complaints(root.at("complaints"), policy);
  read_price(root.at("price"), policy);
  read_voice(root.at("voice"), policy);
  policy.fix_within_us = root.at("coupons").only({"fix_within"}).at("fix_within").duration();
  policy.excused_ppm = root.at("excused").integer(kFactor);
  read_evidence(root.at("evidence"), root.at("curves"), policy);
  read_recovery(root.at("recovery"), policy);
  read_alerts(root.at("alerts"), global, policy);
  return policy;
}

/// What a segment says for itself, before it is merged.
void check_overlay(const std::string& name, const Reader& overlay) {
  if (name.empty()) overlay.refuse("a segment needs a name: the empty one means the plain policy");
  for (const std::string_view key : kFixedKeys) {
    if (const auto member = overlay.maybe(key)) member->refuse("a segment cannot change this");
  }
  overlay.only(kSegmentKeys);
}

}  // namespace

std::int64_t Curve::at(std::int64_t x) const {
  TROTH_ASSERT(!knots_.empty());
  const auto next = std::upper_bound(knots_.begin(), knots_.end(), x,
                                     [](std::int64_t wanted, const auto& knot) { return wanted < knot.first; });
  if (next == knots_.begin()) return next->second;
  const auto& [x0, y0] = *std::prev(next);
  if (next == knots_.end()) return y0;
  return y0 + event::floor_div((next->second - y0) * (x - x0), next->first - x0);
}

std::int64_t EvidenceRule::weight(std::string_view finding_class) const {
  const auto at = class_weight.find(finding_class);
  return at == class_weight.end() ? kPpm : at->second;
}

base::Result<std::shared_ptr<const Policy>> Policy::parse(const base::Value& document) {
  Problem problem;
  const Reader root(document, "", problem);
  std::vector<std::string_view> keys(std::begin(kSegmentKeys), std::end(kSegmentKeys));
  keys.insert(keys.end(), std::begin(kFixedKeys), std::end(kFixedKeys));
  root.only(keys);
  const Reader version = root.at("version");
  if (version.text() != kVersion)
    version.expected("troth/1, the version of the trust model that this program computes");

  const std::shared_ptr<Policy> policy(new Policy);
  policy->global_ = read_global(root.at("global"));
  policy->calendars_ = read_calendars(root.at("calendars"));
  if (problem.found()) return base::Error{problem.message()};
  policy->plain_ = read_segment(root, policy->global_, policy->calendars_);
  for (const auto& [name, overlay] : root.at("segments").members()) {
    check_overlay(name, overlay);
    if (problem.found()) break;
    const base::Value merged = base::merged(document, overlay.value());
    policy->segments_.emplace(
        name, read_segment(Reader(merged, overlay.path(), problem), policy->global_, policy->calendars_));
  }
  if (problem.found()) return base::Error{problem.message()};
  policy->hash_ = base::sha256_hex(base::canonical_json(document));
  return std::shared_ptr<const Policy>(policy);
}

const SegmentPolicy& Policy::segment(std::string_view name) const {
  const auto at = segments_.find(name);
  return at == segments_.end() ? plain_ : at->second;
}

}  // namespace troth::operators
