// A Vulkan device for random graphs of work, whose submissions look at what earlier ones wrote.
#pragma once

#include <memory>

#include <cbr/vulkan.h>

#include "graphs/device.h"

namespace cbr::soak {

/// Works on all queues of `device`, which are of one family.
[[nodiscard]] std::unique_ptr<graphs::Device> make_vulkan_graph_device(
    std::shared_ptr<vulkan::Device> device);

}  // namespace cbr::soak
