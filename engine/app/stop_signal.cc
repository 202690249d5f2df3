#include "engine/app/stop_signal.h"

#include <unistd.h>
#include <csignal>

namespace troth::app {
namespace {

volatile std::sig_atomic_t stop_asked = 0;
volatile std::sig_atomic_t reload_asked = 0;

extern "C" void on_stop(int) {
  if (stop_asked != 0) ::_exit(1);
  stop_asked = 1;
}

extern "C" void on_reload(int) { reload_asked = 1; }

void handle(int signal, void (*handler)(int), int flags = 0) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignal::StopSignal() {
  handle(SIGTERM, on_stop);
  handle(SIGINT, on_stop);
  handle(SIGPIPE, SIG_IGN);
}

bool StopSignal::asked() const { return stop_asked != 0; }

// The work goes on, whatever call it is in.
ReloadSignal::ReloadSignal() { handle(SIGHUP, on_reload, SA_RESTART); }

bool ReloadSignal::asked() const { return reload_asked != 0; }

bool ReloadSignal::take() {
  if (!asked()) return false;
  reload_asked = 0;  // before what is read: a signal that comes during the reading asks again
  return true;
}

}  // namespace troth::app
