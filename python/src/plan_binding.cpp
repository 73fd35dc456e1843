#include "plan_binding.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>
#include <cbr/plan.h>

#include "argument.h"
#include "durations.h"
#include "gil.h"
#include "recording_binding.h"

namespace cbr::python {
namespace {

using std::chrono::nanoseconds;
using Steps = Argument<"steps", std::vector<StepCosts>>;

/// Unlike a limit a cost can't be negative, and not more than an hour, as predict() would say.
nanoseconds cost_from(std::string_view name, double seconds) {
  if (std::isnan(seconds) || seconds < 0 || seconds > 3600) {
    throw InvalidOption(fmt::format("{} is {}, allowed are 0 to 3600 seconds", name, seconds));
  }
  return from_seconds(name, seconds);
}

/// Calls `visit(name, member, documentation)` for every cost, in the order of plan.h.
template <typename Visit>
void for_each_cost(const Visit& visit) {
  using S = StepCosts;
  visit("application", &S::application, "Host time before the program asks for a slot.");
  visit("encode", &S::encode, "Host time to record the commands.");
  visit("submit", &S::submit, "Host time of the driver's submit call.");
  visit("launch", &S::launch,
        "From the end of that call until the GPU can start the work: it passes while earlier work "
        "runs.");
  visit("execute", &S::execute, "GPU time.");
  visit("completion", &S::completion,
        "From the GPU's end until a thread that waits for it goes on.");
  visit("signal", &S::signal,
        "From the end of the work of `after` until the GPU can start this one's.");
}

std::string costs_repr(const StepCosts& self) {
  std::string text;
  for_each_cost([&](const char* name, auto member, const char*) {
    if ((self.*member).count() == 0) return;
    text += fmt::format("{}={}, ", name, seconds_of(self.*member));
  });
  text += fmt::format("queue={}", to_number(self.queue));
  if (self.after) text += fmt::format(", after={}", *self.after);
  return fmt::format("StepCosts({})", text);
}

StepCosts make_costs(const Argument<"application", double>& application,
                     const Argument<"encode", double>& encode,
                     const Argument<"submit", double>& submit,
                     const Argument<"launch", double>& launch,
                     const Argument<"execute", double>& execute,
                     const Argument<"completion", double>& completion,
                     const Argument<"queue", std::uint32_t>& queue,
                     const Argument<"after", std::optional<std::uint64_t>>& after,
                     const Argument<"signal", double>& signal) {
  return {.application = cost_from("application", application.value),
          .encode = cost_from("encode", encode.value),
          .submit = cost_from("submit", submit.value),
          .launch = cost_from("launch", launch.value),
          .execute = cost_from("execute", execute.value),
          .completion = cost_from("completion", completion.value),
          .queue = QueueIndex{queue.value},
          .after = after.value,
          .signal = cost_from("signal", signal.value)};
}

void bind_costs(py::module_& module) {
  py::class_<StepCosts> type(
      module, "StepCosts",
      "What one step of a program costs, wherever it runs, in seconds. A plan is a list of these.");
  type.def(py::init(&make_costs), py::kw_only(), py::arg("application") = 0.0,
           py::arg("encode") = 0.0, py::arg("submit") = 0.0, py::arg("launch") = 0.0,
           py::arg("execute") = 0.0, py::arg("completion") = 0.0, py::arg("queue") = 0,
           py::arg("after") = py::none(), py::arg("signal") = 0.0,
           "Costs in seconds, the queue that runs it, and the place in the list of the step that "
           "its work waits for on the GPU.");
  for_each_cost([&](const char* name, auto member, const char* documentation) {
    type.def_property(
        name, [member](const StepCosts& self) { return seconds_of(self.*member); },
        [member, name](StepCosts& self, const py::object& seconds) {
          self.*member = cost_from(name, value_from<double>(name, seconds));
        },
        documentation);
  });
  type.def_property(
          "queue", [](const StepCosts& self) { return to_number(self.queue); },
          [](StepCosts& self, const Argument<"queue", std::uint32_t>& queue) {
            self.queue = QueueIndex{queue.value};
          },
          "The queue that runs it.")
      .def_property(
          "after", [](const StepCosts& self) -> std::optional<std::uint64_t> { return self.after; },
          [](StepCosts& self, const Argument<"after", std::optional<std::uint64_t>>& after) {
            self.after = after.value;
          },
          "The place of an earlier step whose work this one's waits for on the GPU; None if it "
          "waits for none.")
      .def("__repr__", &costs_repr);
}

void bind_prediction(py::module_& module) {
  py::class_<Prediction>(module, "Prediction", "What a ring of one size would do with some steps.")
      .def_readonly("ring_size", &Prediction::ring_size, "The ring's slots.")
      .def_readonly("steps", &Prediction::steps, "How many steps were replayed.")
      .def_property_readonly(
          "span", [](const Prediction& self) { return seconds_of(self.span); },
          "Seconds from the first step's beginning to the last one's end on the GPU.")
      .def_readonly("steps_per_second", &Prediction::steps_per_second, "Steps a second, over span.")
      .def_readonly("busy_fraction", &Prediction::busy_fraction,
                    "How much of the span each queue executed something, on average.")
      .def_property_readonly(
          "latency", [](const Prediction& self) { return seconds_of(self.latency); },
          "Seconds from getting the lease to the end of the work on the GPU: the median of all "
          "steps.")
      .def("__repr__", [](const Prediction& self) {
        return fmt::format(
            "<cbr.Prediction for {} slots: {:.4g} steps/s, GPU busy {:.1f} %, latency {:.4g} s>",
            self.ring_size, self.steps_per_second, 100 * self.busy_fraction,
            seconds_of(self.latency));
      });
}

}  // namespace

void bind_plan(py::module_& module) {
  bind_costs(module);
  bind_prediction(module);
  module.def(
      "step_costs",
      [](const Argument<"recording", RecordingObject*>& recording) {
        return without_gil([&] { return step_costs(recording.value->recording()); });
      },
      py::arg("recording"),
      "What a recording says of each of its steps, in order: a list of StepCosts. Work that "
      "failed, "
      "or whose times are not all known, is left out. The recording is of one thread's "
      "submissions, or its threads took turns.");
  module.def(
      "predict",
      [](const Steps& steps, const Argument<"ring_size", std::uint32_t>& ring_size,
         const Argument<"pause", std::optional<double>>& pause,
         const Argument<"queues_overlap", bool>& queues_overlap) {
        DeviceTraits device{.queues_overlap = queues_overlap.value};
        if (pause.value) device.pause = cost_from("pause", *pause.value);
        return without_gil([&] { return predict(steps.value, ring_size.value, device); });
      },
      py::arg("steps"), py::arg("ring_size"), py::kw_only(), py::arg("pause") = py::none(),
      py::arg("queues_overlap") = false,
      "Replays the steps through a ring of that size on the simulated GPU, a Prediction: the same "
      "on every run, in microseconds a step. `pause` and `queues_overlap` are what device_traits() "
      "says of the device; without a pause it has none.");
  module.def(
      "device_traits",
      [](const Argument<"recording", RecordingObject*>& recording) {
        const DeviceTraits device =
            without_gil([&] { return device_traits(recording.value->recording()); });
        py::dict traits;
        traits["pause"] = device.pause ? py::object(py::float_(seconds_of(*device.pause)))
                                       : py::object(py::none());
        traits["queues_overlap"] = device.queues_overlap;
        return traits;
      },
      py::arg("recording"),
      "What a recording says of the device, as arguments for predict(): a dict of `pause`, the "
      "seconds between two submissions of a queue that are both there in time, None where the ring "
      "was never ahead, and `queues_overlap`.");
  module.def(
      "merge_steps",
      [](const Steps& steps, const Argument<"count", std::uint64_t>& count) {
        return without_gil([&] { return merge_steps(steps.value, count.value); });
      },
      py::arg("steps"), py::arg("count"),
      "The same work in submissions of another size: each `count` steps of a queue that follow "
      "each other become one, with one submit call and one launch.");
}

}  // namespace cbr::python
