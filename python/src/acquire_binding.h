// Requests for a slot that block no thread, as Python objects.
#pragma once

#include <functional>
#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/async_acquire.h>
#include <cbr/vulkan.h>

namespace cbr::python {

/// A request that can be made once. Guarded by the GIL.
class AcquireRequestObject {
 public:
  using Callback = std::function<void(AcquireResult result)>;
  /// `ask` makes the request; it is called without the GIL, and keeps no ring from ending.
  AcquireRequestObject(std::function<AcquireHandle(Callback callback)> ask,
                       std::shared_ptr<vulkan::Device> device)
      : ask_(std::move(ask)), device_(std::move(device)) {}

  /// Asks. `callback(lease, error)` is called once, one of them being None. Throws InvalidUsage the
  /// second time.
  AcquireHandle ask(const pybind11::function& callback);

 private:
  std::function<AcquireHandle(Callback callback)> ask_;
  std::shared_ptr<vulkan::Device> device_;
};

/// The request as what Python awaits: cbr.AcquireRequest.
[[nodiscard]] pybind11::object awaitable(std::unique_ptr<AcquireRequestObject> request);

void bind_acquire(pybind11::module_& module);

}  // namespace cbr::python
