#include "engine/app/summary.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "engine/base/json.h"
#include "operators/counters.h"

namespace troth::app {
namespace {

namespace counters = operators::counters;
using operators::SentState;
using Ink = Terminal::Ink;

std::int64_t counter(const Summary& summary, std::size_t index) {
  return index < summary.tally.counters.size() ? summary.tally.counters[index] : 0;
}

/// A number with microsecond digits: the one place where a summary is not exact, because a stopwatch is not.
void seconds_field(base::JsonWriter& json, std::string_view name, double seconds) {
  json.key(name);
  json.raw(fmt::format("{:.6f}", seconds));
}

struct RuleCounts {
  std::string_view rule;
  std::array<std::int64_t, operators::kSentStates> by_state{};
  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t each : by_state) sum += each;
    return sum;
  }
};

std::vector<RuleCounts> alerts_by_rule(const Summary& summary) {
  std::vector<RuleCounts> rules;
  for (std::size_t rule = 0; rule < counters::kRules; ++rule) {
    RuleCounts counts{counters::rule_name(rule), {}};
    for (std::size_t state = 0; state < operators::kSentStates; ++state) {
      counts.by_state[state] = counter(summary, counters::alerts(rule, static_cast<SentState>(state)));
    }
    if (counts.total() > 0) rules.push_back(counts);
  }
  std::sort(rules.begin(), rules.end(), [](const RuleCounts& a, const RuleCounts& b) { return a.rule < b.rule; });
  return rules;
}

std::string head(const Terminal& terminal, std::string_view title) {
  return "\n" + terminal.paint(Ink::kBold, title) + "\n";
}

constexpr int kBarCells = 28;

std::string tiers_text(const Summary& summary, const Terminal& terminal) {
  static constexpr std::array<std::pair<operators::Tier, Ink>, 5> kTiers{{{operators::Tier::kDevoted, Ink::kGreen},
                                                                          {operators::Tier::kTrusting, Ink::kGreen},
                                                                          {operators::Tier::kWatch, Ink::kYellow},
                                                                          {operators::Tier::kEroding, Ink::kRed},
                                                                          {operators::Tier::kBroken, Ink::kRed}}};
  std::int64_t most = 0;
  for (const auto& [tier, ink] : kTiers)
    most = std::max(most, counter(summary, counters::kTiers + static_cast<std::size_t>(tier)));
  std::string text = head(terminal, "Customers by tier of trust");
  for (const auto& [tier, ink] : kTiers) {
    const std::int64_t count = counter(summary, counters::kTiers + static_cast<std::size_t>(tier));
    text += fmt::format("  {:<22}{:>11}  {}\n", name_of(tier), grouped(count),
                        terminal.paint(ink, Terminal::bar(count, most, kBarCells)));
  }
  return text;
}

std::string losses_text(const Summary& summary, const Terminal& terminal) {
  constexpr std::size_t kShown = 8;
  std::vector<std::pair<std::int64_t, std::string_view>> losses;
  std::int64_t whole = 0;
  for (std::size_t kind = 0; kind < operators::kFindingKinds; ++kind) {
    const std::int64_t amount = counter(summary, counters::kLosses + kind);
    whole += amount;
    if (amount > 0) losses.emplace_back(amount, name_of(static_cast<operators::Kind>(kind)));
  }
  if (losses.empty()) return {};
  std::sort(losses.begin(), losses.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (losses.size() > kShown) losses.resize(kShown);
  std::string text = head(terminal, "What cost most trust");
  for (const auto& [amount, kind] : losses) {
    const auto share = static_cast<double>(amount) * 100 / static_cast<double>(whole);
    text += fmt::format("  {:<22}{:>10.1f}%  {}\n", kind, share,
                        terminal.paint(Ink::kRed, Terminal::bar(amount, losses.front().first, kBarCells)));
  }
  return text;
}

std::string promises_text(const Summary& summary, const Terminal& terminal) {
  const std::int64_t kept = counter(summary, counters::kPromisesKept);
  const std::int64_t broken = counter(summary, counters::kPromisesBroken);
  if (kept + broken == 0) return {};
  const auto share = static_cast<double>(kept) * 100 / static_cast<double>(kept + broken);
  return head(terminal, "Promises") + fmt::format("  {:<22}{:>11}  {:.1f} %\n  {:<22}{:>11}\n", "kept", grouped(kept),
                                                  share, "broken", grouped(broken));
}

std::string alerts_text(const Summary& summary, const Terminal& terminal) {
  const auto rules = alerts_by_rule(summary);
  if (rules.empty()) return {};
  std::string text = head(terminal, "Alerts") +
                     terminal.paint(Ink::kDim, fmt::format("  {:<26}{:>9}{:>10}{:>9}{:>11}", "", "firing", "resolved",
                                                           "expired", "retracted")) +
                     "\n";
  for (const RuleCounts& rule : rules) {
    text += fmt::format("  {:<26}{:>9}{:>10}{:>9}{:>11}\n", rule.rule, grouped(rule.by_state[0]),
                        grouped(rule.by_state[1]), grouped(rule.by_state[2]), grouped(rule.by_state[3]));
  }
  return text;
}

std::string dead_letters_text(const Summary& summary, const Terminal& terminal) {
  if (summary.tally.refused_in_all() == 0) return {};
  std::string text = head(terminal, "Dead letters");
  for (std::size_t reason = 0; reason < event::kReasonCount; ++reason) {
    const auto count = static_cast<std::int64_t>(summary.tally.refused[reason]);
    if (count > 0)
      text += fmt::format("  {:<22}{:>11}\n", event::reason_name(static_cast<event::Reason>(reason)),
                          terminal.paint(Ink::kYellow, grouped(count)));
  }
  return text;
}

}  // namespace

void measure_process(Summary& summary) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  summary.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  summary.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

std::string summary_json(const Summary& summary) {
  base::JsonWriter json;
  json.begin_map();
  json.key("alerts");
  json.begin_map();
  for (const RuleCounts& rule : alerts_by_rule(summary)) {
    json.key(rule.rule);
    json.begin_map();
    json.field("expired", rule.by_state[2]);
    json.field("firing", rule.by_state[0]);
    json.field("resolved", rule.by_state[1]);
    json.field("retracted", rule.by_state[3]);
    json.end_map();
  }
  json.end_map();
  json.field("applied", summary.tally.applied);
  json.field("as_of", event::format_time(summary.as_of));
  seconds_field(json, "cpu_seconds", summary.cpu_seconds);
  json.field("customers", counter(summary, counters::kCustomers));
  json.key("dead_letters");
  json.begin_map();
  std::vector<std::pair<std::string_view, std::uint64_t>> reasons;
  for (std::size_t reason = 0; reason < event::kReasonCount; ++reason) {
    if (summary.tally.refused[reason] > 0)
      reasons.emplace_back(event::reason_name(static_cast<event::Reason>(reason)), summary.tally.refused[reason]);
  }
  std::sort(reasons.begin(), reasons.end());
  for (const auto& [reason, count] : reasons) json.field(reason, count);
  json.end_map();
  json.field("duplicates", summary.tally.duplicates);
  json.field("events", summary.tally.read);
  json.field("peak_rss_bytes", summary.peak_rss_bytes);
  json.field("policy", summary.policy_hash);
  seconds_field(json, "seconds", summary.seconds);
  json.end_map();
  return std::move(json).take();
}

std::string summary_text(const Summary& summary, const Terminal& terminal) {
  const double rate = summary.seconds > 0 ? static_cast<double>(summary.events_now) / summary.seconds : 0;
  std::string text = terminal.paint(Ink::kBold, fmt::format("{} events, {} customers, as of {}",
                                                            grouped(static_cast<std::int64_t>(summary.tally.read)),
                                                            grouped(counter(summary, counters::kCustomers)),
                                                            event::format_time(summary.as_of).substr(0, 19) + "Z"));
  text += "\n" +
          terminal.paint(
              Ink::kDim,
              fmt::format("{} at {} events/s, {} of CPU, {} at most; {} applied, {} duplicates, policy {}",
                          span(summary.seconds), grouped(static_cast<std::int64_t>(rate)), span(summary.cpu_seconds),
                          bytes_text(summary.peak_rss_bytes), grouped(static_cast<std::int64_t>(summary.tally.applied)),
                          grouped(static_cast<std::int64_t>(summary.tally.duplicates)),
                          summary.policy_hash.substr(0, 12))) +
          "\n";
  text += tiers_text(summary, terminal) + losses_text(summary, terminal) + promises_text(summary, terminal) +
          alerts_text(summary, terminal) + dead_letters_text(summary, terminal);
  return text;
}

}  // namespace troth::app
