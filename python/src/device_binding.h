// Vulkan devices as Python objects.
#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/vulkan.h>

namespace cbr::python {

/// The device given or, for None, the one that "vulkan" stands for. May open it, without the GIL.
[[nodiscard]] std::shared_ptr<vulkan::Device> device_from(const pybind11::object& given);

/// Forgets the device that "vulkan" stands for.
void drop_default_device() noexcept;

void bind_device(pybind11::module_& module);

}  // namespace cbr::python
