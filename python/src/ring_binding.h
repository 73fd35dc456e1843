// The ring as a Python object.
#pragma once

#include <array>
#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "backends_binding.h"
#include "gil.h"

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
  /// As CommandBufferRing::set_ring_size.
  void set_ring_size(std::uint32_t ring_size);
  /// Replaces the ring by a fresh one with the same options; calls under way end on the old one.
  /// Throws what the constructor throws, InvalidUsage if another thread closed or reset the ring
  /// meanwhile; the ring is then as it was.
  void reset(BackendObject backend);

  /// Log sink and observer, for the garbage collector; null where there is none.
  [[nodiscard]] std::array<SharedObject, 2> held() const { return {log_sink_, observer_}; }

  /// Closes every ring of the process: at exit, while callbacks can still run. Never throws.
  static void close_all() noexcept;

 private:
  RingOptions options_;
  SharedObject log_sink_;
  SharedObject observer_;
  std::shared_ptr<CommandBufferRing> ring_;
  std::shared_ptr<vulkan::Device> device_;
};

void bind_ring(pybind11::module_& module);

}  // namespace cbr::python
