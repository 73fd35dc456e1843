#include "core/sync.h"

#include "core/blocked_signals.h"

namespace cbr::detail {

Thread start_thread(std::function<void()> run) {
  const BlockedSignals blocked;
  return Thread(std::move(run));
}

}  // namespace cbr::detail
