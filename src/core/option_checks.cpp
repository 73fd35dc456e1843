#include "core/option_checks.h"

#include <chrono>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/admission.h"
#include "core/auto_ring_size.h"

namespace cbr::detail {
namespace {

void check_limits(const RingOptions& options) {
  const AutoRingSize& limits = *options.auto_ring_size;
  if (limits.largest < 1 || limits.largest > max_ring_size) {
    throw InvalidOption(fmt::format("{}: auto_ring_size.largest is {}, allowed are 1 to {}",
                                    options.name, limits.largest, max_ring_size));
  }
  if (limits.max_queued && *limits.max_queued < std::chrono::nanoseconds(0)) {
    throw InvalidOption(
        fmt::format("{}: auto_ring_size.max_queued is {} ns, allowed are 0 and more", options.name,
                    limits.max_queued->count()));
  }
}

}  // namespace

void check_options(const RingOptions& options, const Backend* backend) {
  check_ring_size(options, options.ring_size, 1);
  if (options.auto_ring_size) check_limits(options);
  if (options.auto_ring_size && options.coalescing) {
    throw InvalidOption(fmt::format(
        "{}: coalescing is on, which a ring that chooses its size can't have: give it a ring_size",
        options.name));
  }
  if (options.spin_limit && *options.spin_limit < std::chrono::nanoseconds(0)) {
    throw InvalidOption(fmt::format("{}: spin_limit is {} ns, allowed are 0 and more", options.name,
                                    options.spin_limit->count()));
  }
  // So that twice the time, which is when it is reported again, can be reckoned with.
  constexpr std::uint64_t longest_ms = std::uint64_t{365} * 24 * 3600 * 1000;
  if (options.hang_warning_ms > longest_ms) {
    throw InvalidOption(fmt::format("{}: hang_warning_ms is {}, allowed are 0 to {}", options.name,
                                    options.hang_warning_ms, longest_ms));
  }
  if (backend == nullptr) {
    throw InvalidUsage(fmt::format("{}: a ring needs a backend", options.name));
  }
  const std::uint32_t queues = backend->queue_count();
  if (options.auto_ring_size) {
    check_ring_size(options, smallest_auto_size(*options.auto_ring_size, queues), queues);
    check_ring_size(options, first_auto_size(options, queues), queues);
  } else {
    check_ring_size(options, options.ring_size, queues);
  }
}

void check_ring_size(const RingOptions& options, std::uint32_t ring_size,
                     std::uint32_t queue_count) {
  if (ring_size < 1 || ring_size > max_ring_size) {
    throw InvalidOption(fmt::format("{}: ring_size is {}, allowed are 1 to {}", options.name,
                                    ring_size, max_ring_size));
  }
  if (ring_size < queue_count) {
    throw InvalidOption(
        fmt::format("{}: ring_size is {}, but the backend has {} queues and each needs a slot",
                    options.name, ring_size, queue_count));
  }
  Admission::check(options, ring_size);
}

}  // namespace cbr::detail
