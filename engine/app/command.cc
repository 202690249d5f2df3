#include "engine/app/command.h"

#include <fmt/format.h>

#include <cstdio>

namespace troth::app {

int complain(int code, const std::string& message) {
  fmt::print(stderr, "troth: {}\n", message);
  return code;
}

CLI::Validator time_text() {
  return CLI::Validator(
      [](const std::string& text) {
        return event::parse_time(text)
                   ? std::string{}
                   : fmt::format("'{}' is no time; write it as 2026-01-31T12:00:00Z (or with an offset like +01:00)",
                                 text);
      },
      "TIME");
}

event::TimeUs time_of(const std::string& text) { return event::parse_time(text).value(); }

}  // namespace troth::app
