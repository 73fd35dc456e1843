// Recorders and their recordings in Python.
#pragma once

#include <array>
#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/recording.h>

#include "gil.h"

namespace cbr::python {

/// A Recorder, and the Python object that it tells too.
class RecorderObject {
 public:
  /// Throws InvalidOption if the capacity is 0.
  explicit RecorderObject(RecorderOptions options);

  [[nodiscard]] const std::shared_ptr<Recorder>& recorder() const { return recorder_; }
  /// The next observer, for the garbage collector; null where there is none.
  [[nodiscard]] std::array<SharedObject, 1> held() const { return {next_}; }

 private:
  SharedObject next_;
  std::shared_ptr<Recorder> recorder_;
};

/// A recording. Its submissions become Python objects when they are first asked for.
class RecordingObject {
 public:
  explicit RecordingObject(Recording recording)
      : recording_(std::make_shared<const Recording>(std::move(recording))) {}

  [[nodiscard]] const Recording& recording() const { return *recording_; }
  /// A tuple, the same each time. Needs the GIL.
  [[nodiscard]] py::tuple submissions();

 private:
  std::shared_ptr<const Recording> recording_;
  /// They refer to the recording and not to this object, so there is no cycle to be collected.
  py::object submissions_ = py::none();
};

void bind_recording(pybind11::module_& module);

}  // namespace cbr::python
