// StopSignal: SIGTERM and SIGINT ask the process to drain; a second one ends it at once. ReloadSignal: SIGHUP asks it
// to read again what may change while it runs. One of each per process, main thread.
#pragma once

namespace troth::app {

class StopSignal {
 public:
  /// Catches the signals from now on; SIGPIPE is ignored (a closed connection is an error of its call).
  StopSignal();
  [[nodiscard]] bool asked() const;
};

/// For processes without a terminal: where it exists, a terminal that goes away does not end the process any more.
class ReloadSignal {
 public:
  ReloadSignal();
  [[nodiscard]] bool asked() const;
  /// Whether it was asked since the last take; several times are once.
  [[nodiscard]] bool take();
};

}  // namespace troth::app
