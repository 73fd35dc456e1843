// A short run of a ring of three, to see that a device really works.
#pragma once

#include <memory>
#include <string>

#include <cbr/vulkan.h>

namespace cbr::tool {

/// What a self-test found.
struct SelfTestResult {
  bool passed = false;
  /// What was checked, or what went wrong; one line.
  std::string detail;
};

/// Runs steps through a ring of three on the simulated backend and checks their timing. Never
/// throws.
[[nodiscard]] SelfTestResult self_test_simulated();

/// Opens the device with this index, runs dependent steps through a ring of three and checks that
/// the data is the same as after the same steps one by one. Without bufferDeviceAddress the steps
/// are empty. Never throws. Takes well under a second, not counting the driver's start.
[[nodiscard]] SelfTestResult self_test_vulkan(const vulkan::DeviceInfo& info);

}  // namespace cbr::tool
