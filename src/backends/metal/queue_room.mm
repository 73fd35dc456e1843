#include "backends/metal/queue_room.h"

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::metal {

void QueueRoom::resize(std::uint32_t ring_size) {
  const std::lock_guard lock(mutex_);
  if (ring_size > ring_size_) require(ring_size, waits_);
  ring_size_ = ring_size;
}

void QueueRoom::let_wait() {
  const std::lock_guard lock(mutex_);
  if (waits_) return;
  require(ring_size_, true);
  waits_ = true;
}

void QueueRoom::require(std::uint32_t ring_size, bool waits) const {
  const std::uint32_t queue_count = device_->queue_count();
  const std::uint32_t on_a_queue = (ring_size + queue_count - 1) / queue_count;
  const std::uint32_t wanted = on_a_queue * (1 + (make_ahead_ ? 1 : 0) + (waits ? 1 : 0));
  // Of any of the device's queues: to tell them apart is not worth it for leases that are
  // forgotten.
  const std::uint32_t abandoned = *device_->abandoned_buffers();
  if (wanted + abandoned <= device_->max_command_buffers()) return;
  throw InvalidOption(fmt::format(
      "{}: ring_size is {}, which takes {} command buffers of a Metal queue{}{}{}; its "
      "max_command_buffers is {}",
      ring_name_, ring_size, wanted, make_ahead_ ? " with make_ahead" : "",
      waits ? " where submissions wait for events" : "",
      abandoned > 0 ? fmt::format(" beside {} of leases that outlived their rings", abandoned) : "",
      device_->max_command_buffers()));
}

}  // namespace cbr::metal
