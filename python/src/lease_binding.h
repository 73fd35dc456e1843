// A lease as a Python object: a context manager that records and submits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include <cbr/dependency.h>
#include <cbr/lease.h>
#include <cbr/vulkan.h>

#include "compute/recorder.h"

namespace cbr::python {

class BufferObject;
class KernelObject;

/// One thread at a time uses it, as the GIL makes sure of: submit() and discard() take the lease
/// out before they let go of it.
class LeaseObject {
 public:
  /// `device` is null where nothing can be recorded from Python.
  LeaseObject(Lease lease, std::shared_ptr<vulkan::Device> device);
  LeaseObject(const LeaseObject&) = delete;
  LeaseObject& operator=(const LeaseObject&) = delete;
  /// Discards, without the GIL: the ring warns of it and may hand on what waited behind the lease.
  ~LeaseObject();

  /// The lease; throws InvalidUsage once it has ended.
  Lease& require();
  [[nodiscard]] bool valid() const { return lease_.valid(); }

  /// Submits without the GIL. Records first that the host is to see what was written.
  Ticket submit(Dependencies after, std::source_location where);
  void discard();
  /// The receipt; throws InvalidUsage before submit().
  [[nodiscard]] Ticket ticket() const;
  [[nodiscard]] std::string describe() const;

  /// Leaves a with block: submits, or discards where an exception passes by.
  void leave(bool with_exception, std::source_location where);

  void dispatch(const KernelObject& kernel, const pybind11::object& groups,
                const pybind11::args& arguments, bool barrier);
  void copy(const BufferObject& from, const BufferObject& to, std::optional<std::uint64_t> size,
            std::uint64_t from_offset, std::uint64_t to_offset);
  void barrier();
  void keep_alive(const pybind11::object& object);

 private:
  compute::Recorder& recorder();
  /// Once for each object: a step may name one a hundred times.
  void keep(std::shared_ptr<const void> object);

  Lease lease_;
  std::shared_ptr<vulkan::Device> device_;
  std::optional<compute::Recorder> recorder_;
  /// What the ring is to keep once there is work that needs it; it may wait for others then.
  std::vector<std::shared_ptr<const void>> kept_;
  Ticket ticket_;
};

void bind_lease(pybind11::module_& module);

}  // namespace cbr::python
