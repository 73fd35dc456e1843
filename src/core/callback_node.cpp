#include "core/callback_node.h"

#include "core/ring_core.h"

namespace cbr::detail {

void CallbackNode::run(const Ticket& ticket) noexcept {
  core->callbacks().run(callback, ticket);
}

CallbackNode& CallbackPool::take() {
  if (free_ == nullptr) {
    nodes_.push_back(std::make_unique<CallbackNode>());
    CallbackNode& node = *nodes_.back();
    node.core = &core_;
    node.is_callback = true;
    free_ = &node;
  }
  CallbackNode& node = *free_;
  free_ = node.pool_next;
  node.pool_next = nullptr;
  ++in_use_;
  return node;
}

void CallbackPool::give_back(CallbackNode& node) noexcept {
  node.pool_next = free_;
  free_ = &node;
  --in_use_;
}

}  // namespace cbr::detail
