#include "recording_binding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "argument.h"
#include "collect.h"
#include "observer_binding.h"
#include "text.h"

namespace cbr::python {
namespace {

RecorderObject make_recorder(const Argument<"capacity", std::uint64_t>& capacity,
                             const Argument<"ring_name", std::string>& ring_name,
                             const py::object& next) {
  RecorderOptions options{.capacity = capacity.value, .ring_name = ring_name.value};
  if (!next.is_none()) options.next = python_observer("next", next);
  return RecorderObject(std::move(options));
}

void bind_submission(py::module_& module) {
  py::class_<RecordedSubmission, std::shared_ptr<RecordedSubmission>>(
      module, "RecordedSubmission", "One submission of a recording.")
      .def_property_readonly(
          "slot", [](const RecordedSubmission& self) { return to_number(self.slot); },
          "The slot that held the commands.")
      .def_property_readonly(
          "queue", [](const RecordedSubmission& self) { return to_number(self.queue); },
          "The queue that ran them.")
      .def_property_readonly(
          "serial", [](const RecordedSubmission& self) { return self.serial.value(); },
          "The submission's number on that queue.")
      .def_readonly("thread", &RecordedSubmission::thread,
                    "Which of the recording's threads submitted it, from 0.")
      .def_readonly("failed", &RecordedSubmission::failed, "Whether it ended in an error.")
      .def_property_readonly(
          "label", [](const RecordedSubmission& self) { return text_from(self.label); },
          "Its label.")
      .def_property_readonly(
          "times", [](const RecordedSubmission& self) { return self.times; },
          "Its story, a SubmissionTimes.")
      .def_property_readonly(
          "interval", [](const RecordedSubmission& self) { return self.interval; },
          "When the GPU ran it, by its own clock; None where the device can't tell.")
      .def("__repr__", [](const RecordedSubmission& self) {
        return fmt::format("<cbr.RecordedSubmission of slot {}, queue {}, serial {}{}>",
                           to_number(self.slot), to_number(self.queue), self.serial.value(),
                           self.failed ? ", failed" : "");
      });
}

}  // namespace

RecorderObject::RecorderObject(RecorderOptions options)
    : next_(object_of(options.next)), recorder_(std::make_shared<Recorder>(std::move(options))) {}

py::tuple RecordingObject::submissions() {
  if (submissions_.is_none()) {
    py::tuple made(recording_->submissions.size());
    for (std::size_t i = 0; i < recording_->submissions.size(); ++i) {
      // Shares what the recording has. Python's view of it can change nothing.
      auto* const submission = const_cast<RecordedSubmission*>(&recording_->submissions[i]);
      made[i] = py::cast(std::shared_ptr<RecordedSubmission>(recording_, submission));
    }
    submissions_ = std::move(made);
  }
  return py::reinterpret_borrow<py::tuple>(submissions_);
}

void bind_recording(py::module_& module) {
  bind_submission(module);
  py::class_<RecordingObject>(module, "Recording", "The time line of a ring.")
      .def_property_readonly(
          "ring_name",
          [](const RecordingObject& self) { return text_from(self.recording().ring_name); },
          "The ring's name.")
      .def_property_readonly(
          "ring_size", [](const RecordingObject& self) { return self.recording().ring_size; },
          "How many slots the submissions used.")
      .def_property_readonly(
          "queue_count", [](const RecordingObject& self) { return self.recording().queue_count; },
          "How many queues.")
      .def_property_readonly(
          "thread_count", [](const RecordingObject& self) { return self.recording().thread_count; },
          "How many threads submitted.")
      .def_property_readonly(
          "dropped", [](const RecordingObject& self) { return self.recording().dropped; },
          "Submissions that ended and are not here: older ones that made room, and those that "
          "found "
          "their place being written to.")
      .def_property_readonly(
          "submissions", &RecordingObject::submissions,
          "A RecordedSubmission each, in the order in which their slots were asked for.")
      .def("__repr__", [](const RecordingObject& self) {
        return fmt::format("<cbr.Recording of {} submissions in {} slots, {} dropped>",
                           self.recording().submissions.size(), self.recording().ring_size,
                           self.recording().dropped);
      });
  py::class_<RecorderObject>(
      module, "Recorder", collectable<RecorderObject>(),
      "Records what a ring does, for as long as it is the ring's `observer`: the newest "
      "submissions, in memory of a fixed size. Costs no interpreter lock and waits for nobody.")
      .def(
          py::init(&make_recorder), py::kw_only(), py::arg("capacity") = RecorderOptions().capacity,
          py::arg("ring_name") = RecorderOptions().ring_name, py::arg("next") = py::none(),
          "Keeps the newest `capacity` submissions, of 256 bytes each. `next` is another observer, "
          "which is told of everything too.")
      .def(
          "recording",
          [](const RecorderObject& self) {
            return RecordingObject(
                without_gil([recorder = self.recorder()] { return recorder->recording(); }));
          },
          "What it has by now, a Recording; also while the ring works.")
      .def(
          "clear", [](const RecorderObject& self) { self.recorder()->clear(); },
          "Forgets what it has.")
      .def("__repr__", [](const RecorderObject&) { return "<cbr.Recorder>"; });
}

}  // namespace cbr::python
