#include "lease_binding.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "argument.h"
#include "buffer_binding.h"
#include "dependency_binding.h"
#include "gil.h"
#include "kernel_binding.h"
#include "python_place.h"

namespace cbr::python {
namespace {

compute::GroupCount groups_from(const py::object& given) {
  if (!py::isinstance<py::iterable>(given)) {
    return {.x = value_from<std::uint32_t>("groups", given), .y = 1};
  }
  const auto numbers = value_from<std::vector<std::uint32_t>>("groups", given);
  if (numbers.empty() || numbers.size() > 2) {
    throw InvalidOption(
        fmt::format("groups has {} numbers, allowed are x or (x, y)", numbers.size()));
  }
  return {.x = numbers[0], .y = numbers.size() == 2 ? numbers[1] : 1};
}

}  // namespace

LeaseObject::LeaseObject(Lease lease, std::shared_ptr<vulkan::Device> device)
    : lease_(std::move(lease)), device_(std::move(device)) {}

LeaseObject::~LeaseObject() {
  if (!lease_.valid()) return;
  without_gil([lease = std::move(lease_)]() mutable { const Lease dropped = std::move(lease); });
}

Lease& LeaseObject::require() {
  if (!lease_.valid()) throw InvalidUsage("the lease has ended: it was submitted or discarded");
  return lease_;
}

compute::Recorder& LeaseObject::recorder() {
  require();
  if (device_ == nullptr) {
    throw InvalidUsage("nothing can be recorded into a lease of the simulated GPU; see simulate()");
  }
  if (!recorder_) recorder_.emplace(*device_, vulkan::command_buffer(lease_));
  return *recorder_;
}

void LeaseObject::keep(std::shared_ptr<const void> object) {
  if (std::find(kept_.begin(), kept_.end(), object) == kept_.end()) {
    kept_.push_back(std::move(object));
  }
}

Ticket LeaseObject::submit(Dependencies after, std::source_location where) {
  require();
  if (recorder_) recorder_->barrier_to_host();
  recorder_.reset();
  // Moved out first: while the GIL is free another thread may look at this object.
  Lease lease = std::move(lease_);
  auto kept = std::exchange(kept_, {});
  ticket_ = without_gil([&] {
    for (auto& object : kept) lease.keep_alive(std::move(object));
    return std::move(lease).submit({.after = std::move(after)}, where);
  });
  return ticket_;
}

void LeaseObject::discard() {
  recorder_.reset();
  Lease lease = std::move(lease_);
  // Let go of at the end: that may run anything.
  const auto kept = std::exchange(kept_, {});
  without_gil([&] { lease.discard(); });
}

Ticket LeaseObject::ticket() const {
  if (!ticket_.valid()) throw InvalidUsage("the lease has no ticket: it was not submitted");
  return ticket_;
}

std::string LeaseObject::describe() const {
  if (lease_.valid()) {
    return fmt::format("<cbr.Lease of slot {}, queue {}>", to_number(lease_.slot()),
                       to_number(lease_.queue()));
  }
  return ticket_.valid() ? "<cbr.Lease, submitted>" : "<cbr.Lease, discarded>";
}

void LeaseObject::leave(bool with_exception, std::source_location where) {
  // Ended inside the block already, which is the user's right.
  if (!valid()) return;
  if (with_exception) {
    discard();
  } else {
    (void)submit({}, where);
  }
}

void LeaseObject::dispatch(const KernelObject& kernel, const py::object& groups,
                           const py::args& arguments, bool barrier) {
  compute::Recorder& recording = recorder();
  const compute::GroupCount count = groups_from(groups);
  kernel.require_device(device_);
  std::vector<const BufferObject*> buffers;
  for (const py::handle& argument : arguments) {
    if (!py::isinstance<BufferObject>(argument)) continue;
    buffers.push_back(argument.cast<const BufferObject*>());
    buffers.back()->require_device(device_);
  }
  const std::string push = kernel.pack(arguments);
  // Before anything is recorded: it may fail.
  keep(kernel.kernel());
  for (const BufferObject* buffer : buffers) keep(buffer->buffer());
  if (barrier) recording.barrier_with_copies();
  recording.dispatch(*kernel.kernel(), std::as_bytes(std::span(push)), count);
}

void LeaseObject::copy(const BufferObject& from, const BufferObject& to,
                       std::optional<std::uint64_t> size, std::uint64_t from_offset,
                       std::uint64_t to_offset) {
  compute::Recorder& recording = recorder();
  from.require_device(device_);
  to.require_device(device_);
  const std::uint64_t bytes =
      size.value_or(from.buffer()->size() - std::min(from_offset, from.buffer()->size()));
  from.require_range("the source of a copy", from_offset, bytes);
  to.require_range("the target of a copy", to_offset, bytes);
  if (from.buffer() == to.buffer() && from_offset < to_offset + bytes &&
      to_offset < from_offset + bytes) {
    throw InvalidUsage(
        fmt::format("a copy of {} bytes from byte {} to byte {} of one buffer overlaps itself",
                    bytes, from_offset, to_offset));
  }
  if (bytes == 0) return;
  keep(from.buffer());
  keep(to.buffer());
  recording.barrier_with_copies();
  recording.copy(*from.buffer(), from_offset, *to.buffer(), to_offset, bytes);
}

void LeaseObject::barrier() {
  recorder().barrier_with_copies();
}

void LeaseObject::keep_alive(const py::object& object) {
  require();
  keep(share(object));
}

void bind_lease(py::module_& module) {
  py::class_<LeaseObject>(module, "Lease",
                          "The right to record into one slot. As a context manager it submits at "
                          "the end of the block, and discards if an exception passes by.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](LeaseObject& self, const py::object& type, const py::object&, const py::object&) {
             self.leave(!type.is_none(), python_place());
             return false;
           })
      .def(
          "submit",
          [](LeaseObject& self, const py::object& after) {
            return self.submit(dependencies_from(after), python_place());
          },
          py::arg("after") = py::none(),
          "Hands the commands to the GPU and returns the ticket. Does not wait: where `after` "
          "names "
          "tickets, or a Dependency for each, the GPU waits for their work, of any queue or ring "
          "of "
          "the device.")
      .def("discard", &LeaseObject::discard, "Gives the slot back; nothing runs.")
      .def_property_readonly("ticket", &LeaseObject::ticket,
                             "The receipt; InvalidUsage before submit().")
      .def_property_readonly("valid", &LeaseObject::valid,
                             "True until it was submitted or discarded.")
      .def_property_readonly(
          "slot", [](LeaseObject& self) { return to_number(self.require().slot()); },
          "The slot that it holds; InvalidUsage once it has ended.")
      .def_property_readonly(
          "queue", [](LeaseObject& self) { return to_number(self.require().queue()); },
          "The queue that it will be submitted to; InvalidUsage once it has ended.")
      .def_property_readonly(
          "native_handle",
          [](LeaseObject& self) {
            return reinterpret_cast<std::uintptr_t>(self.require().native_handle());
          },
          "The native command buffer's address, begun: a VkCommandBuffer on Vulkan.")
      .def(
          "set_label",
          [](LeaseObject& self, const Argument<"label", std::string>& label) {
            self.require().set_label(label.value);
          },
          py::arg("label"),
          "Names the work in messages about hangs and failures; the first 31 bytes are kept.")
      .def("keep_alive", &LeaseObject::keep_alive, py::arg("object"),
           "Keeps a Python object until the GPU is done with this submission.")
      .def(
          "dispatch",
          [](LeaseObject& self, const Argument<"kernel", const KernelObject*>& kernel,
             const py::object& groups, const py::args& arguments,
             const Argument<"barrier", bool>& barrier) {
            self.dispatch(*kernel.value, groups, arguments, barrier.value);
          },
          py::arg("kernel"), py::arg("groups"), py::kw_only(), py::arg("barrier") = true,
          "Runs a kernel on `groups` work groups, x or (x, y), with the values of its push "
          "constants; a Buffer stands for its address. Sees what earlier work wrote, unless "
          "`barrier` is False. Buffers and kernel live until the work has ended.")
      .def(
          "copy",
          [](LeaseObject& self, const Argument<"source", const BufferObject*>& source,
             const Argument<"target", const BufferObject*>& target,
             const Argument<"size", std::optional<std::uint64_t>>& size,
             const Argument<"source_offset", std::uint64_t>& source_offset,
             const Argument<"target_offset", std::uint64_t>& target_offset) {
            self.copy(*source.value, *target.value, size.value, source_offset.value,
                      target_offset.value);
          },
          py::arg("source"), py::arg("target"), py::arg("size") = std::nullopt, py::kw_only(),
          py::arg("source_offset") = 0, py::arg("target_offset") = 0,
          "Copies bytes from one buffer to another.")
      .def("barrier", &LeaseObject::barrier,
           "What follows sees what was written so far; dispatch() does this by itself.")
      .def("__repr__", &LeaseObject::describe);
}

}  // namespace cbr::python
