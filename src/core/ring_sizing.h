// How many slots a ring takes that chooses for itself. Pure logic.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cbr/options.h>
#include <cbr/plan.h>
#include <cbr/recording.h>

#include "core/submission.h"
#include "observe/step_reading.h"

namespace cbr::detail {

/// The steps that a size is chosen by, as they end, until there are enough. Allocates when it is
/// made.
class StepWindow {
 public:
  StepWindow();

  /// `submission` has ended, and its times are known, as far as anyone knows them.
  void add(const Submission& submission) noexcept;
  [[nodiscard]] bool is_full() const { return is_full_; }
  /// Exchanges the steps for `steps`, which is empty. Takes no others before it is opened.
  void take(std::vector<RecordedSubmission>& steps);
  /// Gives back what take() gave, and takes the steps whose slots are asked for from `begin` on.
  void open(std::vector<RecordedSubmission>& steps, TimePoint begin);

 private:
  std::vector<RecordedSubmission> steps_;
  TimePoint begin_{};
  bool is_full_ = false;
};

/// Looks at what the ring did, and says how large it should be.
///
/// Each look replays the window's steps with every size that is allowed. The ring is to have the
/// fewest slots that bring the best rate, within half a percent. It grows to that at once, if it
/// gains a percent. If the rates that are then measured don't show it, it goes back, and is slower
/// to try again. It shrinks once several looks in a row have said that it costs nothing; after each
/// time that this was wrong, it takes twice as many. A ring with steps whose rate the replay
/// doesn't explain gets what is usual, and is looked at ever less often.
class RingSizing {
 public:
  /// `queues` is how many the backend has.
  RingSizing(const AutoRingSize& options, std::uint32_t queues);

  struct Choice {
    std::uint32_t ring_size = 0;
    /// Why, if it is another size than before, or if there is something else to be said. Else
    /// empty.
    std::string reason = {};
    /// How long to wait before the next look.
    std::chrono::nanoseconds pause{0};
    /// The ring keeps this size.
    bool is_final = false;
  };
  /// What to do about steps that ran with `ring_size` slots, in the order of a recording.
  [[nodiscard]] Choice look(const Recording& window, std::uint32_t ring_size);

 private:
  struct Forecast {
    std::uint32_t ring_size = 0;
    /// Steps a second.
    double rate = 0.0;
    /// How long a step waits for the GPU, in the mean.
    std::chrono::nanoseconds queued{0};
  };
  /// The ring grew, and it remains to be seen what that brought.
  struct Trial {
    std::uint32_t from = 0;
    double promised = 1.0;
    /// Steps a second, as they came.
    double rate_before = 0.0;
    /// Looks that didn't show it.
    std::uint32_t failed = 0;
  };

  [[nodiscard]] std::vector<Forecast> forecast(const std::vector<StepCosts>& steps,
                                               const DeviceTraits& device,
                                               std::uint32_t ring_size) const;
  /// Ends the trial, if it is time. The way back, if it has failed.
  [[nodiscard]] std::optional<Choice> judge(double rate, std::uint32_t ring_size);
  [[nodiscard]] Choice unexplained(std::uint32_t ring_size);
  [[nodiscard]] static Choice stay(std::uint32_t ring_size);
  [[nodiscard]] Choice grow(const Forecast& current, const Forecast& wanted, double rate);
  [[nodiscard]] Choice shrink(const Forecast& current, const Forecast& wanted);
  [[nodiscard]] Choice keep_to_limit(const Forecast& current, const Forecast& wanted);
  /// To have shrunk of late was wrong.
  void note_growth();
  /// Keeps the ring from growing for some looks, and for twice as many next time.
  void distrust();
  /// What there is to have where nobody knows better.
  [[nodiscard]] std::uint32_t without_knowing(std::uint32_t ring_size) const;

  const AutoRingSize options_;
  const std::uint32_t queues_;
  /// Those that are looked at, in order.
  const std::vector<std::uint32_t> sizes_;
  /// From one window to the next: with slots enough, no step waits and tells how long that takes.
  observe::UsualCosts usual_;
  std::optional<Trial> trial_;
  /// Looks that the ring may not grow at, and how many they are next time.
  std::uint32_t distrust_ = 0;
  std::uint32_t next_distrust_ = 4;
  /// Looks in a row that found the ring larger than it need be, and how many it takes.
  std::uint32_t spare_ = 0;
  std::uint32_t patience_ = 3;
  /// Looks since it shrank; none if it has not, or so long ago that it can't have been wrong.
  std::optional<std::uint32_t> since_shrunk_;
  /// Looks in a row whose rate the replay doesn't explain, and how long to wait for the next.
  std::uint32_t unexplained_ = 0;
  std::chrono::nanoseconds unexplained_pause_;
};

}  // namespace cbr::detail
