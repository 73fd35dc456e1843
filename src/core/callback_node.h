// A callback that was given to Ticket::on_complete.
#pragma once

#include <cstdint>
#include <functional>

#include <cbr/ticket.h>

#include "core/sync.h"

namespace cbr::detail {

class RingCore;

/// The list that it hangs on has one reference until it was run or taken back, its handle has one.
class CallbackNode final : public Continuation {
 public:
  CallbackNode() { is_callback = true; }
  /// Runs the callback; what it throws goes to the ring's log sink.
  void run(const Ticket& ticket) noexcept override;

  RingCore* core = nullptr;
  /// Of the submission that it waits for.
  QueueIndex queue{};
  std::function<void(const Ticket&)> callback;

  // The ring's state mutex guards all below.
  std::uint32_t references = 0;
  CallbackNode* pool_next = nullptr;
};

}  // namespace cbr::detail
