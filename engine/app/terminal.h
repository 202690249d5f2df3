// Terminal: colour, bars and widths for people. On a pipe or with NO_COLOR it writes plain text. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troth::app {

class Terminal {
 public:
  /// Of a file descriptor: 1 for results, 2 for progress and messages.
  explicit Terminal(int fd);

  [[nodiscard]] bool is_tty() const { return is_tty_; }
  [[nodiscard]] int width() const;

  enum class Ink : std::uint8_t { kPlain, kBold, kDim, kRed, kYellow, kGreen, kBlue };
  [[nodiscard]] std::string paint(Ink ink, std::string_view text) const;

  /// A horizontal bar of at most `cells` cells for value/whole, in eighths of a cell.
  [[nodiscard]] static std::string bar(std::int64_t value, std::int64_t whole, int cells);

  /// Writes over the last line of progress; nothing if this is no terminal.
  void progress(std::string_view line);
  void end_progress();

 private:
  int fd_;
  bool is_tty_;
  bool has_colour_;
  bool has_line_ = false;
};

/// 1,234,567.
[[nodiscard]] std::string grouped(std::int64_t number);
/// Micro-points as points with one decimal: 70750000 → "70.8" (half away from zero); with_sign: "+1.2", "−10.3".
[[nodiscard]] std::string points(std::int64_t micro_points, bool with_sign = false);
/// "3 min 20 s", "2.4 s", "5 h 3 min".
[[nodiscard]] std::string span(double seconds);
/// "482 MB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace troth::app
