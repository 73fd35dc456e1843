#include "observer_binding.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "argument.h"
#include "durations.h"
#include "recording_binding.h"
#include "text.h"

namespace cbr::python {
namespace {

/// An observer that belongs to a Python object, which it keeps alive.
class ObjectObserver : public Observer {
 public:
  explicit ObjectObserver(const py::object& object) : object_(share(object)) {}
  [[nodiscard]] const SharedObject& object() const { return object_; }

 private:
  SharedObject object_;
};

/// An event for Python, which may keep it: the label of the ring's own is valid during the call
/// alone.
template <typename Event>
struct KeptEvent {
  explicit KeptEvent(const Event& given) : event(given), label(given.label) { event.label = {}; }
  Event event;
  std::string label;
};

class PythonObserver final : public ObjectObserver {
 public:
  PythonObserver(std::string_view name, const py::object& object)
      : ObjectObserver(object),
        acquire_(py::hasattr(object, "on_acquire")),
        submit_(py::hasattr(object, "on_submit")),
        complete_(py::hasattr(object, "on_complete")),
        discard_(py::hasattr(object, "on_discard")),
        device_lost_(py::hasattr(object, "on_device_lost")) {
    if (!acquire_ && !submit_ && !complete_ && !discard_ && !device_lost_) {
      wrong_type(name, object,
                 "a Recorder, or an object with on_acquire, on_submit, on_complete, on_discard "
                 "or on_device_lost,");
    }
  }

  void on_acquire(const AcquireEvent& event) noexcept override {
    if (acquire_) tell("on_acquire", event);
  }
  void on_submit(const SubmitEvent& event) noexcept override {
    if (submit_) tell("on_submit", event);
  }
  void on_complete(const CompleteEvent& event) noexcept override {
    if (complete_) tell("on_complete", event);
  }
  void on_discard(SlotIndex slot) noexcept override {
    if (discard_) call("on_discard", [&] { return py::int_(to_number(slot)); });
  }
  void on_device_lost() noexcept override {
    if (device_lost_) call("on_device_lost");
  }

 private:
  template <typename Event>
  void tell(const char* method, const Event& event) noexcept {
    call(method, [&] { return py::cast(KeptEvent<Event>(event)); });
  }

  /// `argument` makes what the method is given, with the GIL.
  template <typename... Make>
  void call(const char* method, const Make&... argument) noexcept {
    with_gil([&] {
      // A reference of its own: the garbage collector may clear the other meanwhile.
      const py::object python = *object();
      if (!python.is_none()) python.attr(method)(argument()...);
    });
  }

  // So that an event that nobody wants costs no GIL.
  const bool acquire_;
  const bool submit_;
  const bool complete_;
  const bool discard_;
  const bool device_lost_;
};

/// A Recorder of Python's. What Python has to know of goes by its object: the collector visits
/// that, and it what comes next.
class RecorderObserver final : public ObjectObserver {
 public:
  RecorderObserver(const py::object& object, std::shared_ptr<Recorder> recorder)
      : ObjectObserver(object), recorder_(std::move(recorder)) {}

  void on_acquire(const AcquireEvent& event) noexcept override { recorder_->on_acquire(event); }
  void on_submit(const SubmitEvent& event) noexcept override { recorder_->on_submit(event); }
  void on_complete(const CompleteEvent& event) noexcept override { recorder_->on_complete(event); }
  void on_discard(SlotIndex slot) noexcept override { recorder_->on_discard(slot); }
  void on_device_lost() noexcept override { recorder_->on_device_lost(); }

 private:
  const std::shared_ptr<Recorder> recorder_;
};

/// None for what the driver was never given. Other work has its moments, at the start of a virtual
/// clock too.
std::optional<double> submit_moment(const SubmitEvent& event, TimePoint moment) {
  if (event.serial.value() == 0) return moment_of(moment);
  return seconds_of(moment.time_since_epoch());
}

/// What all events have.
template <typename Event>
py::class_<KeptEvent<Event>> bind_event(py::module_& module, const char* name,
                                        const char* documentation) {
  using Kept = KeptEvent<Event>;
  py::class_<Kept> bound(module, name, documentation);
  bound
      .def_property_readonly(
          "slot", [](const Kept& self) { return to_number(self.event.slot); }, "The slot.")
      .def_property_readonly(
          "queue", [](const Kept& self) { return to_number(self.event.queue); }, "Its queue.")
      .def_property_readonly(
          "label", [](const Kept& self) { return text_from(self.label); },
          "The label of the lease; empty if it has none.");
  return bound;
}

}  // namespace

std::shared_ptr<Observer> python_observer(std::string_view name, const py::object& object) {
  if (py::isinstance<RecorderObject>(object)) {
    const auto& recorder = object.cast<const RecorderObject&>();
    return std::make_shared<RecorderObserver>(object, recorder.recorder());
  }
  return std::make_shared<PythonObserver>(name, object);
}

SharedObject object_of(const std::shared_ptr<Observer>& observer) {
  const auto* const python = dynamic_cast<const ObjectObserver*>(observer.get());
  return python == nullptr ? nullptr : python->object();
}

void bind_observer(py::module_& module) {
  using Acquire = KeptEvent<AcquireEvent>;
  bind_event<AcquireEvent>(module, "AcquireEvent", "A slot was leased.")
      .def_property_readonly(
          "waited", [](const Acquire& self) { return seconds_of(self.event.waited); },
          "How long the request waited, in seconds; 0 if a slot was free.")
      .def_property_readonly(
          "begin",
          [](const Acquire& self) { return seconds_of(self.event.begin.time_since_epoch()); },
          "When the slot was asked for, in seconds of the clock of SubmissionTimes.")
      .def_property_readonly(
          "end", [](const Acquire& self) { return seconds_of(self.event.end.time_since_epoch()); },
          "When it was leased.")
      .def("__repr__", [](const Acquire& self) {
        return fmt::format("<cbr.AcquireEvent of slot {}, queue {}>", to_number(self.event.slot),
                           to_number(self.event.queue));
      });
  using Submit = KeptEvent<SubmitEvent>;
  bind_event<SubmitEvent>(module, "SubmitEvent", "A submission reached the driver.")
      .def_property_readonly(
          "serial", [](const Submit& self) { return self.event.serial.value(); },
          "Its number on its queue; 0 for one that was held back and then refused.")
      .def_property_readonly(
          "begin", [](const Submit& self) { return submit_moment(self.event, self.event.begin); },
          "When the driver was given the work, in seconds of the clock of SubmissionTimes; None "
          "for "
          "work that was refused before.")
      .def_property_readonly(
          "end", [](const Submit& self) { return submit_moment(self.event, self.event.end); },
          "When the driver's call had returned; None for work that was refused.")
      .def("__repr__", [](const Submit& self) {
        return fmt::format("<cbr.SubmitEvent of slot {}, queue {}, serial {}>",
                           to_number(self.event.slot), to_number(self.event.queue),
                           self.event.serial.value());
      });
  using Complete = KeptEvent<CompleteEvent>;
  bind_event<CompleteEvent>(module, "CompleteEvent", "A submission ended.")
      .def_property_readonly(
          "serial", [](const Complete& self) { return self.event.serial.value(); },
          "As in the SubmitEvent.")
      .def_property_readonly(
          "interval", [](const Complete& self) { return self.event.interval; },
          "When the GPU ran it, by its own clock; None where the device can't tell.")
      .def_property_readonly(
          "failed", [](const Complete& self) { return self.event.failed; },
          "Whether it ended in an error; the ticket has it.")
      .def_property_readonly(
          "times", [](const Complete& self) { return self.event.times; },
          "The whole story of it, a SubmissionTimes.")
      .def("__repr__", [](const Complete& self) {
        return fmt::format("<cbr.CompleteEvent of slot {}, queue {}, serial {}{}>",
                           to_number(self.event.slot), to_number(self.event.queue),
                           self.event.serial.value(), self.event.failed ? ", failed" : "");
      });
}

}  // namespace cbr::python
