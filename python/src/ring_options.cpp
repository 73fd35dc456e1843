#include "ring_options.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
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
#include "log_binding.h"
#include "observer_binding.h"

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

/// Those of a ring that chooses its size; `name` is one of them.
AutoRingSize& limits_of(RingOptions& options, std::string_view name) {
  if (options.auto_ring_size) return *options.auto_ring_size;
  throw InvalidOption(fmt::format("{} is for a ring_size that is \"auto\"", name));
}

constexpr std::array<Option, 18> all_options = {{
    {"ring_size",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       if (!py::isinstance<py::str>(v)) {
         o.auto_ring_size.reset();
         return set<&RingOptions::ring_size>(o, n, v);
       }
       const auto text = value_from<std::string>(n, v);
       if (text != "auto") wrong_type(n, v, "a whole number or \"auto\"");
       if (!o.auto_ring_size) o.auto_ring_size.emplace();
     }},
    {"largest_ring_size",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       limits_of(o, n).largest = value_from<std::uint32_t>(n, v);
     }},
    {"max_queued_ms",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       const auto ms = value_from<std::uint64_t>(n, v);
       std::optional<std::chrono::nanoseconds>& limit = limits_of(o, n).max_queued;
       // As in a file, 0 sets no limit.
       limit.reset();
       if (ms > 0) limit = from_seconds(n, static_cast<double>(ms) / 1000);
     }},
    {"timeout_ms",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       const auto ms = value_from<std::uint64_t>(n, v);
       // As in a file, 0 waits for ever.
       o.timeout = {};
       if (ms > 0) o.timeout = std::chrono::duration<std::uint64_t, std::milli>(ms);
     }},
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
       o.wait_strategy =
           named(n, v, parse_wait_strategy, "\"block\", \"spin\", \"hybrid\" and \"adaptive\"");
     }},
    {"spin_limit",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.spin_limit = from_seconds(n, value_from<double>(n, v));
     }},
    {"gpu_times",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.gpu_times = named(n, v, parse_gpu_times, "\"both\", \"end\", \"sampled\" and \"none\"");
     }},
    {"hang_warning_ms", set<&RingOptions::hang_warning_ms>},
    {"coalescing", set<&RingOptions::coalescing>},
    {"log_wait_events", set<&RingOptions::log_wait_events>},
    {"track_statistics", set<&RingOptions::track_statistics>},
    {"name", set<&RingOptions::name>},
    {"log_sink",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.log_sink = python_log_sink(value_from<py::function>(n, v));
     }},
    {"observer",
     [](RingOptions& o, std::string_view n, const py::handle& v) {
       o.observer = python_observer(n, py::reinterpret_borrow<py::object>(v));
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
