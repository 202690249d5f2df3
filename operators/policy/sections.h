// The sections of a policy, read one by one. Each function checks what TRUST_MODEL's "Validity" says of its section and
// fills its part of the result; problems go to the Reader's Problem. Part of policy.cc alone; one parse, one thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "operators/policy/policy.h"
#include "operators/policy/reader.h"

namespace troth::operators {

using Calendars = std::map<std::string, std::unique_ptr<Calendar>, std::less<>>;
using Curves = std::map<std::string, Curve, std::less<>>;

/// Factors in ppm that multiply something: up to a thousandfold, so that products fit into 64 bits.
inline constexpr Range kFactor{0, 1'000'000'000, "ppm"};
inline constexpr Range kShare{0, kPpm, "ppm"};
inline constexpr Range kMass{0, 1'000'000'000'000, "µe"};
inline constexpr Range kCount{0, 1'000'000, ""};
inline constexpr Range kAtLeastOne{1, 1'000'000, ""};
/// The longest list that a policy may have.
inline constexpr std::size_t kListMax = 1'000;

[[nodiscard]] GlobalPolicy read_global(const Reader& global);
[[nodiscard]] Calendars read_calendars(const Reader& calendars);

[[nodiscard]] ScorePolicy read_score(const Reader& score);
void read_promises(const Reader& promises, SegmentPolicy& policy);
void read_clocks(const Reader& clocks, const Calendars& calendars, SegmentPolicy& policy);
void read_complaints(const Reader& complaints, SegmentPolicy& policy);
void read_price(const Reader& price, SegmentPolicy& policy);
void read_voice(const Reader& voice, SegmentPolicy& policy);

/// Knots [[x, y], …]: x ascending strictly, y from 0 to `y_max`.
[[nodiscard]] Curve read_curve(const Reader& curve, std::int64_t y_max);
/// `policy.score` has been read: amounts are bounded together with the loss factors.
void read_evidence(const Reader& evidence, const Reader& curves, SegmentPolicy& policy);
void read_alerts(const Reader& alerts, const GlobalPolicy& global, SegmentPolicy& policy);

}  // namespace troth::operators
