/// @file
/// Faults on demand, on any backend: for tests of programs that use a ring.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/fault.h>

namespace cbr {

/// A fault of one call.
struct ScriptedFault {
  /// What happens to the call.
  Fault fault = Fault::none;
  /// The number of the call, from 1: of the function that a fault is named after, of `submit` for
  /// fail_execution, hang, lose_device and lose_signal. Calls are counted over the injector's life,
  /// those that fail included.
  std::uint64_t call = 1;
};

/// Which calls fail. Probabilities are from 0 to 1 for each call, and the n-th call has the same
/// fate in every run with the same seed. What the script names fails as well.
struct FaultPlan {
  /// Where the probabilities' random numbers start.
  std::uint64_t seed = 0;
  /// Of fail_begin, for each `begin`.
  double begin = 0;
  /// Of fail_submit, for each `submit`.
  double submit = 0;
  /// Of fail_execution, for each `submit`.
  double execution = 0;
  /// Of hang, for each `submit`.
  double hang = 0;
  /// Of lose_device, for each `submit`.
  double device_loss = 0;
  /// Of lose_signal, for each `submit` of work that waits for other work.
  double signal = 0;
  /// Of fail_wait, for each `wait`.
  double wait = 0;
  /// Of fail_completed, for each `completed`.
  double completed = 0;
  /// Of fail_finish, for each `finish` of work that didn't fail.
  double finish = 0;
  /// Of fail_wake, for each `wake`.
  double wake = 0;
  /// Calls that fail whatever the probabilities are; in any order.
  std::vector<ScriptedFault> script = {};
};

/// A backend that hands every call on to another one, except those that it makes fail.
///
/// Not made for speed: all waits in the inner backend can be woken, which is dearer than not.
/// Once its device is lost, detach() blocks until the inner backend's work has ended, so that
/// native objects are not destroyed under a GPU that is in truth well. A call of the inner backend
/// that fails meanwhile is made again, unless it throws DeviceLost.
///
/// All functions may be called by any thread. Those below don't block.
class FaultInjector : public Backend {
 public:
  /// Makes the next call that `fault` concerns fail; called n times, the next n calls.
  virtual void fail_next(Fault fault) = 0;
  /// The next submission hangs. Short for fail_next(Fault::hang).
  virtual void hang_next() = 0;
  /// Ends every hang: what hung shows as ended once it has.
  virtual void release() = 0;
  /// Loses the device now: waits under way end, and every later call throws DeviceLost with this
  /// text. A device that is lost already keeps its first cause.
  virtual void lose_device(std::string cause) = 0;
  /// How many faults of a kind have struck so far.
  [[nodiscard]] virtual std::uint64_t injected(Fault fault) const noexcept = 0;
};

/// Wraps `inner`, which it shares and which nobody else may use meanwhile. Throws InvalidUsage if
/// `inner` is null, InvalidOption if a probability or a number of the script is out of range.
[[nodiscard]] std::shared_ptr<FaultInjector> inject_faults(std::shared_ptr<Backend> inner,
                                                           FaultPlan plan = {});

}  // namespace cbr
