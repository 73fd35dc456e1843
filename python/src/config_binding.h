// Configurations from YAML files.
#pragma once

#include <memory>
#include <string>

#include <pybind11/pybind11.h>

#include <cbr/config.h>
#include <cbr/vulkan.h>

#include "backends_binding.h"

namespace cbr::python {

/// The backend that a configuration chooses: Vulkan, or the simulated one where it names that.
/// Warns in Python's way if another had to stand in. Throws BackendError, InputError.
[[nodiscard]] BackendObject configured_backend(const Config& config);

/// The device that a configuration chooses, with one queue: what computes a model. Otherwise as
/// configured_backend().
[[nodiscard]] std::shared_ptr<vulkan::Device> configured_device(const Config& config);

void bind_config(pybind11::module_& module);

}  // namespace cbr::python
