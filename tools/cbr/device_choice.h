// Which device the work runs on.
#pragma once

#include <memory>
#include <string>

#include <CLI/App.hpp>

#include <cbr/backend.h>
#include <cbr/config.h>
#include <cbr/vulkan.h>

#include "bench/bench_result.h"
#include "config_flags.h"

namespace cbr::tool {

/// Adds --backend and --device to a subcommand, as flags of the options of these names.
void add_device_flags(CLI::App& app, ConfigFlags& flags, bool allow_simulated);

/// The device that the configuration led to.
struct ChosenDevice {
  /// Null for the simulated backend.
  std::shared_ptr<vulkan::Device> vulkan;
  /// How many queues its backends have.
  std::uint32_t queues = 1;
  /// Why it is not the one configured, or how it differs from it; empty mostly.
  std::string note;

  /// A new backend on the device.
  [[nodiscard]] std::shared_ptr<Backend> make_backend() const;
  /// What result files say of it.
  [[nodiscard]] bench::DeviceDescription describe() const;
};

/// Opens a Vulkan device that can also compute, or the simulated backend if that is allowed; see
/// choose_backend() for what stands in for what. With `queues` of one family, which the note tells
/// of where the configuration asks for another number. The best Vulkan device is a real GPU, then a
/// CPU. Throws InputError in one line if there is none such.
[[nodiscard]] ChosenDevice open_device(const Config& config, bool allow_simulated,
                                       std::uint32_t queues);

}  // namespace cbr::tool
