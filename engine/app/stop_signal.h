// StopSignal: SIGTERM and SIGINT ask the process to drain; a second one ends it at once. One per process, main thread.
#pragma once

namespace troth::app {

class StopSignal {
 public:
  /// Catches the signals from now on; SIGPIPE is ignored (a closed connection is an error of its call).
  StopSignal();
  [[nodiscard]] bool asked() const;
};

}  // namespace troth::app
