// Tells whether this process is the one that made an object: after fork() the child has no threads
// and no working driver.
#pragma once

#include <cstdint>

namespace cbr::detail {

class ProcessGuard {
 public:
  /// Throws std::system_error if fork() can't be observed.
  ProcessGuard();
  /// False in a child that was forked since. Costs one load.
  [[nodiscard]] bool same_process() const noexcept;

 private:
  std::uint64_t generation_;
};

}  // namespace cbr::detail
