#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/fault_injection.h>
#include <cbr/options.h>

#include "backends/decorators/backend_decorator.h"
#include "backends/decorators/fault_schedule.h"
#include "backends/fault_name.h"

namespace cbr {
namespace {

constexpr std::uint64_t no_serial = std::numeric_limits<std::uint64_t>::max();

/// Counts a wait as long as it is under way.
class WaitUnderWay {
 public:
  explicit WaitUnderWay(std::atomic<std::uint32_t>& count) : count_(count) { ++count_; }
  WaitUnderWay(const WaitUnderWay&) = delete;
  WaitUnderWay& operator=(const WaitUnderWay&) = delete;
  ~WaitUnderWay() {
    if (--count_ == 0) count_.notify_all();
  }

 private:
  std::atomic<std::uint32_t>& count_;
};

struct QueueState {
  /// The first serial that hangs; no_serial if none does.
  std::atomic<std::uint64_t> hangs_from = no_serial;
  std::atomic<std::uint64_t> last_submitted = 0;

  [[nodiscard]] bool hides(std::uint64_t serial) const { return serial >= hangs_from; }
};

/// Used by one thread at a time, as the slot is.
struct SlotState {
  Serial serial;
  bool execution_fails = false;
};

/// A wait in the inner backend must end when this object's state changes (a loss, a release, a
/// wake), also one that the ring doesn't want to wake. So each gets a wake number of our own: it
/// takes the number, then looks at the state, then waits. Who changes the state does so first and
/// then wakes all numbers taken. Either the wait sees the change, or the wake covers its number.
class Injector final : public detail::BackendDecorator<FaultInjector> {
 public:
  Injector(std::shared_ptr<Backend> inner, FaultPlan plan)
      : BackendDecorator(std::move(inner)),
        schedule_(std::move(plan)),
        queues_(this->inner().queue_count()) {}

  void attach(const SlotLayout& layout) override {
    require_device();
    watched([&] { inner().attach(layout); });
    for (QueueState& queue : queues_) {
      queue.hangs_from = no_serial;
      queue.last_submitted = 0;
    }
    woken_ = 0;
    attached_ = true;
  }

  void detach() noexcept override {
    attached_ = false;
    // A ring doesn't wait for what a lost device runs. This device still runs it.
    while (const std::uint32_t waits = waits_under_way_) waits_under_way_.wait(waits);
    for (std::uint32_t i = 0; i < queues_.size(); ++i) {
      const SyncPoint last{QueueIndex{i}, Serial(queues_[i].last_submitted)};
      insist([&] { inner().flush(last.queue); });
      if (last.serial.value() != 0) insist([&] { inner().wait({&last, 1}, 0, no_deadline); });
    }
    inner().detach();
  }

  void add_slot(SlotIndex slot) override {
    require_device();
    watched([&] { inner().add_slot(slot); });
  }

  void* begin(SlotIndex slot) override {
    const std::uint64_t call = ++begins_;
    require_device();
    if (schedule_.strikes(Fault::fail_begin, call)) {
      throw BackendError(fmt::format("slot #{} can't begin: a fault injected into begin call {}",
                                     to_number(slot), call));
    }
    return watched([&] { return inner().begin(slot); });
  }

  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    submit_as(slot, serial, waits, [&] { inner().submit(slot, serial, waits); });
  }

  bool gather(SlotIndex slot, Serial serial, TimePoint send_by) override {
    bool kept = false;
    submit_as(slot, serial, {}, [&] { kept = inner().gather(slot, serial, send_by); });
    return kept;
  }

  void flush(QueueIndex queue) override {
    require_device();
    watched([&] { inner().flush(queue); });
  }

  Serial completed(QueueIndex queue) override {
    const std::uint64_t call = ++completed_calls_;
    require_device();
    fail_transiently(Fault::fail_completed, call);
    // The inner one first: a submission it knows of has hung by then, if it is to hang.
    const Serial completed = watched([&] { return inner().completed(queue); });
    const std::uint64_t hangs_from = queues_[to_number(queue)].hangs_from;
    return completed.covers(Serial(hangs_from)) ? Serial(hangs_from - 1) : completed;
  }

  Completion finish(SlotIndex slot) override {
    const std::uint64_t call = ++finishes_;
    require_device();
    // Whatever comes of it: it is called once for each submission.
    Completion completion = watched([&] { return inner().finish(slot); });
    const SlotState& state = slots_[to_number(slot)];
    if (state.execution_fails && completion.error == nullptr) {
      completion.error = std::make_exception_ptr(ExecutionFailed(
          fmt::format("the submission of slot #{} with serial {} failed: a fault was injected",
                      to_number(slot), state.serial.value())));
    }
    if (completion.error == nullptr) fail_transiently(Fault::fail_finish, call);
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    const WaitUnderWay under_way(waits_under_way_);
    const std::uint64_t call = ++waits_;
    require_device();
    fail_transiently(Fault::fail_wait, call);
    for (;;) {
      const std::uint64_t number = ++numbers_taken_;
      require_device();
      if (wake_number != 0 && woken_ >= wake_number) {
        return any_ended(points) ? WaitStatus::reached : WaitStatus::woken;
      }
      const WaitStatus status = wait_for_visible(points, number, deadline);
      require_device();
      if (status == WaitStatus::woken) continue;
      // With a hang about, what the inner backend has reached may be hidden by now, and what was
      // hidden may be visible.
      const bool ended = hanging() || status == WaitStatus::timed_out
                             ? any_ended(points)
                             : status == WaitStatus::reached;
      if (ended) return WaitStatus::reached;
      if (status == WaitStatus::timed_out) return status;
    }
  }

  void wake(std::uint64_t wake_number) override {
    fail_transiently(Fault::fail_wake, ++wakes_);
    std::uint64_t current = woken_;
    while (current < wake_number && !woken_.compare_exchange_weak(current, wake_number)) {
    }
    if (const std::uint64_t taken = numbers_taken_) watched([&] { inner().wake(taken); });
  }

  void fail_next(Fault fault) override { schedule_.fail_next(fault); }
  void hang_next() override { fail_next(Fault::hang); }

  void release() override {
    for (QueueState& queue : queues_) queue.hangs_from = no_serial;
    end_waits();
  }

  void lose_device(std::string cause) override {
    if (lose(std::move(cause))) schedule_.count(Fault::lose_device);
  }

  [[nodiscard]] std::uint64_t injected(Fault fault) const noexcept override {
    return schedule_.injected(fault);
  }

 private:
  /// Whatever is to strike a submission, which `call_inner` makes.
  template <typename Call>
  void submit_as(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits,
                 const Call& call_inner) {
    const std::uint64_t call = ++submits_;
    try {
      require_device();
      fail_submit(slot, serial, call);
    } catch (...) {
      inner().discard(slot);
      throw;
    }
    QueueState& queue = queues_[to_number(queue_of(slot))];
    SlotState& state = slots_[to_number(slot)];
    state = {serial, schedule_.strikes(Fault::fail_execution, call)};
    const bool hang_strikes = schedule_.strikes(Fault::hang, call);
    const bool signal_lost = !waits.empty() && schedule_.strikes(Fault::lose_signal, call);
    // Whoever waits for what hangs, hangs as well.
    const bool hangs = hang_strikes || signal_lost || any_hidden(waits);
    // Before the work can end, so that nobody sees it end. A hang that is there already stays.
    std::uint64_t hangs_from = no_serial;
    const bool first_to_hang =
        hangs && queue.hangs_from.compare_exchange_strong(hangs_from, serial.value());
    try {
      watched(call_inner);
    } catch (...) {
      hangs_from = serial.value();
      if (first_to_hang) queue.hangs_from.compare_exchange_strong(hangs_from, no_serial);
      if (hang_strikes) schedule_.withdraw(Fault::hang);
      if (signal_lost) schedule_.withdraw(Fault::lose_signal);
      if (state.execution_fails) schedule_.withdraw(Fault::fail_execution);
      throw;
    }
    queue.last_submitted = serial.value();
  }

  /// Throws if the plan says so.
  void fail_submit(SlotIndex slot, Serial serial, std::uint64_t call) {
    if (schedule_.strikes(Fault::fail_submit, call)) {
      throw SubmitFailed(
          fmt::format("slot #{} with serial {} is refused: a fault injected into submit call {}",
                      to_number(slot), serial.value(), call));
    }
    if (schedule_.strikes(Fault::lose_device, call)) {
      lose(fmt::format("the device is lost: a fault injected into submit call {}", call));
      require_device();
    }
  }

  /// Throws if the plan says so, for a fault that concerns one call only.
  void fail_transiently(Fault fault, std::uint64_t call) {
    if (!schedule_.strikes(fault, call)) return;
    throw BackendError(
        fmt::format("{}: a fault injected into call {}", detail::fault_name(fault), call));
  }

  /// Waits in the inner backend for those of `points` that no hang hides.
  WaitStatus wait_for_visible(std::span<const SyncPoint> points, std::uint64_t number,
                              TimePoint deadline) {
    if (!hanging()) {
      return watched([&] { return inner().wait(points, number, deadline); });
    }
    // In place of a point that hangs stands one that never comes.
    const auto as_shown = [this](const SyncPoint& point) {
      const bool hidden = queues_[to_number(point.queue)].hides(point.serial.value());
      return hidden ? SyncPoint{point.queue, Serial(no_serial)} : point;
    };
    std::array<SyncPoint, 16> few{};
    std::vector<SyncPoint> many(points.size() <= few.size() ? 0 : points.size());
    const std::span<SyncPoint> shown =
        many.empty() ? std::span(few).first(points.size()) : std::span(many);
    std::transform(points.begin(), points.end(), shown.begin(), as_shown);
    return watched([&] { return inner().wait(shown, number, deadline); });
  }

  /// Whether one of these is a point of a queue of ours that a hang hides.
  [[nodiscard]] bool any_hidden(std::span<TimelinePoint> waits) const {
    if (!hanging()) return false;
    for (std::uint32_t i = 0; i < queues_.size(); ++i) {
      const auto timeline = inner().timeline(QueueIndex{i});
      for (const TimelinePoint& wait : waits) {
        if (wait.timeline == timeline && queues_[i].hides(wait.serial.value())) return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool hanging() const {
    return std::any_of(queues_.begin(), queues_.end(),
                       [](const QueueState& queue) { return queue.hangs_from != no_serial; });
  }

  /// Asks by a wait that doesn't: `completed` is for one thread at a time.
  bool any_ended(std::span<const SyncPoint> points) {
    return std::any_of(points.begin(), points.end(), [this](const SyncPoint& point) {
      // The inner one first, as in completed().
      const WaitStatus status = watched([&] { return inner().wait({&point, 1}, 0, no_wait); });
      return status == WaitStatus::reached &&
             !queues_[to_number(point.queue)].hides(point.serial.value());
    });
  }

  /// Ends all waits in the inner backend, so that they look at the state again.
  void end_waits() noexcept {
    const std::uint64_t taken = numbers_taken_;
    if (!attached_ || taken == 0) return;
    insist([&] { inner().wake(taken); });
  }

  /// Returns false if the device was lost already.
  bool lose(std::string cause) noexcept {
    {
      const std::lock_guard lock(cause_mutex_);
      if (lost_) return false;
      cause_ = std::move(cause);
      lost_ = true;
    }
    end_waits();
    return true;
  }

  void require_device() const {
    // Written once, before the flag.
    if (lost_) throw DeviceLost(cause_);
  }

  /// Runs a call of the inner backend. Its loss is ours, unless ours came first.
  template <typename Call>
  std::invoke_result_t<Call> watched(Call&& call) {
    try {
      return std::forward<Call>(call)();
    } catch (const DeviceLost& error) {
      lose(error.what());
      throw DeviceLost(cause_);
    }
  }

  /// Runs a call until it doesn't fail, or until the device is lost, which ends waits and work
  /// itself.
  template <typename Call>
  static void insist(const Call& call) noexcept {
    for (;;) {
      try {
        call();
        return;
      } catch (const DeviceLost&) {
        return;
      } catch (...) {
        std::this_thread::yield();
      }
    }
  }

  detail::FaultSchedule schedule_;
  std::vector<QueueState> queues_;
  std::vector<SlotState> slots_{max_ring_size};
  std::atomic<std::uint64_t> begins_ = 0;
  std::atomic<std::uint64_t> submits_ = 0;
  std::atomic<std::uint64_t> waits_ = 0;
  std::atomic<std::uint64_t> completed_calls_ = 0;
  std::atomic<std::uint64_t> finishes_ = 0;
  std::atomic<std::uint64_t> wakes_ = 0;

  std::atomic<bool> attached_ = false;
  /// The highest number that the ring has woken.
  std::atomic<std::uint64_t> woken_ = 0;
  /// Wake numbers for the inner backend.
  std::atomic<std::uint64_t> numbers_taken_ = 0;
  std::atomic<std::uint32_t> waits_under_way_ = 0;

  std::mutex cause_mutex_;
  std::string cause_;
  std::atomic<bool> lost_ = false;
};

}  // namespace

std::shared_ptr<FaultInjector> inject_faults(std::shared_ptr<Backend> inner, FaultPlan plan) {
  return std::make_shared<Injector>(std::move(inner), std::move(plan));
}

}  // namespace cbr
