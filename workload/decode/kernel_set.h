// The decode kernels, compiled for one device.
#pragma once

#include <map>
#include <memory>

#include <cbr/vulkan.h>

#include "compute/kernel.h"
#include "decode/dispatch_plan.h"

namespace cbr::decode {

/// Compiles each kernel when it is first asked for, and keeps it. Shares the device; work that uses
/// the kernels must have ended when it is destroyed. Used by one thread at a time.
class KernelSet {
 public:
  explicit KernelSet(std::shared_ptr<vulkan::Device> device);

  /// The kernel of that key; stays where it is as long as the set lives. Blocks for milliseconds
  /// the first time. Throws BackendError if the device can't run it.
  const compute::Kernel& get(const KernelKey& key);

 private:
  std::shared_ptr<vulkan::Device> device_;
  std::map<KernelKey, compute::Kernel> kernels_;
};

}  // namespace cbr::decode
