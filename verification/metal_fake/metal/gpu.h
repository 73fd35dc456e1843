// The GPU: a thread that executes committed work in each queue's order, and a driver's thread that
// runs handlers. Knows nothing of Objective-C.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "metal_fake/control.h"

namespace cbr::metal_fake {

/// An MTLSharedEvent. Guarded by the GPU's mutex.
struct EventState {
  std::uint64_t value = 0;
};

/// How many uncompleted recordings refer to an object that they do not retain.
using UseCount = std::shared_ptr<std::atomic<std::int64_t>>;

/// One command of a command buffer, or of a queue.
struct Command {
  enum class Kind : std::uint8_t { dispatch, signal, wait };
  Kind kind = Kind::dispatch;
  /// Which encoder of the buffer encoded it; signals and waits have none.
  std::size_t encoder = 0;
  std::function<void()> run;
  std::shared_ptr<EventState> event;
  std::uint64_t value = 0;
};

/// How a submission ended. Times are in seconds of std::chrono::steady_clock.
struct Outcome {
  double start = 0;
  double end = 0;
  std::optional<Fault> fault;
  bool device_removed = false;
  bool timed_out = false;
};

/// A place in a queue's order of execution: a command buffer, a Metal 4 commit or a queue's signal.
struct Submission {
  std::vector<Command> commands;
  /// Held until the work has completed; dropped before events are signalled or handlers run.
  std::vector<UseCount> uses;
  /// Called on the driver's thread with no lock held, in this order. May be empty.
  std::function<void()> scheduled;
  std::function<void(const Outcome&)> completed;
  /// Runs after all earlier work of its queue has completed, and doesn't count as a command buffer.
  bool queue_operation = false;

  // The GPU's, under its mutex.
  bool committed = false;
  bool started = false;
  std::size_t next = 0;
  Outcome outcome;
  std::vector<Command> last_signals;
};

/// A queue's order of execution.
class QueueState {
  friend class Gpu;
  std::deque<std::shared_ptr<Submission>> submissions_;
};

class Gpu {
 public:
  static Gpu& get();

  /// Reserves the next place in the queue's order.
  void enqueue(const std::shared_ptr<QueueState>& queue, std::shared_ptr<Submission> submission);
  /// May now run; takes the next place if it has none.
  void commit(const std::shared_ptr<QueueState>& queue,
              const std::shared_ptr<Submission>& submission);
  /// Gives up a reserved place.
  void abandon(const std::shared_ptr<QueueState>& queue,
               const std::shared_ptr<Submission>& submission);

  std::uint64_t event_value(const EventState& event);
  void set_event_value(EventState& event, std::uint64_t value);

  /// Runs `task` on the driver's thread.
  void call(std::function<void()> task);
  /// True on the driver's thread while it runs a handler.
  static bool in_handler();

  void hold();
  void step(std::size_t count);
  void release();
  void set_completion_group(std::size_t group);
  void set_times(std::optional<std::chrono::nanoseconds> per_dispatch,
                 std::optional<std::chrono::nanoseconds> per_buffer);
  void hang_next();
  void end_hang();
  bool hung();
  void remove_device();
  void fail_next(const Fault& fault, std::size_t skip);
  void tell_times(double start, double end);
  void lose_next_signal();
  void hold_signals();
  void release_signals();
  void wait_until_idle();
  void reset();

 private:
  struct PendingFault {
    Fault fault;
    std::size_t skip = 0;
  };

  void start_threads();
  void run_gpu();
  void run_driver();
  std::shared_ptr<QueueState> runnable();
  void execute(std::unique_lock<std::mutex>& lock, const std::shared_ptr<QueueState>& queue);
  void run_commands(std::unique_lock<std::mutex>& lock, Submission& submission);
  void begin(Submission& submission);
  void deliver_finished();
  void signal(const Command& command);
  void busy(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time);
  [[nodiscard]] bool idle() const;

  std::mutex mutex_;
  /// Something changed that the GPU's thread, or a thread that waits for it to be idle, looks at.
  std::condition_variable changed_;
  std::condition_variable driver_changed_;
  bool started_ = false;
  std::vector<std::shared_ptr<QueueState>> queues_;
  std::size_t next_queue_ = 0;
  /// Executed, waiting for their group to be complete.
  std::vector<std::shared_ptr<Submission>> finished_;
  std::deque<std::function<void()>> tasks_;
  bool executing_ = false;
  bool driver_busy_ = false;

  bool held_ = false;
  std::size_t steps_ = 0;
  std::size_t group_ = 1;
  std::chrono::nanoseconds per_dispatch_{0};
  std::chrono::nanoseconds per_buffer_{0};
  bool hang_ = false;
  bool hung_ = false;
  bool removed_ = false;
  std::vector<PendingFault> faults_;
  bool signal_lost_ = false;
  bool signals_held_ = false;
  /// In the order in which the GPU came to them.
  std::vector<Command> held_signals_;
  struct Times {
    double start = 0;
    double end = 0;
  };
  /// For the next submission to end.
  std::optional<Times> told_times_;
};

}  // namespace cbr::metal_fake
