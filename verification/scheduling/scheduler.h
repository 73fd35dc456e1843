// Runs threads one at a time, in an order that a seed decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <ucontext.h>

namespace cbr::test {

/// Thrown by Scheduler::run() if every thread waits for ever, or if they go on and on.
class ScheduleError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A thread of the program under test, run as a coroutine with a stack of its own.
struct Fiber {
  enum class State : std::uint8_t { runnable, blocked, blocked_until, idle, ended };

  State state = State::runnable;
  /// What it waits for, for error texts and for wake-ups.
  const void* waits_for = nullptr;
  const char* what = "";
  /// Set when a wait with a deadline ended by it.
  bool timed_out = false;
  std::uint64_t priority = 0;
  std::size_t id = 0;
  std::function<void()> body;
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack;
  /// The C++ runtime's record of exceptions under way is one a thread: each fiber keeps its own.
  void* caught_exceptions = nullptr;
  unsigned int uncaught_exceptions = 0;
  const void* callbacks_of = nullptr;
};

/// Explores one schedule. The synchronisation primitives of scheduled_sync.h call it at every lock,
/// wait, notification and atomic access; there, and only there, another fiber may go on.
///
/// Odd seeds choose the next fiber evenly. Even seeds give fibers priorities that change at a few
/// random steps, which finds errors that need one thread to be slow at a certain place (Burckhardt
/// et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
/// A wait with a deadline may time out at any step: deadlines are adversaries too.
class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  /// Runs `body` as the first fiber, and all that it spawns. Throws what a fiber throws, and
  /// ScheduleError.
  void run(std::function<void()> body);

  /// The scheduler of the fiber that runs now; null outside of run().
  static Scheduler* current() noexcept;

  // Called by fibers.

  /// Another fiber may run now.
  void preempt();
  Fiber& spawn(std::function<void()> body);
  void join(const Fiber& fiber);
  /// Waits until wake() for this object. With `may_time_out` it may end at any step; true then.
  bool block(const void* object, const char* what, bool may_time_out);
  /// Makes one fiber that waits for the object runnable, whichever the seed says, or all.
  void wake_one(const void* object);
  void wake_all(const void* object);
  /// Waits until no other fiber can run. False once all others have ended.
  bool wait_for_idle();
  [[nodiscard]] Fiber& running() noexcept { return *running_; }
  /// A number below `bound`, of the schedule's own choosing.
  std::size_t pick(std::size_t bound);
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  static constexpr std::size_t stack_bytes = std::size_t{256} * 1024;
  static constexpr std::uint64_t most_steps = 200'000;

  static void start_fiber();
  void switch_to(Fiber& next);
  void leave_to_next();
  /// Null if none can run.
  Fiber* choose();
  [[nodiscard]] std::string describe_blocked() const;

  std::mt19937_64 random_;
  bool by_priority_;
  std::vector<std::uint64_t> change_points_;
  std::uint64_t steps_ = 0;
  std::uint64_t next_low_priority_ = 1'000'000;
  std::deque<Fiber> fibers_;
  Fiber* running_ = nullptr;
  ucontext_t outside_{};
  std::exception_ptr failure_;
};

}  // namespace cbr::test
