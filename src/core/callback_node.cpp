#include "core/callback_node.h"

#include "core/ring_core.h"

namespace cbr::detail {

void CallbackNode::run(const Ticket& ticket) noexcept {
  core->callbacks().run(callback, ticket);
}

}  // namespace cbr::detail
