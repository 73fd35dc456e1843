#include "backends/vulkan/wake_signal.h"

#include <exception>

#include <fmt/format.h>

namespace cbr::vulkan {

void WakeSignal::signal(std::uint64_t wake_number, const Report& report) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (wake_number <= signalled_) return;
    semaphore_.signal(wake_number);
    signalled_ = wake_number;
    failures_.succeeded();
  } catch (const std::exception& error) {
    failures_.failed(report, [&] {
      return fmt::format("a waiting thread can't be woken and looks by itself: {}", error.what());
    });
  }
}

}  // namespace cbr::vulkan
