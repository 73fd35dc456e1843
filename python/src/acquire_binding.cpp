#include "acquire_binding.h"

#include <exception>
#include <utility>

#include <cbr/errors.h>

#include "argument.h"
#include "errors_binding.h"
#include "gil.h"
#include "lease_binding.h"

namespace cbr::python {
namespace {

/// Guarded by the GIL. As for callbacks of tickets, the garbage collector need not know what the
/// callback refers to.
class AcquireHandleObject {
 public:
  explicit AcquireHandleObject(AcquireHandle handle) : handle_(std::move(handle)) {}

  bool cancel() {
    // Out of its place first: while the GIL is free another thread may call this too, or the
    // callback itself, for which the call below waits.
    AcquireHandle handle = std::move(handle_);
    return without_gil([&] { return handle.cancel(); });
  }
  [[nodiscard]] bool valid() const { return handle_.valid(); }

 private:
  AcquireHandle handle_;
};

/// Called on any thread, without the GIL.
void answer(const SharedObject& callback, const std::shared_ptr<vulkan::Device>& device,
            AcquireResult result) {
  const std::exception_ptr failure = result.failure();
  Lease lease = failure == nullptr ? std::move(result).lease() : Lease();
  with_gil([&] {
    if (failure != nullptr) {
      (*callback)(py::none(), exception_object(failure));
    } else {
      (*callback)(std::make_unique<LeaseObject>(std::move(lease), device), py::none());
    }
  });
  // Where the interpreter is about to end, nobody has it.
  lease.discard();
}

}  // namespace

AcquireHandle AcquireRequestObject::ask(const py::function& callback) {
  const auto ask = std::exchange(ask_, nullptr);
  if (!ask) throw InvalidUsage("a request for a slot can be made once");
  return without_gil([&, shared = share(callback)] {
    return ask([shared, device = device_](AcquireResult result) {
      answer(shared, device, std::move(result));
    });
  });
}

py::object awaitable(std::unique_ptr<AcquireRequestObject> request) {
  return py::module_::import("cbr._asyncio").attr("AcquireRequest")(std::move(request));
}

void bind_acquire(py::module_& module) {
  py::class_<AcquireHandleObject>(
      module, "AcquireHandle",
      "Takes back a request for a slot. To let go of it leaves the request in place.")
      .def("cancel", &AcquireHandleObject::cancel,
           "Takes the request back: True if its callback will never run; a slot that it was just "
           "given goes to the next. Waits where it is running on another thread. False then, after "
           "it has run, inside of it, and from the second call on.")
      .def_property_readonly("valid", &AcquireHandleObject::valid,
                             "True until cancel(); the callback may have run.")
      .def("__repr__", [](const AcquireHandleObject& self) {
        return self.valid() ? "<cbr.AcquireHandle>" : "<cbr.AcquireHandle, cancelled>";
      });
  py::class_<AcquireRequestObject>(module, "SlotRequest", "What cbr.AcquireRequest is made of.")
      .def(
          "ask",
          [](AcquireRequestObject& self, const Argument<"callback", py::function>& callback) {
            return AcquireHandleObject(self.ask(callback.value));
          },
          py::arg("callback"), "Asks, once: `callback(lease, error)`.");
}

}  // namespace cbr::python
