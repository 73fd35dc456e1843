#include "device_choice.h"

#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/simulated.h>

#include "decode/printable.h"

namespace cbr::tool {
namespace {

std::shared_ptr<vulkan::Device> open_device(const DeviceRequest& request) {
  vulkan::OpenOptions options;
  options.device = request.device;
  std::shared_ptr<vulkan::Device> device = vulkan::Device::open(options);
  if (!device->info().buffer_device_address) {
    throw BackendError(
        fmt::format("device {} ({}) lacks bufferDeviceAddress, which the kernels need",
                    device->info().index, device->info().name));
  }
  return device;
}

InputError as_input_error(const DeviceRequest& request, const BackendError& error) {
  const std::string flag = request.device.empty()
                               ? fmt::format("--backend {}", request.backend)
                               : fmt::format("--device {}", decode::printable(request.device));
  return InputError(fmt::format("{}: {}", flag, error.what()));
}

}  // namespace

void add_device_flags(CLI::App& app, DeviceRequest& request, bool allow_simulated) {
  const std::string choices = allow_simulated ? "auto, vulkan or simulated" : "auto or vulkan";
  app.add_option_function<std::string>(
         "--backend",
         [&request, choices, allow_simulated](const std::string& text) {
           const bool known =
               text == "auto" || text == "vulkan" || (allow_simulated && text == "simulated");
           if (!known) {
             throw InputError(
                 fmt::format("--backend: {} is not {}", decode::in_quotes(text), choices));
           }
           request.backend = text;
         },
         "What runs the work: " + choices)
      ->type_name("NAME")
      ->default_str("auto");
  app.add_option("--device", request.device,
                 "A device by its index or a part of its name, as cbr doctor lists them")
      ->type_name("INDEX|NAME");
}

std::shared_ptr<Backend> ChosenDevice::make_backend() const {
  if (vulkan) return vulkan::make_backend(vulkan);
  return simulated::make_gpu();
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

ChosenDevice open_vulkan(const DeviceRequest& request) {
  try {
    return {.vulkan = open_device(request), .note = {}};
  } catch (const BackendError& error) {
    throw as_input_error(request, error);
  }
}

ChosenDevice open_any(const DeviceRequest& request) {
  if (request.backend == "simulated") {
    if (!request.device.empty()) {
      throw InputError(
          fmt::format("--device {}: the simulated backend has no devices to choose from",
                      decode::printable(request.device)));
    }
    return {};
  }
  if (request.backend == "vulkan" || !request.device.empty()) return open_vulkan(request);
  try {
    return {.vulkan = open_device(request), .note = {}};
  } catch (const BackendError& error) {
    return {
        .vulkan = nullptr,
        .note = fmt::format("no Vulkan device ({}); using the simulated backend", error.what())};
  }
}

}  // namespace cbr::tool
