#include "backends/vulkan/loss_probe.h"

#include <exception>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/loss_fence.h"

namespace cbr::vulkan {

void LossProbe::look(std::uint64_t value, const Report& report) {
  if (last_value_.exchange(value, std::memory_order_relaxed) != value) {
    next_look_.store(unset, std::memory_order_relaxed);
    return;
  }
  const TimePoint now = Clock::now();
  TimePoint due = next_look_.load(std::memory_order_relaxed);
  if (due != unset && now < due) return;
  // Of several threads one goes on.
  if (!next_look_.compare_exchange_strong(due, now + interval, std::memory_order_relaxed)) return;
  if (due == unset) return;
  try {
    device_->loss_fence(queue_).ask();
    failures_.succeeded();
  } catch (const DeviceLost&) {
    throw;
  } catch (const std::exception& error) {
    failures_.failed(report, [&] {
      return fmt::format(
          "queue {} of {} stands still, and asking for a loss of the device fails: {}",
          to_number(queue_), device_->info().name, error.what());
    });
  } catch (...) {
    // The user's own lock of the queue may throw anything.
    failures_.failed(report, [&] {
      return fmt::format("queue {} of {} stands still, and asking for a loss of the device fails",
                         to_number(queue_), device_->info().name);
    });
  }
}

}  // namespace cbr::vulkan
