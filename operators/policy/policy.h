// Policy: the numbers of the trust model, read from one YAML file, checked, resolved per segment (TRUST_MODEL: policy).
// Data, not code: it knows nothing of events. Immutable once parsed; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/value.h"
#include "operators/calendar/calendar.h"
#include "operators/catalogue/kinds.h"

namespace troth::operators {

inline constexpr std::int64_t kPpm = 1'000'000;

/// Piecewise linear, flat outside the first and last knot; floor between knots.
class Curve {
 public:
  Curve() = default;
  explicit Curve(std::vector<std::pair<std::int64_t, std::int64_t>> knots) : knots_(std::move(knots)) {}
  [[nodiscard]] std::int64_t at(std::int64_t x) const;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> knots_;  // x ascending, at least one
};

/// One line of `evidence[kind].rows`. Amounts in µe with sign; factors in ppm.
struct EvidenceRow {
  Dimension dimension{};
  std::int64_t amount = 0;
  std::vector<std::int64_t> steps;  // indexed by min(m, last); empty: none
  std::optional<Curve> curve;       // of m
  std::optional<Curve> relief;      // of the lead n in seconds
  std::optional<std::int64_t> cap;  // µe over one case and row
};

struct EvidenceRule {
  std::map<std::string, std::int64_t, std::less<>> class_weight;  // ppm; a class not listed weighs 1,000,000
  std::vector<EvidenceRow> rows;                                  // policy order
  [[nodiscard]] std::int64_t weight(std::string_view finding_class) const;
};

/// A running deadline: in whose hours it runs, when it stands still, how long it may take.
struct ClockPolicy {
  const Calendar* calendar = nullptr;
  std::uint8_t pause = 0;                    // bit per Status
  std::int64_t warn_ppm = 0;                 // multiple of the *_DUE_SOON alert; 0: none
  std::vector<std::int64_t> stages_ppm;      // multiples of the target, ascending, not empty
  std::array<TimeUs, 4> target_us{};         // by Priority
};

struct CaseRulePolicy {
  bool exists = false;
  std::int64_t base = 0;
  std::vector<std::int64_t> escalate;        // stage indexes
  TimeUs hold_us = 0;
};

struct CustomerRulePolicy {
  bool exists = false;
  std::int64_t base = 0;
  TimeUs window_us = 0;
  // Each rule uses those that its line in the policy has.
  std::int64_t broken = 0, repromised = 0, drop = 0, mass = 0, margin = 0, voice = 0, silence = 0, count = 0;
};

struct ScorePolicy {
  std::int64_t prior_weight = 0;
  std::array<std::int64_t, kDimensions> base_rate{};
  std::array<std::int64_t, kDimensions> loss_factor{};
  std::array<std::int64_t, 6> weight{};      // R S H C E K
  std::int64_t weakest_link = 0;
  std::int64_t layer_cognitive = 0, layer_emotional = 0, layer_behavioural = 0;
  std::int64_t confidence = 0, uncertain_sd = 0;
  std::int64_t floor_devoted = 0, floor_trusting = 0, floor_watch = 0, floor_eroding = 0;
  std::int64_t gate_voice = 0, gate_behaviour = 0, gate_mass = 0;
  std::int64_t quadrant_voice = 0, quadrant_behaviour = 0, quadrant_mass = 0;
  std::int64_t min_orders = 0;
  Curve rhythm;
};

/// Everything that a segment may change, resolved for one segment.
struct SegmentPolicy {
  ScorePolicy score;
  // promises
  std::vector<TimeUs> promise_stages_us;     // ascending
  TimeUs promise_missing_us = 0;
  std::array<std::int64_t, kPromiseKinds> pace{};
  std::int64_t option_bonus = 0, at_risk = 0, free_checks = 0;
  std::array<ClockPolicy, kClocks> clocks;
  // complaints
  std::int64_t ignored_messages = 0, thanks = 0, free_contacts = 0, free_handoffs = 0;
  bool reply_reopens = false;
  TimeUs confirm_after_us = 0, repeat_within_us = 0;
  // price, voice, coupons
  std::int64_t price_tolerance = 0;
  std::vector<std::string> neutral_discounts;
  std::int64_t answer_stars = 0, bad_stars = 0, bad_nps = 0, bad_csat = 0;
  TimeUs failure_memory_us = 0, fix_within_us = 0;
  // evidence
  std::int64_t excused_ppm = 0;
  std::array<EvidenceRule, kFindingKinds> evidence;   // kinds the policy leaves out have no rows
  std::array<std::int64_t, kDimensions> recovery{};
  // alerts
  std::array<CaseRulePolicy, kCaseRules> case_rules;
  std::array<CustomerRulePolicy, kCustomerRules> customer_rules;
  std::int64_t high_value_minor = 0;
  Tier low_tier = Tier::kEroding;
  std::array<std::int64_t, 3> levels{};
};

struct GlobalPolicy {
  TimeUs lateness_us = 0, quiet_us = 0, link_life_us = 0, skew_us = 0;
  std::int64_t case_events = 0, open_cases = 0, customer_events = 0;
  std::array<TimeUs, kDimensions> half_life_us{};
};

class Policy {
 public:
  /// Checks everything that TRUST_MODEL's "Validity" lists, in the policy itself and with each of its segments. An error
  /// names the key, its line if known, what was found, what is allowed.
  [[nodiscard]] static base::Result<std::shared_ptr<const Policy>> parse(const base::Value& document);

  [[nodiscard]] const GlobalPolicy& global() const { return global_; }
  /// Lower-case hex SHA-256 of the canonical JSON of the whole document.
  [[nodiscard]] const std::string& hash() const { return hash_; }
  /// The policy for a segment; unknown names and the empty one mean the plain policy.
  [[nodiscard]] const SegmentPolicy& segment(std::string_view name) const;

 private:
  Policy() = default;
  GlobalPolicy global_;
  std::string hash_;
  std::map<std::string, std::unique_ptr<Calendar>, std::less<>> calendars_;
  SegmentPolicy plain_;
  std::map<std::string, SegmentPolicy, std::less<>> segments_;
};

}  // namespace troth::operators
