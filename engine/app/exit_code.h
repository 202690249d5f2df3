// Exit codes that scripts rely on.
#pragma once

namespace troth::app {

enum ExitCode : int {
  kDone = 0,            // dead letters included: they are counted and written
  kFailed = 1,          // at run time
  kWrongUse = 2,        // usage, configuration or policy, found before any input is touched
  kNotFound = 3,        // a customer never heard of
  kHadDeadLetters = 4,  // --strict, and there were some
};

}  // namespace troth::app
