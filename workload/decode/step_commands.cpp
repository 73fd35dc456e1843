#include "decode/step_commands.h"

namespace cbr::decode {

StepCommands::StepCommands(const DispatchPlan& plan, KernelSet& kernels) {
  commands_.reserve(plan.size());
  for (const PlannedDispatch& dispatch : plan) {
    const compute::Kernel& kernel = kernels.get(dispatch.kernel);
    kernel.require_dispatchable(dispatch.groups);
    commands_.push_back({&kernel, dispatch});
  }
}

void StepCommands::record(compute::Recorder& recorder) const {
  for (const Command& command : commands_) {
    if (command.dispatch.barrier_before) recorder.barrier();
    recorder.dispatch(*command.kernel, command.dispatch.push.bytes(), command.dispatch.groups);
  }
}

}  // namespace cbr::decode
