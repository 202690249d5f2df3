#include "engine/app/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace troth::app {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;  // progress is a courtesy: a closed terminal is no error
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Terminal::Terminal(int fd) : fd_(fd), is_tty_(::isatty(fd) == 1) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  has_colour_ =
      is_tty_ && (no_colour == nullptr || *no_colour == '\0') && term != nullptr && std::string_view(term) != "dumb";
}

int Terminal::width() const {
  winsize size{};
  if (is_tty_ && ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

std::string Terminal::paint(Ink ink, std::string_view text) const {
  static constexpr std::array<std::string_view, 7> kCodes{"", "1", "2", "31", "33", "32", "34"};
  if (!has_colour_ || ink == Ink::kPlain) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(ink)], text);
}

std::string Terminal::bar(std::int64_t value, std::int64_t whole, int cells) {
  static constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (whole <= 0 || value <= 0) return {};
  const double share = std::min(1.0, static_cast<double>(value) / static_cast<double>(whole));
  const auto eighths = static_cast<int>(std::lround(share * 8 * cells));
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[static_cast<std::size_t>(eighths % 8)];
  return text.empty() ? std::string("▏") : text;
}

void Terminal::progress(std::string_view line) {
  if (!is_tty_) return;
  write_all(fd_, fmt::format("\r\x1b[K{}", line));
  has_line_ = true;
}

void Terminal::end_progress() {
  if (has_line_) write_all(fd_, "\r\x1b[K");
  has_line_ = false;
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string points(std::int64_t micro_points, bool with_sign) {
  const std::int64_t magnitude = micro_points < 0 ? -micro_points : micro_points;
  const std::int64_t tenths = (magnitude + 50'000) / 100'000;
  const std::string_view sign = micro_points < 0 && tenths > 0 ? "−" : with_sign ? "+" : "";
  return fmt::format("{}{}.{}", sign, tenths / 10, tenths % 10);
}

std::string span(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{} kB", bytes / 1000);
  if (bytes < 10'000'000'000) return fmt::format("{} MB", bytes / 1'000'000);
  return fmt::format("{} GB", bytes / 1'000'000'000);
}

}  // namespace troth::app
