// A callback that was given to Ticket::on_complete, and the pool that such come from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <cbr/ticket.h>

#include "core/sync.h"

namespace cbr::detail {

class RingCore;

/// The list that it hangs on has one reference until it was run or taken back, its handle has one.
class CallbackNode final : public Continuation {
 public:
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

/// Hands out nodes and takes them back, so that steady state allocates nothing. The ring's state
/// mutex guards it.
class CallbackPool {
 public:
  explicit CallbackPool(RingCore& core) : core_(core) {}

  /// An empty node. Allocates only when all are in use; if that fails, nothing has changed.
  CallbackNode& take();
  /// The node's callback has been destroyed, without the lock.
  void give_back(CallbackNode& node) noexcept;
  /// How many are with handles or submissions.
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }

 private:
  RingCore& core_;
  std::vector<std::unique_ptr<CallbackNode>> nodes_;
  std::uint32_t in_use_ = 0;
  CallbackNode* free_ = nullptr;
};

}  // namespace cbr::detail
