#include "ring_options.h"

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "argument.h"
#include "durations.h"
#include "gil.h"

namespace cbr::python {
namespace {

template <typename Parse>
auto named(std::string_view name, const py::handle& value, const Parse& parse,
           const char* allowed) {
  const auto text = value_from<std::string>(name, value);
  const auto found = parse(text);
  if (!found) {
    throw InvalidOption(fmt::format("{} is \"{}\", allowed are {}", name, text, allowed));
  }
  return *found;
}

/// Calls a Python function with each message.
class PythonSink {
 public:
  explicit PythonSink(SharedObject function) : function_(std::move(function)) {}
  void operator()(std::string_view line) const {
    with_gil([&] {
      // A reference of its own: the garbage collector may clear the other meanwhile.
      const py::object function = *function_;
      if (function.is_none()) {
        PySys_WriteStderr("%.*s\n", static_cast<int>(line.size()), line.data());
      } else {
        function(py::str(line.data(), line.size()));
      }
    });
  }
  [[nodiscard]] const SharedObject& function() const { return function_; }

 private:
  SharedObject function_;
};

using Setter = void (*)(RingOptions&, std::string_view name, const py::handle& value);
struct Option {
  std::string_view name;
  Setter set;
};

template <auto member>
void set(RingOptions& options, std::string_view name, const py::handle& value) {
  using Value = std::remove_reference_t<decltype(options.*member)>;
  options.*member = value_from<Value>(name, value);
}

constexpr std::array<Option, 13> all_options = {{
    {"ring_size", set<&RingOptions::ring_size>},
    {"timeout_ms", set<&RingOptions::timeout_ms>},
    {"allocation_strategy",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.allocation_strategy = named(n, v, parse_allocation_strategy,
                                     "\"round-robin\", \"least-busy\" and \"priority\"");
     }},
    {"priority_levels", set<&RingOptions::priority_levels>},
    {"reserved_slots", set<&RingOptions::reserved_slots>},
    {"ageing_limit", set<&RingOptions::ageing_limit>},
    {"wait_strategy",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.wait_strategy = named(n, v, parse_wait_strategy, "\"block\", \"spin\" and \"hybrid\"");
     }},
    {"spin_limit",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.spin_limit = from_seconds(n, value_from<double>(n, v));
     }},
    {"hang_warning_ms", set<&RingOptions::hang_warning_ms>},
    {"log_wait_events", set<&RingOptions::log_wait_events>},
    {"track_statistics", set<&RingOptions::track_statistics>},
    {"name", set<&RingOptions::name>},
    {"log_sink",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.log_sink = PythonSink(share(value_from<py::function>(n, v)));
     }},
}};

std::string option_names() {
  std::string names;
  for (const Option& option : all_options) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", option.name);
  }
  return names;
}

}  // namespace

RingOptions options_from(const py::dict& given, RingOptions base) {
  RingOptions options = std::move(base);
  options.interrupt_check = check_signals;
  for (const auto& [key, value] : given) {
    const auto name = value_from<std::string>("the name of an option", key);
    const auto* const found = std::find_if(all_options.begin(), all_options.end(),
                                           [&](const Option& each) { return each.name == name; });
    if (found == all_options.end()) {
      throw InvalidOption(
          fmt::format("a ring has no option \"{}\"; it has {}", name, option_names()));
    }
    if (!value.is_none()) found->set(options, name, value);
  }
  return options;
}

SharedObject python_sink(const RingOptions& options) {
  const auto* const sink = options.log_sink.target<PythonSink>();
  return sink == nullptr ? nullptr : sink->function();
}

std::optional<Priority> priority_from(const py::object& given) {
  if (given.is_none()) return std::nullopt;
  if (!py::isinstance<py::str>(given))
    return Priority{value_from<std::uint32_t>("priority", given)};
  const auto text = given.cast<std::string>();
  if (text == "high") return Priority::high;
  if (text == "medium") return Priority::medium;
  if (text == "low") return Priority::low;
  throw InvalidOption(fmt::format(
      "priority is \"{}\", allowed are \"high\", \"medium\", \"low\" and numbers from 0", text));
}

}  // namespace cbr::python
