// Customer text: a view of one customer for the terminal: the score, a waterfall of reasons with dates, alerts,
// promises, clocks. Pure but for the terminal it asks for colours.
#pragma once

#include <string>

#include "engine/app/terminal.h"
#include "operators/record/view.h"

namespace troth::app {

/// One screen: where the customer stands.
[[nodiscard]] std::string customer_text(const operators::View& view, const Terminal& terminal);
/// The reasons, to the last tenth of a point; they sum to the score. Beyond `rows_max` the smallest are one row together.
[[nodiscard]] std::string waterfall_text(const operators::View& view, const Terminal& terminal, std::size_t rows_max);

}  // namespace troth::app
