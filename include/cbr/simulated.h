/// @file
/// A GPU that exists only in numbers: for tests of programs that use a ring, and for reasoning
/// about timings. It has a virtual clock, so results are exact and the same on every run.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <cbr/backend.h>
#include <cbr/fault.h>
#include <cbr/lease.h>

/// The simulated GPU.
namespace cbr::simulated {

/// The timings of one submission, and what goes wrong with it.
struct Plan {
  /// CPU time to record the commands; passes in record().
  std::chrono::nanoseconds encode{0};
  /// CPU time of the submit call.
  std::chrono::nanoseconds submit{0};
  /// Time from the end of what the submission waits for until its queue learns of that, where it
  /// waits for others (SubmitOptions::after).
  std::chrono::nanoseconds signal{0};
  /// Time from the end of the submit call until the GPU can start the work. It passes while earlier
  /// work runs.
  std::chrono::nanoseconds launch{0};
  /// Time from the end of the queue's earlier work until the GPU starts this, at the least; none
  /// within one native submission (RingOptions::coalescing).
  std::chrono::nanoseconds pause{0};
  /// GPU time. Starts once the queue is free, the work is launched, and the queue knows that what
  /// the submission waits for has ended.
  std::chrono::nanoseconds execute{0};
  /// Time from the GPU's end until the host can see it.
  std::chrono::nanoseconds completion{0};
  /// What goes wrong with the submission: fail_submit, fail_execution, hang, lose_device or
  /// lose_signal. For the others, which strike calls of the backend, record() throws InvalidOption:
  /// inject_faults() has those.
  Fault fault = Fault::none;
};

/// A backend with a virtual clock.
///
/// The clock starts at 0 and moves in record(), submit, wait(), relax() and advance() only. A wait
/// for work that will end moves it to that end, or to the deadline if that is sooner, and returns
/// at once. A wait for what can't end by itself (hung or paused work, nothing submitted) moves the
/// clock to the deadline or, without one, blocks in real time until another thread changes that.
///
/// All functions may be called by any thread; none but wait() blocks.
class Gpu : public Backend {
 public:
  /// What is submitted from now on does not start before release().
  virtual void pause() = 0;
  /// Ends pause() and every hang. What hung ends at the moment of this call.
  virtual void release() = 0;
  /// Loses the device now.
  virtual void lose_device() = 0;
  /// The next begin throws BackendError.
  virtual void fail_next_begin() = 0;
  /// Moves the clock forward: other CPU work between two calls.
  virtual void advance(std::chrono::nanoseconds time) = 0;
  /// Makes another backend of the same device, for another ring: with one clock, lost together, and
  /// able to wait for each other's work. pause() and release() concern one backend's queues. Throws
  /// InvalidOption if `queue_count` is 0.
  [[nodiscard]] virtual std::shared_ptr<Gpu> another(std::uint32_t queue_count = 1) = 0;
};

/// Makes a simulated GPU with `queue_count` queues. Throws InvalidOption if that is 0.
[[nodiscard]] std::shared_ptr<Gpu> make_gpu(std::uint32_t queue_count = 1);

/// Stands for recording: gives the lease's submission its plan and moves the clock by
/// `plan.encode`. Throws InvalidUsage if the lease is empty or not of a simulated ring,
/// InvalidOption for a fault that is none of a submission.
void record(const Lease& lease, const Plan& plan);

}  // namespace cbr::simulated
