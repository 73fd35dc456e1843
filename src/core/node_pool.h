// Records of what the program asks for later: callbacks, and requests for slots.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace cbr::detail {

class RingCore;

/// Hands out nodes and takes them back, so that steady state allocates nothing. A node has a
/// `core`, which lives as long as any is in use, and links itself with `pool_next`. The ring's
/// state mutex guards it.
template <typename Node>
class NodePool {
 public:
  explicit NodePool(RingCore& core) : core_(core) {}

  /// An empty node. Allocates only when all are in use; if that fails, nothing has changed.
  Node& take() {
    if (free_ == nullptr) {
      nodes_.push_back(std::make_unique<Node>());
      nodes_.back()->core = &core_;
      free_ = nodes_.back().get();
    }
    Node& node = *free_;
    free_ = node.pool_next;
    node.pool_next = nullptr;
    ++in_use_;
    return node;
  }
  /// What the program put into it has been destroyed, without the lock.
  void give_back(Node& node) noexcept {
    node.pool_next = free_;
    free_ = &node;
    --in_use_;
  }
  /// How many are in use.
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }

 private:
  RingCore& core_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::uint32_t in_use_ = 0;
  Node* free_ = nullptr;
};

}  // namespace cbr::detail
