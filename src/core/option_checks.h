// Which options make a ring. Pure logic.
#pragma once

#include <cstdint>

#include <cbr/backend.h>
#include <cbr/options.h>

namespace cbr::detail {

/// Throws InvalidOption, which names the option, its value and the limit, if these can't make a
/// ring on the backend; InvalidUsage if there is no backend.
void check_options(const RingOptions& options, const Backend* backend);

/// Throws InvalidOption if a ring with these options can't be of this size on a backend of
/// `queue_count` queues.
void check_ring_size(const RingOptions& options, std::uint32_t ring_size,
                     std::uint32_t queue_count);

}  // namespace cbr::detail
