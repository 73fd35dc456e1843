// Backends as Python objects.
#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/backend.h>
#include <cbr/fault_injection.h>
#include <cbr/simulated.h>
#include <cbr/vulkan.h>

namespace cbr::python {

/// A backend, and the Vulkan device that it runs on; null for the simulated GPU.
struct BackendObject {
  std::shared_ptr<Backend> backend;
  std::shared_ptr<vulkan::Device> device;
};
struct SimulatedGpuObject : BackendObject {
  std::shared_ptr<simulated::Gpu> gpu;
};
struct FaultInjectorObject : BackendObject {
  std::shared_ptr<FaultInjector> faults;
};

/// The backend for what a user gave: "vulkan", "simulated", a Device, or a Backend. Throws
/// InvalidOption for another name, TypeError for another type. May open a device, without the GIL.
[[nodiscard]] BackendObject backend_from(const pybind11::object& given);

void bind_backends(pybind11::module_& module);
/// What gives a lease its timings, once there are leases.
void bind_simulate(pybind11::module_& module);

}  // namespace cbr::python
