// Always-on assertions: a broken invariant is a bug, and a bug stops the process before it can reach an output.
// Owned by everyone; any thread. Crash-only: the restart path recovers from what is durable.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace troth::base {

[[noreturn]] inline void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "troth: bug: assertion failed: %s (%s:%d). State on disk is intact; start again to resume.\n",
               what, file, line);
  std::abort();
}

}  // namespace troth::base

#define TROTH_ASSERT(condition)                                        \
  do {                                                                 \
    if (!(condition)) [[unlikely]]                                     \
      ::troth::base::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
