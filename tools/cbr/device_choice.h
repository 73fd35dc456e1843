// Which device the work runs on.
#pragma once

#include <memory>
#include <string>

#include <CLI/App.hpp>

#include <cbr/backend.h>
#include <cbr/vulkan.h>

#include "bench/bench_result.h"

namespace cbr::tool {

/// What the user asked for with --backend and --device.
struct DeviceRequest {
  /// "auto", "vulkan" or "simulated"
  std::string backend = "auto";
  /// An index or a part of a name; empty for the best.
  std::string device;
};

/// Adds --backend and --device to a subcommand.
void add_device_flags(CLI::App& app, DeviceRequest& request, bool allow_simulated);

/// The device that the request led to.
struct ChosenDevice {
  /// Null for the simulated backend.
  std::shared_ptr<vulkan::Device> vulkan;
  /// Why it is not what "auto" prefers; empty if it is.
  std::string note;

  /// A new backend on the device.
  [[nodiscard]] std::shared_ptr<Backend> make_backend() const;
  /// What result files say of it.
  [[nodiscard]] bench::DeviceDescription describe() const;
};

/// Opens a Vulkan device that can also compute. "auto" prefers real GPUs, then a CPU device. Throws
/// InputError in one line if there is none such.
[[nodiscard]] ChosenDevice open_vulkan(const DeviceRequest& request);

/// As open_vulkan, or the simulated backend where that was asked for, or where "auto" finds no
/// Vulkan device and none was named.
[[nodiscard]] ChosenDevice open_any(const DeviceRequest& request);

}  // namespace cbr::tool
