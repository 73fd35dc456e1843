#include "interrupt.h"

#include <csignal>

namespace cbr::tool {
namespace {

// What a signal handler may write must be free of locks.
static_assert(std::atomic<bool>::is_always_lock_free);
std::atomic<bool> interrupt_flag{false};

extern "C" void set_interrupt_flag(int /*signal*/) {
  interrupt_flag = true;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = set_interrupt_flag;
  sigemptyset(&action.sa_mask);
  // RESETHAND: a second signal takes its usual course. RESTART: reads and writes go on.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

const std::atomic<bool>& interrupted() noexcept {
  return interrupt_flag;
}

}  // namespace cbr::tool
