// DemoScreen: the days of the demo as lines of text; on a terminal with a board of tiers below them that is drawn over
// again. Writes to standard output. Main thread.
#pragma once

#include <string>

#include "engine/app/demo_play.h"
#include "engine/app/terminal.h"

namespace troth::app {

class DemoScreen {
 public:
  explicit DemoScreen(const ShopOptions& options);

  /// What is going to be seen. False, here and below: nobody reads any more.
  [[nodiscard]] bool open();
  [[nodiscard]] bool show(const DemoDay& day);
  /// Takes the board away.
  [[nodiscard]] bool close();

 private:
  [[nodiscard]] std::string head_text() const;
  [[nodiscard]] std::string day_text(const DemoDay& day) const;
  [[nodiscard]] std::string change_text(const AlertChange& change) const;
  [[nodiscard]] std::string tiers_bar(const DemoDay& day) const;
  [[nodiscard]] std::string board_text(const DemoDay& day) const;

  const ShopOptions options_;
  const Terminal terminal_;
  const bool has_board_;
  bool is_board_drawn_ = false;
};

/// Writes and flushes; false if that failed.
[[nodiscard]] bool say(const std::string& text);

}  // namespace troth::app
