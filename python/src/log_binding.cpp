#include "log_binding.h"

#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include <cbr/log.h>

#include "durations.h"
#include "text.h"

namespace cbr::python {
namespace {

/// As the names in cbr.LogEvent.
const char* name_of(LogEvent event) {
  switch (event) {
    case LogEvent::waiting:
      return "waiting";
    case LogEvent::waited:
      return "waited";
    case LogEvent::still_waiting:
      return "still_waiting";
    case LogEvent::hang:
      return "hang";
    case LogEvent::abandoned_lease:
      return "abandoned_lease";
    case LogEvent::unseen_failure:
      return "unseen_failure";
    case LogEvent::leased_at_end:
      return "leased_at_end";
    case LogEvent::callback_threw:
      return "callback_threw";
    case LogEvent::backend_failure:
      return "backend_failure";
    case LogEvent::resized:
      return "resized";
  }
  return "";
}

py::object place_of(const py::object& log, const std::optional<std::source_location>& where) {
  if (!where) return py::none();
  return log.attr("Place")(text_from(where->file_name()), where->line(),
                           text_from(where->function_name()));
}

/// As the names in cbr.LogLevel.
const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
  }
  return "";
}

/// `log` is the module cbr._log.
py::object message_of(const py::object& log, const LogMessage& message) {
  py::dict fields;
  fields["level"] = log.attr("LogLevel").attr(name_of(message.level));
  fields["event"] = log.attr("LogEvent").attr(name_of(message.event));
  fields["ring"] = text_from(message.ring);
  fields["text"] = text_from(message.text);
  fields["label"] = text_from(message.label);
  if (message.slot) fields["slot"] = to_number(*message.slot);
  if (message.sync_point) {
    fields["queue"] = to_number(message.sync_point->queue);
    fields["serial"] = message.sync_point->serial.value();
  }
  if (message.duration) {
    fields["duration"] = seconds_of(*message.duration);
  }
  fields["acquired_at"] = place_of(log, message.acquired_at);
  fields["submitted_at"] = place_of(log, message.submitted_at);
  return log.attr("LogMessage")(text_from(message.line()), **fields);
}

class PythonSink {
 public:
  PythonSink(SharedObject function, SharedObject log)
      : function_(std::move(function)), log_(std::move(log)) {}
  void operator()(const LogMessage& message) const {
    with_gil([&] {
      // A reference of its own: the garbage collector may clear the other meanwhile.
      const py::object function = *function_;
      if (function.is_none()) {
        PySys_FormatStderr("%U\n", text_from(message.line()).ptr());
      } else {
        function(message_of(*log_, message));
      }
    });
  }
  [[nodiscard]] const SharedObject& function() const { return function_; }

 private:
  SharedObject function_;
  /// Imported when the sink is made: a message may come while another thread imports something.
  SharedObject log_;
};

}  // namespace

LogSink python_log_sink(py::function function) {
  return PythonSink(share(std::move(function)), share(py::module_::import("cbr._log")));
}

SharedObject function_of(const LogSink& sink) {
  const auto* const python = sink.target<PythonSink>();
  return python == nullptr ? nullptr : python->function();
}

}  // namespace cbr::python
