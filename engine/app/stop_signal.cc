#include "engine/app/stop_signal.h"

#include <unistd.h>
#include <csignal>

namespace troth::app {
namespace {

volatile std::sig_atomic_t stop_asked = 0;

extern "C" void on_stop(int) {
  if (stop_asked != 0) ::_exit(1);
  stop_asked = 1;
}

}  // namespace

StopSignal::StopSignal() {
  struct sigaction action = {};
  action.sa_handler = on_stop;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

bool StopSignal::asked() const { return stop_asked != 0; }

}  // namespace troth::app
