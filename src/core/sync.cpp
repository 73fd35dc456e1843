#include "core/sync.h"

#include "core/blocked_signals.h"
#include "core/no_thread.h"

namespace cbr::detail {

Thread start_thread(std::function<void()> run) {
  const BlockedSignals blocked;
  return or_explain([&] { return Thread(std::move(run)); });
}

}  // namespace cbr::detail
