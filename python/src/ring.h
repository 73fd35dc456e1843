// The ring as a Python object.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>

#include <pybind11/pybind11.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "backends.h"
#include "lease.h"

namespace cbr::python {

/// Calls share the ring, so that close() in one thread can't destroy it under another's wait: the
/// last call to leave does. All functions need the GIL, and let go of it while the ring works.
class RingObject {
 public:
  RingObject(BackendObject backend, RingOptions options);
  RingObject(const RingObject&) = delete;
  RingObject& operator=(const RingObject&) = delete;
  ~RingObject();

  /// The ring; throws InvalidUsage after close().
  [[nodiscard]] std::shared_ptr<CommandBufferRing> ring() const;
  [[nodiscard]] const std::shared_ptr<vulkan::Device>& device() const { return device_; }
  [[nodiscard]] bool closed() const { return ring_ == nullptr; }

  /// Waits for the work in flight, which KeyboardInterrupt ends with the ring as it was, and
  /// destroys the ring. Does nothing the second time.
  void close();
  void reset(BackendObject backend);

  /// Closes every ring of the process: at exit, while callbacks can still run. Never throws.
  static void close_all() noexcept;

 private:
  std::shared_ptr<CommandBufferRing> ring_;
  std::shared_ptr<vulkan::Device> device_;
};

/// What a request for a slot may ask for.
struct Request {
  std::optional<double> timeout;
  pybind11::object priority;
  std::optional<std::uint32_t> queue;
  std::string label;
};

/// The options that stand for it. `request` must outlive them.
[[nodiscard]] AcquireOptions acquire_options(const Request& request);

void bind_ring(pybind11::module_& module);

}  // namespace cbr::python
