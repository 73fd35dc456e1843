// A Vulkan device with the validation layers on, synchronisation validation included.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <cbr/vulkan.h>

namespace cbr::test {

/// The process's one validated device; opening one takes a while. Fails the running test with the
/// reason and throws if there is none.
[[nodiscard]] std::shared_ptr<vulkan::Device> validated_device();

/// Opens a validated device of the caller's own, with these queues. It must be gone before the
/// process ends. Throws as vulkan::Device::open does.
[[nodiscard]] std::shared_ptr<vulkan::Device> open_validated(
    const std::vector<vulkan::QueueRequest>& queues);

/// What the validation layers have said since the last call. A test that leaves anything here
/// fails.
[[nodiscard]] std::vector<std::string> take_validation_messages();

}  // namespace cbr::test
