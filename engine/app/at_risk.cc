#include "engine/app/at_risk.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "operators/record/json.h"
#include "operators/trust_model.h"

namespace troth::app {
namespace {

AtRisk risk_of(const operators::View& view) {
  AtRisk risk;
  risk.score = view.score.score;
  risk.tenant = view.customer->tenant();
  risk.customer = view.customer->id();
  risk.tier = name_of(view.score.tier);
  const auto consider = [&](const operators::AlertFields& fields) {
    ++risk.firing;
    if (*fields.severity > risk.severity) {
      risk.severity = *fields.severity;
      risk.worst = fields.rule;
    }
  };
  for (const operators::CaseInterval& each : view.intervals()) {
    if (each.is_active(view.t)) consider(operators::fields_of(view, each));
  }
  for (const operators::CustomerAlert& each : view.customer_alerts) consider(operators::fields_of(view, each));
  return risk;
}

}  // namespace

bool operator<(const AtRisk& a, const AtRisk& b) {
  return std::tie(b.severity, a.score, a.tenant, a.customer) < std::tie(a.severity, b.score, b.tenant, b.customer);
}

base::Result<std::vector<AtRisk>> most_at_risk(task::Instance& instance, event::TimeUs t, std::size_t count) {
  std::vector<AtRisk> top;  // a heap: the least at risk of those kept on top
  auto walked = instance.for_each_key([&](std::int32_t, std::string_view, task::KeyState& state) -> base::Status {
    operators::TrustModel::read_at(state, t, [&](const operators::View& view) {
      top.push_back(risk_of(view));
      std::push_heap(top.begin(), top.end());
      if (top.size() > count) {
        std::pop_heap(top.begin(), top.end());
        top.pop_back();
      }
    });
    return base::success();
  });
  if (!walked) return walked.error();
  std::sort_heap(top.begin(), top.end());
  return top;
}

std::string at_risk_text(const std::vector<AtRisk>& top, const Terminal& terminal) {
  std::string text = terminal.paint(Terminal::Ink::kDim, fmt::format("{:>6}  {:<9} {:>6}  {:<26} {}", "trust", "tier",
                                                                     "alerts", "worst alert", "customer"));
  text += '\n';
  for (const AtRisk& each : top) {
    text += fmt::format("{:>6}  {:<9} {:>6}  {:<26} {}{}\n", points(each.score), each.tier, each.firing, each.worst,
                        each.customer, each.tenant == "default" ? "" : " of " + each.tenant);
  }
  return text;
}

}  // namespace troth::app
