/// @file
/// Predicts what another ring size, or submissions of another size, would bring.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <cbr/recording.h>
#include <cbr/types.h>

namespace cbr {

/// What one step of a program costs, wherever it runs. A plan repeats a list of these.
struct StepCosts {
  /// Host time before the program asks for a slot.
  std::chrono::nanoseconds application{0};
  /// Host time to record the commands.
  std::chrono::nanoseconds encode{0};
  /// Host time of the driver's submit call.
  std::chrono::nanoseconds submit{0};
  /// From the end of that call until the GPU can start the work: it passes while earlier work runs.
  std::chrono::nanoseconds launch{0};
  /// GPU time.
  std::chrono::nanoseconds execute{0};
  /// From the GPU's end until a thread that waits for it goes on.
  std::chrono::nanoseconds completion{0};
  /// The queue that runs it.
  QueueIndex queue{};
  /// An earlier step of the list whose work this one's waits for on the GPU.
  std::optional<std::size_t> after = std::nullopt;
  /// From the end of that work until the GPU can start this one's.
  std::chrono::nanoseconds signal{0};
};

/// What matters of a device, beside the steps that a program gives it.
struct DeviceTraits {
  /// How long it pauses between two submissions of a queue that are both there in time. Empty where
  /// that is not known; a plan takes it for nothing then.
  std::optional<std::chrono::nanoseconds> pause = std::nullopt;
  /// Whether its queues work at the same time. Otherwise they take turns, as several queues of one
  /// family do on an H200.
  bool queues_overlap = false;
};

/// What a recording says of each of its steps, in order. Work that failed, or whose times are not
/// all known, is left out. What a step doesn't tell, because its GPU was busy, or its thread did
/// not have to wait, is taken to be as with the others in the median, and 0 where no step tells it.
///
/// The recording is of one thread's submissions, or its threads took turns: threads that record at
/// the same time look as if each waited for the others.
[[nodiscard]] std::vector<StepCosts> step_costs(const Recording& recording);

/// What a recording says of the device. Its pause is the median of those that the recording has:
/// none, if its ring has one slot, for then the queue is never ahead. Its queues overlap if they
/// did for a twentieth of the time in which the less busy one of two worked.
[[nodiscard]] DeviceTraits device_traits(const Recording& recording);

/// What a ring of one size would do with some steps.
struct Prediction {
  /// The ring's slots.
  std::uint32_t ring_size = 0;
  /// How many steps were replayed: each is one submission.
  std::size_t steps = 0;
  /// From the first step's beginning to the last one's end on the GPU.
  std::chrono::nanoseconds span{0};
  /// Steps a second, over the span.
  double steps_per_second = 0.0;
  /// How much of the span each queue executed something, on average.
  double busy_fraction = 0.0;
  /// From getting the lease to the end of the work on the GPU: the median of all steps.
  std::chrono::nanoseconds latency{0};
};

/// Replays the steps through a ring of that size on the simulated GPU: it is the ring's own code
/// that runs, on durations instead of a device. Its clock is virtual, so this takes microseconds a
/// step, and gives the same result on every run.
///
/// Throws InvalidOption if there are no steps, if the ring size is not one from the number of
/// queues to max_ring_size, or if a duration is negative or more than an hour.
[[nodiscard]] Prediction predict(std::span<const StepCosts> steps, std::uint32_t ring_size,
                                 const DeviceTraits& device = {});

/// The same figures as they were recorded, of the steps that step_costs() takes, to set beside what
/// predict() says. All are 0 where there are none.
[[nodiscard]] Prediction measured(const Recording& recording);

/// The same work in submissions of another size: each `count` steps of a queue that follow each
/// other become one, with one submit call and one launch; the times of the others are added up.
/// Throws InvalidOption if `count` is 0, if a step waits for one that is not before it, or if a
/// duration is negative or more than an hour.
[[nodiscard]] std::vector<StepCosts> merge_steps(std::span<const StepCosts> steps,
                                                 std::size_t count);

}  // namespace cbr
