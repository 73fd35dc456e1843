// A dispatch plan that is ready to be recorded again and again.
#pragma once

#include <cstddef>
#include <vector>

#include "compute/kernel.h"
#include "compute/recorder.h"
#include "decode/dispatch_plan.h"
#include "decode/kernel_set.h"

namespace cbr::decode {

/// A plan with its kernels looked up and checked against the device's limits. The KernelSet must
/// outlive it.
class StepCommands {
 public:
  /// Compiles what is missing. Throws BackendError if the device can't run or dispatch something.
  StepCommands(const DispatchPlan& plan, KernelSet& kernels);

  /// Records the plan. Does not block.
  void record(compute::Recorder& recorder) const;

  /// Number of dispatches.
  [[nodiscard]] std::size_t size() const noexcept { return commands_.size(); }

 private:
  struct Command {
    const compute::Kernel* kernel = nullptr;
    PlannedDispatch dispatch;
  };
  std::vector<Command> commands_;
};

}  // namespace cbr::decode
