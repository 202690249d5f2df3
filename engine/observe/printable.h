// Printable: any bytes as text that is safe in a log line. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troth::observe {

/// Valid UTF-8 without control characters (those become `\x1b`, broken bytes U+FFFD): nothing can forge a line or steer
/// a terminal. Beyond `bytes_max` bytes it is cut, with an ellipsis.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max);

}  // namespace troth::observe
