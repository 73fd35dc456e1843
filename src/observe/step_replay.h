// What rings of other sizes would have made of some steps, quickly. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include <cbr/plan.h>
#include <cbr/types.h>

namespace cbr::observe {

/// Reckons with the rules by which the simulated GPU and a ring on it go, and without either: a
/// ring that chooses its own size does this while it works. predict() runs the ring itself, which
/// takes a hundred times as long; tests compare the two.
class StepReplay {
 public:
  /// The steps stay where they are, are in order, wait for earlier ones only, and are of a ring
  /// with so many queues.
  StepReplay(std::span<const StepCosts> steps, const DeviceTraits& device,
             std::uint32_t queue_count);

  struct Outcome {
    /// When the last step had ended on the GPU, and when the first had: after the first step's
    /// beginning.
    std::chrono::nanoseconds span{0};
    std::chrono::nanoseconds first_end{0};
    /// From a step's submission to its beginning on the GPU: the mean of all steps.
    std::chrono::nanoseconds queued{0};
  };
  /// With so many slots, at least one for each queue.
  [[nodiscard]] Outcome of(std::uint32_t ring_size);

 private:
  const std::span<const StepCosts> steps_;
  const std::chrono::nanoseconds pause_;
  const bool queues_overlap_;
  /// By step: when it has ended on the GPU, and when its slot is passed on.
  std::vector<std::chrono::nanoseconds> ends_;
  std::vector<std::chrono::nanoseconds> passed_on_;
  struct Queue {
    /// Which of the steps are the queue's.
    std::vector<std::size_t> steps;
    /// When its work has ended on the GPU.
    std::chrono::nanoseconds end{0};
  };
  std::vector<Queue> queues_;
};

}  // namespace cbr::observe
