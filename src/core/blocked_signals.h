// Threads of the library run no signal handlers of the program.
#pragma once

#include <csignal>

#include <pthread.h>

namespace cbr::detail {

/// Blocks all signals on this thread, and so on those it starts.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    // Fails for a wrong first argument only.
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace cbr::detail
