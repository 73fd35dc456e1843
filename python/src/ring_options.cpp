#include "ring_options.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "durations.h"
#include "gil.h"

namespace cbr::python {
namespace {

template <typename T>
T cast(std::string_view name, const py::handle& value, const char* what) {
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    throw py::type_error(
        fmt::format("{} is {}, {} is needed", name, py::repr(value).cast<std::string>(), what));
  }
}

template <typename T>
T whole(std::string_view name, const py::handle& value) {
  // pybind11 takes True for 1.
  if (py::isinstance<py::bool_>(value)) throw py::type_error(fmt::format("{} is a bool", name));
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    if (!py::isinstance<py::int_>(value)) {
      throw py::type_error(fmt::format("{} is {}, a whole number is needed", name,
                                       py::repr(value).cast<std::string>()));
    }
    throw InvalidOption(fmt::format("{} is {}, allowed are 0 to {}", name,
                                    py::str(value).cast<std::string>(),
                                    std::numeric_limits<T>::max()));
  }
}

bool truth(std::string_view name, const py::handle& value) {
  if (!py::isinstance<py::bool_>(value)) {
    throw py::type_error(fmt::format("{} is {}, True or False is needed", name,
                                     py::repr(value).cast<std::string>()));
  }
  return value.cast<bool>();
}

template <typename Parse>
auto named(std::string_view name, const py::handle& value, const Parse& parse,
           const char* allowed) {
  const auto text = cast<std::string>(name, value, "a string");
  const auto found = parse(text);
  if (!found) {
    throw InvalidOption(fmt::format("{} is \"{}\", allowed are {}", name, text, allowed));
  }
  return *found;
}

LogSink log_sink(const py::handle& callable) {
  const SharedObject shared = share(py::reinterpret_borrow<py::object>(callable));
  return [shared](std::string_view line) {
    with_gil([&] { (*shared)(py::str(line.data(), line.size())); });
  };
}

using Setter = void (*)(RingOptions&, std::string_view name, const py::handle& value);
struct Option {
  std::string_view name;
  Setter set;
};

constexpr std::array<Option, 13> all_options = {{
    {"ring_size", [](RingOptions& o, std::string_view n,
                     const py::handle& v) { o.ring_size = whole<std::uint32_t>(n, v); }},
    {"timeout_ms", [](RingOptions& o, std::string_view n,
                      const py::handle& v) { o.timeout_ms = whole<std::uint64_t>(n, v); }},
    {"allocation_strategy",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.allocation_strategy = named(n, v, parse_allocation_strategy,
                                     "\"round-robin\", \"least-busy\" and \"priority\"");
     }},
    {"priority_levels",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.priority_levels = whole<std::uint32_t>(n, v);
     }},
    {"reserved_slots",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.reserved_slots =
           cast<std::vector<std::uint32_t>>(n, v, "a sequence of whole numbers, 0 or more,");
     }},
    {"ageing_limit", [](RingOptions& o, std::string_view n,
                        const py::handle& v) { o.ageing_limit = whole<std::uint32_t>(n, v); }},
    {"wait_strategy",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.wait_strategy = named(n, v, parse_wait_strategy, "\"block\", \"spin\" and \"hybrid\"");
     }},
    {"spin_limit",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.spin_limit = from_seconds(cast<double>(n, v, "a number of seconds"));
     }},
    {"hang_warning_ms",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.hang_warning_ms = whole<std::uint64_t>(n, v);
     }},
    {"log_wait_events", [](RingOptions& o, std::string_view n,
                           const py::handle& v) { o.log_wait_events = truth(n, v); }},
    {"track_statistics", [](RingOptions& o, std::string_view n,
                            const py::handle& v) { o.track_statistics = truth(n, v); }},
    {"name", [](RingOptions& o, std::string_view n,
                const py::handle& v) { o.name = cast<std::string>(n, v, "a string"); }},
    {"log_sink",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       if (PyCallable_Check(v.ptr()) == 0) {
         throw py::type_error(fmt::format("{} is not callable", n));
       }
       o.log_sink = log_sink(v);
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
    const auto name = key.cast<std::string>();
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

std::optional<Priority> priority_from(const py::object& given) {
  if (given.is_none()) return std::nullopt;
  if (!py::isinstance<py::str>(given)) return Priority{whole<std::uint32_t>("priority", given)};
  const auto text = given.cast<std::string>();
  if (text == "high") return Priority::high;
  if (text == "medium") return Priority::medium;
  if (text == "low") return Priority::low;
  throw InvalidOption(fmt::format(
      "priority is \"{}\", allowed are \"high\", \"medium\", \"low\" and numbers from 0", text));
}

}  // namespace cbr::python
