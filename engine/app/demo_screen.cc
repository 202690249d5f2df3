#include "engine/app/demo_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace troth::app {
namespace {

using Ink = Terminal::Ink;
using operators::Tier;
using What = AlertChange::What;

constexpr int kBarCells = 24;
constexpr int kBoardCells = 60;
constexpr int kBoardLines = 8;
constexpr int kBoardWidth = 84;
constexpr std::size_t kFiredShown = 3, kEndedShown = 1;  // a day

struct TierLook {
  Tier tier;
  Ink ink;
  std::string_view cell;  // tells tiers apart where there is no colour
};
constexpr std::array<TierLook, 5> kTiers{{{Tier::kDevoted, Ink::kGreen, "█"},
                                          {Tier::kTrusting, Ink::kGreen, "▓"},
                                          {Tier::kWatch, Ink::kYellow, "▒"},
                                          {Tier::kEroding, Ink::kRed, "░"},
                                          {Tier::kBroken, Ink::kRed, "×"}}};

std::int64_t count_of(const DemoDay& day, Tier tier) { return day.tiers[static_cast<std::size_t>(tier)]; }

std::string date_text(event::TimeUs time) {
  static constexpr std::array<const char*, 7> kDays{"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  const auto weekday = static_cast<std::size_t>(event::floor_div(time, event::kDay) % 7);
  return fmt::format("{} {}", kDays[weekday], event::format_time(time).substr(0, 10));
}

std::string repeated(std::string_view cell, std::int64_t times) {
  std::string text;
  for (std::int64_t i = 0; i < times; ++i) text += cell;
  return text;
}

Ink ink_of(const AlertChange& change) {
  if (change.what == What::kResolved) return Ink::kGreen;
  if (change.what == What::kRetracted) return Ink::kDim;
  return change.level == "page" || change.level == "critical" ? Ink::kRed : Ink::kYellow;
}

/// The worst of the day, each customer once.
std::vector<const AlertChange*> notable(const DemoDay& day) {
  std::vector<const AlertChange*> shown;
  std::set<std::string_view> customers;
  std::size_t fired = 0, ended = 0;
  for (const AlertChange& change : day.changes) {
    if (change.level == "info") continue;
    std::size_t& count = change.what == What::kFired ? fired : ended;
    if (count >= (change.what == What::kFired ? kFiredShown : kEndedShown)) continue;
    if (!customers.insert(change.customer).second) continue;
    ++count;
    shown.push_back(&change);
  }
  return shown;
}

}  // namespace

DemoScreen::DemoScreen(const ShopOptions& options)
    : options_(options), terminal_(1), has_board_(terminal_.is_tty() && terminal_.width() > kBoardWidth) {}

bool DemoScreen::open() {
  return say(fmt::format(
      "{}\n{}\n\n{}",
      terminal_.paint(Ink::kBold, fmt::format("A simulated shop: {} customers, {} days, seed {}.",
                                              grouped(options_.customers), options_.days, options_.seed)),
      terminal_.paint(
          Ink::kDim, "Every event goes through the real engine. Watch trust being built and lost, and who needs help."),
      head_text()));
}

bool DemoScreen::show(const DemoDay& day) {
  std::string text;
  if (is_board_drawn_) text += fmt::format("\x1b[{}A\x1b[J", kBoardLines);
  if (day.number > 1 && (day.number - 1) % 14 == 0) text += "\n" + head_text();
  text += day_text(day);
  if (has_board_) text += board_text(day);
  is_board_drawn_ = has_board_;
  return say(text);
}

bool DemoScreen::close() {
  if (!is_board_drawn_) return true;
  is_board_drawn_ = false;
  return say(fmt::format("\x1b[{}A\x1b[J", kBoardLines));
}

std::string DemoScreen::head_text() const {
  return terminal_.paint(Ink::kDim, fmt::format("{:<16}{:>6}  {:<{}}{:>8}{:>9}{:>7}{:>8}{:>7}{:>8}", "day", "events",
                                                "customers by tier", kBarCells + 2, "devoted", "trusting", "watch",
                                                "eroding", "broken", "alerts")) +
         "\n";
}

std::string DemoScreen::day_text(const DemoDay& day) const {
  std::string text = terminal_.paint(Ink::kBold, fmt::format("{:<16}", date_text(day.begin)));
  text += fmt::format("{:>6}  {}", grouped(static_cast<std::int64_t>(day.events)), tiers_bar(day));
  text +=
      fmt::format("{:>10}{:>9}{:>7}{:>8}{:>7}{:>8}\n", grouped(count_of(day, Tier::kDevoted)),
                  grouped(count_of(day, Tier::kTrusting)), grouped(count_of(day, Tier::kWatch)),
                  grouped(count_of(day, Tier::kEroding)), grouped(count_of(day, Tier::kBroken)), grouped(day.firing));
  for (const AlertChange* change : notable(day)) text += change_text(*change);
  return text;
}

std::string DemoScreen::change_text(const AlertChange& change) const {
  const std::string_view what = change.what == What::kFired      ? change.level
                                : change.what == What::kResolved ? "resolved"
                                                                 : "retracted";
  const std::string where = change.case_key.starts_with("o:") ? "order " + change.case_key.substr(2) : change.case_key;
  std::string text =
      fmt::format("    {}  {:<24}  {:<12}  {:<14}", terminal_.paint(ink_of(change), fmt::format("{:<9}", what)),
                  change.rule, change.customer, where);
  text += fmt::format("  trust {:>5}", points(change.score));
  // Less than a tenth of a point is no news.
  if (change.moved <= -50'000 || change.moved >= 50'000) {
    text += "  " + terminal_.paint(change.moved < 0 ? Ink::kRed : Ink::kGreen, points(change.moved, true));
  }
  return text + "\n";
}

std::string DemoScreen::tiers_bar(const DemoDay& day) const {
  std::int64_t all = 0, upto = 0, cells = 0;
  for (const std::int64_t each : day.tiers) all += each;
  std::string text;
  for (const TierLook& look : kTiers) {
    upto += count_of(day, look.tier);
    const std::int64_t cells_upto = all == 0 ? 0 : (upto * kBarCells * 2 + all) / (2 * all);
    text += terminal_.paint(look.ink, repeated(look.cell, cells_upto - cells));
    cells = cells_upto;
  }
  return text + repeated(" ", kBarCells - cells);
}

std::string DemoScreen::board_text(const DemoDay& day) const {
  std::int64_t all = 0;
  for (const std::int64_t each : day.tiers) all += each;
  std::string text = fmt::format(
      "\n  {}  {}\n", terminal_.paint(Ink::kBold, date_text(day.begin)),
      terminal_.paint(Ink::kDim, fmt::format("day {} of {}, {} events, {} alerts firing", day.number, options_.days,
                                             grouped(static_cast<std::int64_t>(day.events_all)), grouped(day.firing))));
  for (const TierLook& look : kTiers) {
    const std::int64_t count = count_of(day, look.tier);
    text += fmt::format("  {:<9}{:>7}  {}\n", name_of(look.tier), grouped(count),
                        terminal_.paint(look.ink, Terminal::bar(count, all, kBoardCells)));
  }
  return text + terminal_.paint(Ink::kDim, "  Ctrl-C stops here") + "\n";
}

bool say(const std::string& text) { return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0; }

}  // namespace troth::app
