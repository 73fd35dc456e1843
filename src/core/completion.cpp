#include "core/completion.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "core/ring_core.h"
#include "core/submission.h"
#include "observe/device_clock.h"

namespace cbr::detail {
namespace {

/// A thread among the sleepers of a submission, as long as this lives.
class Sleep {
 public:
  Sleep(RingContext& ring, const Submission& submission) : ring_(ring), submission_(submission) {
    const StateAccess state(ring_.state);
    submission_.sleepers.push_back(sleeper_);
  }
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;
  ~Sleep() {
    const StateAccess state(ring_.state);
    submission_.sleepers.remove(sleeper_);
  }
  [[nodiscard]] ConditionVariable& wake_up() { return sleeper_.wake_up; }

 private:
  RingContext& ring_;
  const Submission& submission_;
  Sleeper sleeper_;
};

}  // namespace

/// What is retired at once, so that nothing is allocated. Usually one slot has ended.
struct Retirement::Batch {
  static constexpr std::size_t size = 4;

  /// What an observer is told of an end, with the label that its record may have lost by then.
  struct ObservedEnd {
    CompleteEvent event;
    Label label;
  };

  [[nodiscard]] bool is_full() const { return count == size; }

  std::size_t count = 0;
  /// For an observer, if there is one.
  std::optional<std::array<ObservedEnd, size>> events;
  /// What those that have ended waited for, to be let go of.
  std::optional<std::array<Dependencies, size>> waited_for;
  /// What holds up the rest: waited for by one that has ended, and not known to have ended itself.
  Ticket unresolved;
  /// Reading an outcome failed: with the loss of the device, or otherwise.
  std::exception_ptr loss;
  std::exception_ptr failure;
  /// This thread is the first to know of the loss.
  bool lost_here = false;
  FollowUp follow_up;
};

bool Retirement::collect(RingQueue& queue, Turn turn, SlotSeeker* seeker) {
  for (;;) {
    Batch batch;
    if (ring_.options.observer != nullptr) batch.events.emplace();
    try {
      const LogHold hold;
      if (turn == Turn::skip) {
        if (!queue.retire_mutex.try_lock()) return true;
      } else {
        queue.retire_mutex.lock();
      }
      const LockGuard lock(queue.retire_mutex, std::adopt_lock);
      retire(queue, ring_.backend->completed(queue.index), batch, seeker);
    } catch (const DeviceLost&) {
      std::rethrow_exception(lose(std::current_exception()));
    }
    ring_.follow_up(batch.follow_up);
    if (batch.failure != nullptr) {
      ring_.log.failure(LogEvent::backend_failure, "the GPU times of a submission can't be read",
                        batch.failure);
    }
    for (std::size_t i = 0; batch.events && i < batch.count; ++i) {
      Batch::ObservedEnd& observed = (*batch.events)[i];
      observed.event.label = observed.label.view();
      ring_.observe(&Observer::on_complete, observed.event);
    }
    if (batch.lost_here && ring_.options.observer != nullptr) {
      ring_.options.observer->on_device_lost();
    }
    if (queue.has_run_dry() && !gathers_regardless) {
      guarded([&] { ring_.try_send_gathered(queue); });
    }
    if (batch.unresolved.valid()) {
      if (!resolve(batch.unresolved, turn)) return false;
    } else if (!batch.is_full()) {
      return true;
    }
  }
}

bool Retirement::resolve(const Ticket& ticket, Turn turn) const {
  Submission& submission = *TicketAccess::record(ticket);
  if (submission.core->poll(submission)) return true;
  if (turn == Turn::wait) submission.core->wait_a_moment(submission);
  return submission.done.load(std::memory_order_acquire);
}

Serial Retirement::before_unresolved(RingQueue& queue, Serial end, Batch& batch) const {
  const Timeline& timeline = queue.timeline;
  for (Serial serial = timeline.retired(); !serial.covers(end); serial = serial.next()) {
    const Submission& submission = timeline[serial.next()];
    if (submission.after.empty()) continue;
    Submission* const predecessor = Predecessors::unresolved(submission);
    if (predecessor == nullptr) continue;
    batch.unresolved = TicketAccess::share(predecessor);
    return serial;
  }
  return end;
}

void Retirement::collect_all(Turn turn, SlotSeeker* seeker) {
  for (RingQueue& queue : ring_.queues) collect(queue, turn, seeker);
}

void Retirement::retire(RingQueue& queue, Serial completed, Batch& batch, SlotSeeker* seeker) {
  Timeline& timeline = queue.timeline;
  // What the driver has, but whose submit call has not returned yet, comes next time.
  Serial last = timeline.last_submitted().covers(completed) ? completed : timeline.last_submitted();
  // Nor has that of what is gathered, wherever the work may be.
  const Serial sent(queue.gathered_from.load(std::memory_order_acquire) - 1);
  if (!sent.covers(last)) last = sent;
  const Serial retired = timeline.retired();
  if (retired.covers(last)) return;
  const Serial claimed(std::min(last.value(), retired.value() + Batch::size));
  queue.claimed = claimed.value();
  const Serial end = before_unresolved(queue, claimed, batch);
  // Left to the loss of the device again, if that comes.
  if (!end.covers(claimed)) queue.claimed = end.value();
  if (ring_.stopped) {
    // The loss of the device may have been there first.
    const StateAccess state(ring_.state);
    if (state->lost != nullptr) {
      state->fail_claimed(queue, claimed, batch.follow_up);
      return;
    }
  }
  if (retired.covers(end)) return;
  for (Serial next = retired.next(); end.covers(next); next = next.next()) {
    Submission& submission = timeline[next];
    finish(submission, batch);
    ++batch.count;
  }
  const bool notes_noticed = ring_.naps || ring_.notes_times || ring_.coalesces;
  const TimePoint noticed = notes_noticed ? ring_.backend->now() : TimePoint{};
  if (ring_.coalesces) queue.noticed.store(noticed, std::memory_order_relaxed);
  if (ring_.notes_times) note_times(queue, end, noticed, batch);
  const StateAccess state(ring_.state);
  std::size_t place = 0;
  // First: how a submission is told of depends on whether its error is the ring's loss.
  if (batch.loss != nullptr) batch.lost_here = record_loss(*state, batch.loss, batch.follow_up);
  for (Serial serial = retired.next(); end.covers(serial); serial = serial.next()) {
    Submission& submission = timeline[serial];
    if (ring_.naps) state->forecast(queue.index).ended(noticed, submission.completion);
    // With the first cause, be it another thread's.
    if (batch.loss != nullptr && submission.completion.error == batch.loss) {
      submission.completion.error = state->lost;
    }
    if (!submission.after.empty()) {
      if (!batch.waited_for) batch.waited_for.emplace();
      // With the lock, since the watchdog may be looking at it.
      (*batch.waited_for)[place++] = std::move(submission.after);
    }
    state->retire(submission, batch.follow_up);
    timeline.retire(serial);
  }
  if (state->sizing_window && state->sizing_window->is_full()) {
    ring_.sizing_due.store(true, std::memory_order_relaxed);
  }
  state->serve_waiters(batch.follow_up);
  state->settle(batch.follow_up);
  if (seeker == nullptr || seeker->submission != nullptr) return;
  if (state->lost != nullptr || state->closed) return;
  try {
    // Waiters have been offered every slot that is free, so to take one overtakes nobody.
    seeker->submission = state->lease(seeker->request);
  } catch (...) {
    seeker->failure = std::current_exception();
  }
}

void Retirement::note_times(RingQueue& queue, Serial end, TimePoint noticed, Batch& batch) const {
  std::size_t place = 0;
  for (Serial serial = queue.timeline.retired().next(); end.covers(serial);
       serial = serial.next()) {
    Submission& submission = queue.timeline[serial];
    SubmissionTimes& times = submission.times;
    const Completion& completion = submission.completion;
    times.noticed = noticed;
    if (completion.interval && completion.clock) {
      times.gpu = observe::host_interval(*completion.interval, *completion.clock);
    }
    if (!submission.after.empty()) times.dependency_end = predecessors_.gpu_end(submission);
    if (!batch.events) continue;
    Batch::ObservedEnd& observed = (*batch.events)[place++];
    observed.label = submission.label;
    observed.event = {submission.slot,
                      queue.index,
                      serial,
                      completion.interval,
                      completion.error != nullptr,
                      {},
                      times};
  }
}

void Retirement::finish(Submission& submission, Batch& batch) noexcept {
  try {
    submission.completion = ring_.backend->finish(submission.slot);
    auto& interval = submission.completion.interval;
    if (interval && !observe::is_possible(*interval)) {
      interval.reset();
      submission.completion.end.reset();
    }
    auto& clock = submission.completion.clock;
    if (interval && clock && !observe::is_possible(*interval, *clock)) clock.reset();
  } catch (const DeviceLost&) {
    batch.loss = std::current_exception();
    submission.completion = {.interval = {}, .end = {}, .error = batch.loss};
  } catch (const BackendError&) {
    // It has ended well, as far as anyone knows; only its times are not to be had.
    batch.failure = std::current_exception();
    submission.completion = {};
  } catch (...) {
    // Nobody knows: no memory for the outcome, say.
    submission.completion = {.interval = {}, .end = {}, .error = std::current_exception()};
  }
  if (!submission.after.empty() && submission.completion.error == nullptr) {
    submission.completion.error = predecessors_.failure(submission);
  }
}

bool Retirement::wait(const Submission& submission, TimePoint deadline) {
  ThreadWait wait(ring_, strategy_, deadline);
  try {
    if (submission.serial.load(std::memory_order_acquire) == 0 &&
        !wait_until_sent(submission, wait)) {
      return false;
    }
    if (submission.done.load(std::memory_order_acquire)) return true;
    RingQueue& queue = ring_.queue(submission.queue);
    const SyncPoint point{submission.queue, Serial(submission.serial.load())};
    if (ring_.naps) nap(submission, point, wait);
    for (;;) {
      const WaitStatus status = wait_in_backend(wait, {&point, 1}, 0);
      // After a timeout too: what ended just now is better than nothing.
      const bool held_up = !collect(queue);
      if (submission.done.load(std::memory_order_acquire)) return true;
      if (status == WaitStatus::timed_out || wait.expired()) return false;
      // It has ended, but the thread that submitted it has not come back from the driver yet.
      if (!held_up) return wait_for_others(submission, deadline);
      wait.pause();
    }
  } catch (const DeviceLost&) {
    if (wait.interrupted()) throw;
    // Its record has the loss, or gets it in a moment from the thread that was first.
    return wait_for_others(submission, no_deadline);
  }
}

WaitStatus Retirement::wait_in_backend(ThreadWait& wait, std::span<const SyncPoint> points,
                                       std::uint64_t wake_number) {
  try {
    ring_.send_gathered(points);
    return wait.in_backend(points, wake_number);
  } catch (const DeviceLost&) {
    if (wait.interrupted()) throw;
    std::rethrow_exception(lose(std::current_exception()));
  }
}

void Retirement::nap(const Submission& submission, SyncPoint point, ThreadWait& wait) {
  // It may sleep for long before it asks the backend.
  guarded([&] { ring_.send_gathered({&point, 1}); });
  Sleep sleep(ring_, submission);
  std::optional<TimePoint> until;
  {
    const StateAccess state(ring_.state);
    until = ring_.nap_before(*state, point, false);
  }
  if (!until) return;
  const auto over = [&](const RingState& /*state*/) {
    return submission.done.load(std::memory_order_relaxed);
  };
  const auto reached = [&] { return wait.look({&point, 1}, 0); };
  wait.nap(sleep.wake_up(), *until, over, [&] { return guarded(reached); });
}

bool Retirement::wait_for_others(const Submission& submission, TimePoint deadline) {
  ThreadWait wait(ring_, strategy_, deadline);
  Sleep sleep(ring_, submission);
  for (;;) {
    {
      StateAccess state(ring_.state);
      if (submission.done.load(std::memory_order_relaxed)) return true;
      if (wait.expired()) return false;
      wait.sleep(state, sleep.wake_up());
      if (submission.done.load(std::memory_order_relaxed)) return true;
    }
    wait.pause();
  }
}

void Retirement::wait_a_moment(const Submission& submission) {
  constexpr std::chrono::milliseconds moment(1);
  const TimePoint until = Clock::now() + moment;
  Sleep sleep(ring_, submission);
  StateAccess state(ring_.state);
  if (!submission.done.load(std::memory_order_relaxed))
    (void)state.wait_until(sleep.wake_up(), until);
}

void Retirement::let_time_pass(const Submission& submission) noexcept {
  constexpr std::chrono::milliseconds moment(1);
  const Serial serial(submission.serial.load(std::memory_order_acquire));
  const SyncPoint point{submission.queue, serial};
  try {
    // Goes as far as its end, and no further.
    (void)ring_.backend->wait({&point, 1}, 0, ring_.backend->now() + moment);
  } catch (...) {
    // Whoever waits for it next is told.
    return;
  }
}

bool Retirement::wait_until_sent(const Submission& submission, ThreadWait& wait) {
  const auto sent = [&] {
    return submission.serial.load(std::memory_order_relaxed) != 0 ||
           submission.done.load(std::memory_order_relaxed);
  };
  Sleep sleep(ring_, submission);
  for (;;) {
    {
      StateAccess state(ring_.state);
      if (sent()) return true;
      if (wait.expired()) return false;
      wait.sleep(state, sleep.wake_up());
      if (sent()) return true;
    }
    wait.pause();
  }
}

void Retirement::wait_serial(RingQueue& queue, Serial serial, Interruptible interruptible) {
  while (!queue.timeline.retired().covers(serial)) {
    const SyncPoint point{queue.index, serial};
    ThreadWait wait(ring_, strategy_, no_deadline, interruptible);
    (void)wait_in_backend(wait, {&point, 1}, 0);
    // What holds it up may itself be held up by work of this ring, on another queue, that nobody
    // else looks for: the ring's end lets nobody in.
    if (!collect(queue)) collect_all(Turn::skip);
    if (!ring_.stopped) continue;
    // What is lost is not retired.
    const StateAccess state(ring_.state);
    if (state->lost != nullptr) std::rethrow_exception(state->lost);
  }
}

void Retirement::fail_late(RingQueue& queue) noexcept {
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    if (state->lost != nullptr) state->fail_in_flight(queue, follow_up);
  }
  ring_.follow_up(follow_up);
}

std::exception_ptr Retirement::lose(const std::exception_ptr& cause) noexcept {
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    if (!record_loss(*state, cause, follow_up)) return state->lost;
  }
  ring_.follow_up(follow_up);
  if (ring_.options.observer != nullptr) ring_.options.observer->on_device_lost();
  return cause;
}

bool Retirement::record_loss(RingState& state, const std::exception_ptr& cause,
                             FollowUp& follow_up) {
  if (state.lost != nullptr) return false;
  // From now on, acquire looks at the loss first; a submission or a reading of outcomes that is
  // just under way finds that it has failed.
  ring_.full = false;
  ring_.stopped = true;
  state.lose(cause, follow_up);
  return true;
}

}  // namespace cbr::detail
