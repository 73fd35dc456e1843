#include "core/option_checks.h"

#include <chrono>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/admission.h"

namespace cbr::detail {

void check_options(const RingOptions& options, const Backend* backend) {
  check_ring_size(options, options.ring_size, 1);
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
  check_ring_size(options, options.ring_size, backend->queue_count());
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
