#include "device_choice.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/simulated.h>

#include "decode/printable.h"

namespace cbr::tool {
namespace {

std::shared_ptr<vulkan::Device> open_vulkan(const Config& config, std::uint32_t queues) {
  vulkan::OpenOptions options;
  options.device = config.device;
  options.queues = std::vector<vulkan::QueueRequest>(queues);
  std::shared_ptr<vulkan::Device> device = vulkan::Device::open(options);
  if (!device->info().buffer_device_address) {
    throw BackendError(
        fmt::format("device {} ({}) lacks bufferDeviceAddress, which the kernels need",
                    device->info().index, device->info().name));
  }
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
  const std::string value = decode::printable(to_string(option.value));
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
                 fmt::format("--backend: {} is not {}", decode::in_quotes(text), choices));
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
          .name = info.name,
          .driver = info.driver,
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
  const std::string note = note_on_queues(config, queues);
  if (!note.empty()) chosen.note += (chosen.note.empty() ? "" : "; ") + note;
  return chosen;
}

}  // namespace cbr::tool
