#include "observer_binding.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "argument.h"

namespace cbr::python {
namespace {

class PythonObserver final : public Observer {
 public:
  explicit PythonObserver(const py::object& object)
      : object_(share(object)),
        acquire_(py::hasattr(object, "on_acquire")),
        submit_(py::hasattr(object, "on_submit")),
        complete_(py::hasattr(object, "on_complete")),
        discard_(py::hasattr(object, "on_discard")),
        device_lost_(py::hasattr(object, "on_device_lost")) {
    if (!acquire_ && !submit_ && !complete_ && !discard_ && !device_lost_) {
      wrong_type("observer", object,
                 "an object with on_acquire, on_submit, on_complete, on_discard "
                 "or on_device_lost");
    }
  }

  void on_acquire(const AcquireEvent& event) noexcept override {
    if (acquire_) call("on_acquire", event);
  }
  void on_submit(const SubmitEvent& event) noexcept override {
    if (submit_) call("on_submit", event);
  }
  void on_complete(const CompleteEvent& event) noexcept override {
    if (complete_) call("on_complete", event);
  }
  void on_discard(SlotIndex slot) noexcept override {
    if (discard_) call("on_discard", to_number(slot));
  }
  void on_device_lost() noexcept override {
    if (device_lost_) call("on_device_lost");
  }
  [[nodiscard]] const SharedObject& object() const { return object_; }

 private:
  template <typename... Event>
  void call(const char* method, const Event&... event) noexcept {
    with_gil([&] {
      // A reference of its own: the garbage collector may clear the other meanwhile.
      const py::object object = *object_;
      if (!object.is_none()) object.attr(method)(event...);
    });
  }

  SharedObject object_;
  // So that an event that nobody wants costs no GIL.
  const bool acquire_;
  const bool submit_;
  const bool complete_;
  const bool discard_;
  const bool device_lost_;
};

/// What all events have.
template <typename Event>
py::class_<Event> bind_event(py::module_& module, const char* name, const char* documentation) {
  py::class_<Event> bound(module, name, documentation);
  bound
      .def_property_readonly(
          "slot", [](const Event& self) { return to_number(self.slot); }, "The slot.")
      .def_property_readonly(
          "queue", [](const Event& self) { return to_number(self.queue); }, "Its queue.");
  return bound;
}

}  // namespace

std::shared_ptr<Observer> python_observer(const py::object& object) {
  return std::make_shared<PythonObserver>(object);
}

SharedObject object_of(const std::shared_ptr<Observer>& observer) {
  const auto* const python = dynamic_cast<const PythonObserver*>(observer.get());
  return python == nullptr ? nullptr : python->object();
}

void bind_observer(py::module_& module) {
  bind_event<AcquireEvent>(module, "AcquireEvent", "A slot was leased.")
      .def_property_readonly(
          "waited",
          [](const AcquireEvent& self) {
            return std::chrono::duration<double>(self.waited).count();
          },
          "How long the request waited, in seconds; 0 if a slot was free.")
      .def("__repr__", [](const AcquireEvent& self) {
        return fmt::format("<cbr.AcquireEvent of slot {}, queue {}>", to_number(self.slot),
                           to_number(self.queue));
      });
  bind_event<SubmitEvent>(module, "SubmitEvent", "A submission reached the driver.")
      .def_property_readonly(
          "serial", [](const SubmitEvent& self) { return self.serial.value(); },
          "Its number on its queue; 0 for one that was held back and then refused.")
      .def("__repr__", [](const SubmitEvent& self) {
        return fmt::format("<cbr.SubmitEvent of slot {}, queue {}, serial {}>",
                           to_number(self.slot), to_number(self.queue), self.serial.value());
      });
  bind_event<CompleteEvent>(module, "CompleteEvent", "A submission ended.")
      .def_property_readonly(
          "serial", [](const CompleteEvent& self) { return self.serial.value(); },
          "As in the SubmitEvent.")
      .def_property_readonly(
          "interval", [](const CompleteEvent& self) { return self.interval; },
          "When the GPU ran it; None where the device can't tell.")
      .def_property_readonly(
          "failed", [](const CompleteEvent& self) { return self.failed; },
          "Whether it ended in an error; the ticket has it.")
      .def("__repr__", [](const CompleteEvent& self) {
        return fmt::format("<cbr.CompleteEvent of slot {}, queue {}, serial {}{}>",
                           to_number(self.slot), to_number(self.queue), self.serial.value(),
                           self.failed ? ", failed" : "");
      });
}

}  // namespace cbr::python
