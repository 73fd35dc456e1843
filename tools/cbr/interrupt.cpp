#include "interrupt.h"

#include <csignal>
#include <initializer_list>

#include <unistd.h>

namespace cbr::tool {
namespace {

// What a signal handler may write must be free of locks.
static_assert(std::atomic<bool>::is_always_lock_free);
std::atomic<bool> interrupt_flag{false};

/// Ends the program as the signal would, had it no handler. Safe in a handler.
void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  raise(signal);
  // Held back until its handler returns, which this one is not to.
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  // Still here: the kernel keeps signals without a handler from process 1.
  _exit(128 + signal);
}

extern "C" void end_on_signal(int signal) {
  end_by(signal);
}

extern "C" void set_interrupt_flag(int signal) {
  if (interrupt_flag.exchange(true)) end_by(signal);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // Reads and writes go on.
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void end_on_signals_as_init() {
  if (getpid() != 1) return;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) handle(signal, end_on_signal);
}

void catch_interrupts() {
  handle(SIGINT, set_interrupt_flag);
  handle(SIGTERM, set_interrupt_flag);
}

const std::atomic<bool>& interrupted() noexcept {
  return interrupt_flag;
}

}  // namespace cbr::tool
