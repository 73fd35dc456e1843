/// @file
/// Keeps the time line of a ring: what reports, traces, plans and diagnoses read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cbr/observer.h>
#include <cbr/statistics.h>
#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr {

/// One submission of a recording.
struct RecordedSubmission {
  /// The slot that held the commands.
  SlotIndex slot{};
  /// The queue that ran them.
  QueueIndex queue{};
  /// The submission's number on that queue.
  Serial serial;
  /// Which of the recording's threads submitted it, from 0.
  std::uint32_t thread = 0;
  /// Whether it ended in an error.
  bool failed = false;
  /// Its label.
  std::string label;
  /// Its story. The thread's id is that of this process and is not stored in files.
  SubmissionTimes times;
  /// When the GPU ran it, by the GPU's own clock.
  std::optional<GpuInterval> interval;
};

/// The stored time line of one ring.
struct Recording {
  /// The ring's name.
  std::string ring_name;
  /// How many slots the submissions used.
  std::uint32_t ring_size = 0;
  /// How many queues.
  std::uint32_t queue_count = 0;
  /// How many threads submitted.
  std::uint32_t thread_count = 0;
  /// Submissions that ended and are not here: older ones that made room, and those that found their
  /// place being written to.
  std::uint64_t dropped = 0;
  /// In the order in which their slots were asked for.
  std::vector<RecordedSubmission> submissions;
};

/// What the ring's statistics say of the submissions of a recording, so that diagnose() can tell
/// what they mean. Each has ended, so none is leased or in flight; what a recording has no trace
/// of, such as discarded leases and hang warnings, is 0. Where submissions are missing between
/// others, the time between these counts neither as busy nor as idle.
[[nodiscard]] RingStatistics statistics_of(const Recording& recording);

/// How a Recorder works.
struct RecorderOptions {
  /// How many submissions it keeps, at least 1: the newest. Each takes 256 bytes.
  std::size_t capacity = 65'536;
  /// The name that the recording has.
  std::string ring_name = "CommandRing";
  /// Another observer, which is told of everything too. May be null.
  std::shared_ptr<Observer> next = nullptr;
};

/// Records what a ring does, for as long as it is the ring's observer:
///
///     auto recorder = std::make_shared<cbr::Recorder>();
///     cbr::CommandBufferRing ring(backend, {.observer = recorder});
///     …
///     cbr::Recording recording = recorder->recording();
///
/// It keeps the newest submissions in memory of a fixed size, which is allocated when it is made.
/// Threads that write don't wait, for each other or for who reads. All functions may be called by
/// any thread; none blocks. Several rings may share one, if they don't need to be told apart.
class Recorder final : public Observer {
 public:
  /// Throws InvalidOption if the capacity is 0, std::bad_alloc or std::length_error if there is no
  /// memory for it.
  explicit Recorder(RecorderOptions options = {});
  /// Frees the memory. No ring has it as its observer any more.
  ~Recorder() override;

  /// Tells the next observer.
  void on_acquire(const AcquireEvent& event) noexcept override;
  /// Tells the next observer.
  void on_submit(const SubmitEvent& event) noexcept override;
  /// Keeps the submission, and tells the next observer.
  void on_complete(const CompleteEvent& event) noexcept override;
  /// Tells the next observer.
  void on_discard(SlotIndex slot) noexcept override;
  /// Tells the next observer.
  void on_device_lost() noexcept override;

  /// What it has by now. Also while the ring works: a submission that is just being written is left
  /// out, and counts as dropped.
  [[nodiscard]] Recording recording() const;
  /// Forgets what it has.
  void clear() noexcept;

 private:
  /// @cond
  class Cells;
  const RecorderOptions options_;
  const std::unique_ptr<Cells> cells_;
  /// @endcond
};

}  // namespace cbr
