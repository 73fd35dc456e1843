#include "config_binding.h"

#include <chrono>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pybind11/stl.h>

#include <cbr/simulated.h>

#include "device_binding.h"
#include "durations.h"
#include "gil.h"
#include "ring_options.h"

namespace cbr::python {
namespace {

/// Two frames up: the call of the package's user.
void warn(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 2) != 0) throw py::error_already_set();
}

/// A keyword's value as it would stand in a flag. options_from() has found its type right.
std::string flag_text(const std::string& name, const py::handle& value) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>() ? "true" : "false";
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  // Python has seconds where the file has nanoseconds.
  if (name == "spin_limit") return fmt::to_string(from_seconds(name, value.cast<double>()).count());
  if (name == "reserved_slots") {
    return fmt::format("{}", fmt::join(value.cast<std::vector<std::uint32_t>>(), ","));
  }
  return py::str(value).cast<std::string>();
}

Config load_with_keywords(const std::string& path, const py::dict& keywords) {
  (void)options_from(keywords);
  ConfigOverrides overrides{.environment = config_environment(), .flags = {}};
  for (const auto& [key, value] : keywords) {
    const auto name = key.cast<std::string>();
    overrides.flags[name] = flag_text(name, value);
  }
  Config config = without_gil([&] { return load_config(path, overrides); });
  for (const std::string& warning : config.warnings) warn(warning);
  return config;
}

std::shared_ptr<vulkan::Device> open_chosen_device(const Config& config, std::uint32_t queues) {
  // Buffers and kernels are the default device's unless told otherwise.
  if (config.device.empty() && queues == 1) return device_from(py::none());
  return without_gil([&] {
    return vulkan::Device::open(
        {.device = config.device, .queues = std::vector<vulkan::QueueRequest>(queues)});
  });
}

}  // namespace

BackendObject configured_backend(const Config& config) {
  BackendObject chosen;
  std::vector<BackendCandidate> candidates = {{"vulkan", [&] {
                                                 auto device =
                                                     open_chosen_device(config, config.queues);
                                                 auto backend = vulkan::make_backend(device);
                                                 chosen = {std::move(backend), std::move(device)};
                                               }}};
  // It computes nothing, so it stands in for nothing.
  if (config.backend == "simulated") {
    candidates.push_back({"simulated", [&] {
                            chosen = {simulated::make_gpu(config.queues), nullptr};
                          }});
  }
  const BackendChoice choice = choose_backend(config, candidates);
  if (!choice.warning.empty()) warn(choice.warning);
  return chosen;
}

std::shared_ptr<vulkan::Device> configured_device(const Config& config) {
  std::shared_ptr<vulkan::Device> device;
  const BackendChoice choice =
      choose_backend(config, {{"vulkan", [&] { device = open_chosen_device(config, 1); }}});
  if (!choice.warning.empty()) warn(choice.warning);
  return device;
}

void bind_config(py::module_& module) {
  const py::class_<Config> config_class(module, "Config",
                                        "The options of a file, and what overrides them.");
  module.def("load_config", &load_with_keywords, py::arg("path"), py::arg("keywords"),
             "Reads a YAML file; variables of the environment override it, keywords both.");
}

}  // namespace cbr::python
