// What a submission waits for: whether it may, whether the GPU can, and whether it has to be held
// until then.
#pragma once

#include <exception>
#include <vector>

#include <cbr/backend.h>
#include <cbr/dependency.h>

#include "core/ring_context.h"
#include "core/submission.h"
#include "core/sync.h"

namespace cbr::detail {

/// The ring of the submissions that wait. Those that they wait for may be of any ring, whose state
/// is looked at under its own lock, one at a time.
///
/// What is sent already, on the same device, is the GPU's to wait for. A submission that waits for
/// more than that is held, and hangs on the first thing that it still has to wait for; once that
/// has come, it looks again. Nothing that the driver has ever waits for what it hasn't got yet.
class Predecessors {
 public:
  explicit Predecessors(RingContext& ring) : ring_(ring) {}

  struct Survey {
    /// One of those that it waits for is held.
    bool any_held = false;
    /// The GPU can wait for all of them, and none has failed.
    bool can_go = true;
  };
  /// What `submission`, a lease's, has to wait for. Sends what of that is gathered. Throws
  /// InvalidUsage for what it can't, and starts the threads that see the end of what only the host
  /// can wait for. Nothing has changed then. With no lock held.
  [[nodiscard]] Survey survey(const Submission& submission) const;

  /// The order of all submissions that are held, of all rings of the process: who holds one back
  /// because of another holds this meanwhile, so that no two can come to wait for each other. Taken
  /// after a submit mutex, and before the state of any ring.
  static Mutex& order();
  /// Throws InvalidUsage if one that it waits for is held, and waits for this lease itself,
  /// directly or by way of others. `seen` keeps those that were looked at: let go of it with no
  /// lock held.
  static void require_no_cycle(const Submission& lease, Dependencies& seen) CBR_REQUIRES(order());

  enum class Verdict : std::uint8_t {
    /// The GPU can wait for everything that is left.
    ready,
    /// It hangs on another submission now, with a reference.
    hangs,
    /// It has to hang on the end of another submission: see hang_on_end().
    needs_end,
    /// One has failed. The GPU can wait for everything else.
    failed,
  };
  /// What `submission`, whose turn it is, still has to wait for. Fills in what the GPU waits for,
  /// in memory that is there already. Its queue's submit mutex is held.
  [[nodiscard]] Verdict look(Submission& submission, std::vector<TimelinePoint>& waits) const;
  /// After needs_end, with no lock held: has `submission` resumed once what it waits for has ended,
  /// which may be at once. Takes over a reference.
  static void hang_on_end(Submission& submission) noexcept;

  /// The first of those that `submission` waits for which is not known to have ended; null if there
  /// is none.
  [[nodiscard]] static Submission* unresolved(const Submission& submission) noexcept;
  /// When the last of those that the GPU waits for had ended there, as far as that is known. All
  /// have ended.
  [[nodiscard]] TimePoint gpu_end(const Submission& submission) const noexcept;
  /// What `submission` fails with because one that has ended failed, which it waits for; null if
  /// none did.
  [[nodiscard]] std::exception_ptr failure(const Submission& submission) const noexcept;
  /// What `submission`, which is held, fails with at the ring's end.
  [[nodiscard]] std::exception_ptr ended_before(const Submission& submission) const noexcept;

 private:
  /// Throws InvalidUsage unless the host may wait in the GPU's place, and sees to it that it can.
  void require_host_wait(const Dependency& dependency, std::size_t index) const;
  /// False if the predecessor is held no more.
  static bool hang_until_sent(Submission& submission, Submission& predecessor);
  /// Also of what has ended, since the wait shows what it wrote; not of what went with its ring.
  void add_wait(const Submission& predecessor, std::vector<TimelinePoint>& waits) const;
  [[nodiscard]] std::exception_ptr failure_of(const Submission& submission,
                                              Submission& predecessor) const noexcept;
  [[nodiscard]] bool gpu_can_wait_for(const Submission& predecessor) const noexcept;

  RingContext& ring_;
};

}  // namespace cbr::detail
