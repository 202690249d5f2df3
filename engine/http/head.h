// Head: judges the head of a request before anything else looks at it, and reduces it to the little that is needed.
// What passes is one GET or HEAD of a plain path without a body; headers that could ask for work (ranges, encodings,
// expectations, chunks) go no further. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troth::http {

/// Beyond this many bytes, blank line included, a head is refused (431).
inline constexpr std::size_t kHeadBytes = 8'192;
inline constexpr std::size_t kHeaders = 64;
inline constexpr std::size_t kTargetBytes = 2'048;

/// Where the head ends in what has been read: behind its blank line. Nothing: not all there yet.
[[nodiscard]] std::optional<std::size_t> end_of_head(std::string_view bytes);

struct Refusal {
  int status = 400;
  const char* error = "";  // a fixed text
};

struct JudgedHead {
  std::optional<Refusal> refusal;  // then nothing else is set
  std::string reduced;             // a head again: request line, Host, Authorization
  bool keeps_alive = false;        // the client would go on with this connection
};

/// `head`: up to and with its blank line. `hosts`: names that Host may hold, lower case, the port apart; empty: any.
[[nodiscard]] JudgedHead judge_head(std::string_view head, const std::vector<std::string>& hosts);

}  // namespace troth::http
