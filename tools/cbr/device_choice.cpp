#include "device_choice.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/simulated.h>

#include "text/printable.h"

namespace cbr::tool {
namespace {

bool has_vulkan_devices() {
  try {
    return !vulkan::list_devices().empty();
  } catch (const BackendError&) {
    return false;
  }
}

/// As vulkan::Device::open, with the way out in the text of the error.
std::shared_ptr<vulkan::Device> open_or_explain(const vulkan::OpenOptions& options) {
  try {
    return vulkan::Device::open(options);
  } catch (const BackendError& error) {
    if (!has_vulkan_devices()) throw;
    throw BackendError(fmt::format(
        "{}; cbr doctor tells which devices work, --device takes one of them", error.what()));
  }
}

std::shared_ptr<vulkan::Device> open_vulkan(const Config& config, std::uint32_t queues) {
  vulkan::OpenOptions options;
  options.device = config.device;
  options.queues = std::vector<vulkan::QueueRequest>(queues);
  // The kernels need it.
  options.require_buffer_device_address = true;
  std::shared_ptr<vulkan::Device> device = open_or_explain(options);
  for (std::uint32_t i = 1; i < queues; ++i) {
    // The kernels' buffers belong to one.
    if (device->queue_family(QueueIndex{i}) == device->queue_family()) continue;
    throw BackendError(fmt::format("device {} ({}) has {} queues of one family; {} are needed",
                                   device->info().index, device->info().name, i, queues));
  }
  return device;
}

/// "--device H200", "CBR_DEVICE=H200" or "ring.yaml:3: device H200".
std::string request_of(const Config& config, std::string_view name) {
  const ConfigOption& option = config.option(name);
  const std::string value = text::printable(to_string(option.value));
  switch (option.origin.kind) {
    case ConfigOrigin::Kind::built_in:
    case ConfigOrigin::Kind::flag:
      return fmt::format("--{} {}", name, value);
    case ConfigOrigin::Kind::environment:
      return fmt::format("{}={}", option.origin.name, value);
    case ConfigOrigin::Kind::file:
      break;
  }
  return fmt::format("{}: {} {}", to_string(option.origin), name, value);
}

/// Says that the device is not the best one, and why.
std::string note_on_device(const vulkan::Device& device) {
  if (device.passed_over().empty()) return {};
  return fmt::format("{}; using device {} ({}) instead", device.passed_over(), device.info().index,
                     device.info().name);
}

std::string note_on_queues(const Config& config, std::uint32_t queues) {
  if (config.queues == queues) return {};
  return fmt::format("one queue is used, not {} ({}): the steps depend on each other",
                     config.queues, to_string(config.option("queues").origin));
}

}  // namespace

void add_device_flags(CLI::App& app, ConfigFlags& flags, bool allow_simulated) {
  const std::string choices = allow_simulated ? "auto, vulkan or simulated" : "auto or vulkan";
  app.add_option_function<std::string>(
         "--backend",
         [&flags, choices, allow_simulated](const std::string& text) {
           const bool known =
               text == "auto" || text == "vulkan" || (allow_simulated && text == "simulated");
           if (!known) {
             throw InputError(
                 fmt::format("--backend: {} is not {}", text::in_quotes(text), choices));
           }
           flags.values["backend"] = text;
         },
         "What runs the work: " + choices)
      ->type_name(allow_simulated ? "auto|vulkan|simulated" : "auto|vulkan")
      ->default_str("auto");
  app.add_option_function<std::string>(
         "--device", [&flags](const std::string& text) { flags.values["device"] = text; },
         "A device by its index or a part of its name, as cbr doctor lists them")
      ->type_name("INDEX|NAME");
}

std::shared_ptr<Backend> ChosenDevice::make_backend() const {
  if (vulkan) return vulkan::make_backend(vulkan);
  return simulated::make_gpu(queues);
}

bench::DeviceDescription ChosenDevice::describe() const {
  if (!vulkan) {
    return {.backend = "simulated",
            .name = "the simulated device",
            .driver = "none",
            .api_version = "none",
            .type = "simulated"};
  }
  const vulkan::DeviceInfo& info = vulkan->info();
  return {.backend = "vulkan",
          .name = text::printable_line(info.name),
          .driver = text::printable_line(info.driver),
          .api_version = info.api_version,
          .type = info.type};
}

ChosenDevice open_device(const Config& config, bool allow_simulated, std::uint32_t queues) {
  ChosenDevice chosen;
  chosen.queues = queues;
  std::vector<BackendCandidate> candidates = {
      {.name = "vulkan", .open = [&] { chosen.vulkan = open_vulkan(config, queues); }}};
  if (allow_simulated) {
    candidates.push_back({.name = "simulated", .open = [&] {
                            if (config.device.empty()) return;
                            throw BackendError(
                                "the simulated backend has no devices to choose from");
                          }});
  }
  try {
    chosen.note = choose_backend(config, candidates).warning;
  } catch (const BackendError& error) {
    // A device of a backend that is not offered has not even been looked for.
    const bool is_offered =
        config.backend == "auto" ||
        std::any_of(candidates.begin(), candidates.end(), [&](const BackendCandidate& candidate) {
          return candidate.name == config.backend;
        });
    const char* culprit = config.device.empty() || !is_offered ? "backend" : "device";
    throw InputError(fmt::format("{}: {}", request_of(config, culprit), error.what()));
  }
  const std::string notes[] = {chosen.vulkan ? note_on_device(*chosen.vulkan) : "",
                               note_on_queues(config, queues)};
  for (const std::string& note : notes) {
    if (!note.empty()) chosen.note += (chosen.note.empty() ? "" : "; ") + note;
  }
  return chosen;
}

}  // namespace cbr::tool
