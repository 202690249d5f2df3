#include "engine/app/customer_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>

#include "operators/record/json.h"

namespace troth::app {
namespace {

using operators::View;
using Ink = Terminal::Ink;

std::string date_of(event::TimeUs time) { return time == event::kNever ? "–" : event::format_time(time).substr(0, 10); }
std::string minute_of(event::TimeUs time) {
  if (time == event::kNever) return "–";
  std::string text = event::format_time(time).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string words(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

/// "order 123", "promise p1": how people call an object.
std::string object_words(std::string_view object) {
  static const std::map<char, std::string_view> kNames{{'o', "order"},  {'c', "complaint"}, {'r', "review"},
                                                       {'s', "survey"}, {'p', "promise"},   {'e', "event"}};
  if (object.size() < 2) return std::string(object);
  const auto name = kNames.find(object[0]);
  return name == kNames.end() ? std::string(object) : fmt::format("{} {}", name->second, object.substr(2));
}

std::string_view dimension_words(std::string_view dimension) {
  static const std::map<std::string_view, std::string_view> kNames{
      {"R", "reliability"}, {"S", "responsiveness"}, {"H", "honesty"}, {"C", "competence"},
      {"E", "empathy"},     {"K", "consistency"},    {"V", "voice"},   {"B", "behaviour"}};
  const auto name = kNames.find(dimension);
  return name == kNames.end() ? std::string_view{} : name->second;
}

Ink ink_of(operators::Tier tier) {
  if (tier >= operators::Tier::kTrusting) return Ink::kGreen;
  return tier == operators::Tier::kWatch ? Ink::kYellow : Ink::kRed;
}

Ink ink_of_level(std::string_view level) {
  if (level == "page" || level == "critical") return Ink::kRed;
  return level == "warning" ? Ink::kYellow : Ink::kPlain;
}

std::string head(const Terminal& terminal, std::string_view title) {
  return "\n" + terminal.paint(Ink::kBold, title) + "\n";
}

std::string alerts_text(const View& view, const Terminal& terminal) {
  std::string text;
  const auto add = [&](const operators::AlertFields& fields) {
    text += fmt::format("  {}  {:<24} {:<28} since {}\n",
                        terminal.paint(ink_of_level(fields.level), fmt::format("{:<8}", fields.level)), fields.rule,
                        fields.object.empty() ? "the customer as a whole" : object_words(fields.object),
                        minute_of(fields.opened_at));
  };
  for (const operators::CaseInterval& each : view.intervals()) {
    if (each.is_active(view.t)) add(operators::fields_of(view, each));
  }
  for (const operators::CustomerAlert& each : view.customer_alerts) add(operators::fields_of(view, each));
  return text.empty() ? text : head(terminal, "Alerts") + text;
}

std::string promises_text(const View& view, const Terminal& terminal) {
  std::string text;
  for (const operators::CasePromise& each : view.promises) {
    if (!each.is_open(view.t)) continue;
    const bool is_overdue = each.outcome(view.t) == "overdue";
    text +=
        fmt::format("  {}  {:<24} {:<28} due {}\n",
                    terminal.paint(is_overdue ? Ink::kRed : Ink::kPlain, fmt::format("{:<8}", each.outcome(view.t))),
                    fmt::format("{} {}", name_of(each.promise->kind), each.promise->promise_id),
                    object_words(each.one->bucket->key), minute_of(each.promise->due_at));
  }
  return text.empty() ? text : head(terminal, "Open promises") + text;
}

std::string clocks_text(const View& view, const Terminal& terminal) {
  std::string text;
  for (const operators::CaseClock& each : view.clocks) {
    const bool is_over = each.run->due_at <= view.t;
    text +=
        fmt::format("  {}  {:<24} {:<28} due {}\n",
                    terminal.paint(is_over ? Ink::kRed : Ink::kPlain, fmt::format("{:<8}", each.run->paused ? "paused"
                                                                                           : is_over        ? "over"
                                                                                                     : "running")),
                    words(name_of(each.run->clock)), fmt::format("complaint {}", each.run->complaint_id),
                    minute_of(each.run->due_at));
  }
  return text.empty() ? text : head(terminal, "Clocks") + text;
}

/// The points from which on a row is shown, so that at most `rows_max` are.
std::int64_t least_shown(const std::vector<operators::ExplanationRow>& rows, std::size_t rows_max) {
  if (rows.size() <= rows_max) return 0;
  std::vector<std::int64_t> sizes;
  for (const operators::ExplanationRow& row : rows) sizes.push_back(std::abs(row.points));
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(rows_max), sizes.end(), std::greater<>());
  return sizes[rows_max] + 1;
}

std::map<std::string, event::TimeUs> event_times(const View& view) {
  std::map<std::string, event::TimeUs> times;
  view.customer->for_each_case(view.t, [&](const operators::Case& one) {
    for (const auto* event : one.events) times.emplace(event->name(), event->time);
  });
  return times;
}

std::string waterfall_row(const operators::ExplanationRow& row, const std::map<std::string, event::TimeUs>& times,
                          const Terminal& terminal) {
  constexpr int kBarCells = 16;
  constexpr std::int64_t kBarWhole = 20'000'000;  // micro-points of a full bar
  const bool is_base = row.kind == "base";
  std::string what, when;
  if (is_base) {
    what = "where every customer starts";
  } else if (row.kind == "rhythm") {
    what = "rhythm of orders";
  } else if (row.kind == "older_history") {
    what = fmt::format("older history ({})", dimension_words(row.dimension));
  } else {
    what = fmt::format("{} ({})", words(row.kind), dimension_words(row.dimension));
    const auto time = row.events.empty() ? times.end() : times.find(row.events.front());
    if (time != times.end()) when = date_of(time->second);
  }
  std::string object;
  if (!row.object.empty()) object = object_words(row.object);
  if (row.object != row.case_key) object += ", " + object_words(row.case_key);
  const Ink ink = is_base ? Ink::kPlain : row.points < 0 ? Ink::kRed : Ink::kGreen;
  const std::string bar = is_base ? "" : Terminal::bar(std::abs(row.points), kBarWhole, kBarCells);
  return fmt::format("  {}  {:<36} {:<10}  {:<34} {}\n",
                     terminal.paint(ink, fmt::format("{:>6}", points(row.points, !is_base))), what, when, object,
                     terminal.paint(ink, bar));
}

}  // namespace

std::string customer_text(const View& view, const Terminal& terminal) {
  const operators::Score& score = view.score;
  const operators::Customer& customer = *view.customer;
  std::string text = terminal.paint(Ink::kBold, customer.id());
  if (customer.tenant() != "default") text += fmt::format(" of {}", customer.tenant());
  text += terminal.paint(Ink::kDim, fmt::format("  as of {}", minute_of(view.t))) + "\n\n";
  text += fmt::format("  {}  {}  {}\n", terminal.paint(Ink::kBold, fmt::format("trust {}", points(score.score))),
                      terminal.paint(ink_of(score.tier), name_of(score.tier)),
                      terminal.paint(Ink::kDim, fmt::format("between {} and {}{}{}", points(score.low),
                                                            points(score.high), score.uncertain ? ", uncertain" : "",
                                                            score.quadrant == operators::Quadrant::kUndetermined
                                                                ? ""
                                                                : fmt::format(", {}", name_of(score.quadrant)))));
  text += fmt::format("  {} promises kept, {} broken, {} open; {} orders\n", view.kept, view.broken,
                      view.promises_open(), view.orders.count);
  return text + alerts_text(view, terminal) + promises_text(view, terminal) + clocks_text(view, terminal);
}

std::string waterfall_text(const View& view, const Terminal& terminal, std::size_t rows_max) {
  std::vector<operators::ExplanationRow> rows = view.explanation();
  const std::int64_t least = least_shown(rows, rows_max);
  const std::map<std::string, event::TimeUs> times = event_times(view);
  std::string text = head(terminal, "Why");
  std::int64_t rest = 0, rest_rows = 0;
  for (const operators::ExplanationRow& row : rows) {
    if (row.kind == "rhythm" && row.points == 0) continue;
    if (row.kind != "base" && std::abs(row.points) < least) {
      rest += row.points;
      ++rest_rows;
    } else {
      text += waterfall_row(row, times, terminal);
    }
  }
  if (rest_rows > 0) {
    text += fmt::format("  {:>6}  {}\n", points(rest, true),
                        terminal.paint(Ink::kDim, fmt::format("{} smaller reasons together", rest_rows)));
  }
  text += fmt::format("  {}\n  {}  trust\n", terminal.paint(Ink::kDim, "──────"),
                      terminal.paint(Ink::kBold, fmt::format("{:>6}", points(view.score.score))));
  return text;
}

}  // namespace troth::app
