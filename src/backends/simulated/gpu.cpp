#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/options.h>
#include <cbr/simulated.h>

#include "backends/fault_name.h"
#include "core/sync.h"

namespace cbr::simulated {
namespace {

using detail::Atomic;
using detail::ConditionVariable;
using detail::LockGuard;
using detail::Mutex;
using detail::UniqueLock;

class SimulatedGpu;

/// The "native command buffer" of a slot: its plan, and what came of it.
struct Recording final : NativeSlot {
  SimulatedGpu* gpu = nullptr;
  Plan plan;
  TimePoint submitted_at{};
  TimePoint start{};
  TimePoint end{};
  /// How many have ended, for GpuTimes::sampled.
  std::uint32_t submissions = 0;
};

/// Work of one queue, in submission order.
class SimulatedQueue {
 public:
  /// Makes room for `capacity` submissions in flight.
  void reserve(std::size_t capacity) {
    if (capacity <= entries_.size()) return;
    std::rotate(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_),
                entries_.end());
    head_ = 0;
    entries_.resize(capacity);
  }

  void push(Recording& recording) {
    entries_[place(count_)] = &recording;
    ++count_;
    schedule(recording);
    ++submitted_;
  }

  /// Ends what is visible to the host at `now`. Returns true if that loses the device.
  bool advance_to(TimePoint now) {
    while (count_ > 0 && visible_at(front()) <= now) {
      if (front().plan.fault == Fault::lose_device) return true;
      head_ = place(1);
      --count_;
    }
    return false;
  }

  /// Work pushed from now on does not start.
  void hold() { free_at_ = no_deadline; }

  /// Lets whatever hangs end at `now`, and what is behind it or was held up run.
  void release(TimePoint now) {
    if (free_at_ != no_deadline) return;
    free_at_ = now;
    for (std::size_t i = 0; i < count_; ++i) {
      Recording& recording = *entries_[place(i)];
      if (recording.end != no_deadline) {
        free_at_ = std::max(free_at_, recording.end);
      } else if (recording.plan.fault == Fault::hang) {
        recording.plan.fault = Fault::none;
        if (recording.start == no_deadline) recording.start = free_at_;
        recording.end = std::max(recording.start, now);
        free_at_ = recording.end;
      } else {
        schedule(recording);
      }
    }
  }

  [[nodiscard]] Serial completed() const { return Serial(submitted_ - count_); }

  /// When the host can see that `serial` has ended; no_deadline if it never will by itself.
  [[nodiscard]] TimePoint time_of(Serial serial) const {
    if (completed().covers(serial)) return TimePoint{};
    if (serial.value() > submitted_) return no_deadline;
    const std::uint64_t behind_front = serial.value() - completed().value() - 1;
    TimePoint latest{};
    for (std::uint64_t i = 0; i <= behind_front; ++i) {
      latest = std::max(latest, visible_at(*entries_[place(i)]));
    }
    return latest;
  }

 private:
  void schedule(Recording& recording) {
    recording.start = std::max(recording.submitted_at, free_at_);
    const bool ends = recording.start != no_deadline && recording.plan.fault != Fault::hang;
    recording.end = ends ? recording.start + recording.plan.execute : no_deadline;
    free_at_ = recording.end;
  }
  static TimePoint visible_at(const Recording& recording) {
    return recording.end == no_deadline ? no_deadline : recording.end + recording.plan.completion;
  }
  [[nodiscard]] const Recording& front() const { return *entries_[head_]; }
  /// Of the entry that comes so many after the first.
  [[nodiscard]] std::size_t place(std::size_t index) const {
    const std::size_t behind = head_ + index;
    return behind < entries_.size() ? behind : behind - entries_.size();
  }

  std::vector<Recording*> entries_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t submitted_ = 0;
  /// When the queue can start its next submission; no_deadline while one hangs or it is held up.
  TimePoint free_at_{};
};

class SimulatedGpu final : public Gpu {
 public:
  explicit SimulatedGpu(std::uint32_t queue_count) : queue_count_(queue_count) {
    if (queue_count == 0) throw InvalidOption("a simulated GPU has 0 queues, at least 1 is needed");
  }

  [[nodiscard]] Api api() const noexcept override { return Api::simulated; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return queue_count_; }
  [[nodiscard]] bool has_virtual_clock() const noexcept override { return true; }
  [[nodiscard]] TimePoint now() const noexcept override {
    return TimePoint(std::chrono::nanoseconds(now_ns_.load(std::memory_order_relaxed)));
  }

  void attach(const SlotLayout& layout) override {
    const LockGuard lock(mutex_);
    if (!queues_.empty()) {
      throw InvalidUsage(
          fmt::format("{}: this simulated GPU serves another ring already", layout.ring_name));
    }
    require_device();
    try {
      queues_.resize(queue_count_);
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) make_slot(i);
    } catch (...) {
      clear();
      throw;
    }
    // Each ring counts its wake numbers from 1.
    woken_ = 0;
    gpu_times_ = layout.gpu_times;
  }

  void detach() noexcept override {
    const LockGuard lock(mutex_);
    clear();
  }

  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    return std::move(recordings_[to_number(slot)]);
  }

  void add_slot(SlotIndex slot) override {
    const LockGuard lock(mutex_);
    require_device();
    make_slot(to_number(slot));
  }

  void remove_slot(SlotIndex slot) noexcept override { recordings_[to_number(slot)].reset(); }

  void* begin(SlotIndex slot) override {
    require_device();
    if (fail_next_begin_ && fail_next_begin_.exchange(false)) {
      throw BackendError(fmt::format("slot #{} can't begin, as was asked for", to_number(slot)));
    }
    Recording& recording = *recordings_[to_number(slot)];
    recording.plan = {};
    return &recording;
  }

  void submit(SlotIndex slot, Serial serial) override {
    {
      const LockGuard lock(mutex_);
      require_device();
      Recording& recording = *recordings_[to_number(slot)];
      move_clock_to(now() + recording.plan.submit);
      if (recording.plan.fault == Fault::fail_submit) {
        throw SubmitFailed(
            fmt::format("the submission of slot #{} with serial {} fails, as planned",
                        to_number(slot), serial.value()));
      }
      recording.submitted_at = now();
      queues_[to_number(slot) % queue_count_].push(recording);
    }
    changed_.notify_all();
  }

  void discard(SlotIndex /*slot*/) noexcept override {}

  Serial completed(QueueIndex queue) override {
    const LockGuard lock(mutex_);
    require_device();
    end_visible_work();
    return queues_[to_number(queue)].completed();
  }

  Completion finish(SlotIndex slot) override {
    Recording& recording = *recordings_[to_number(slot)];
    Completion completion;
    const bool sampled = gpu_times_ == GpuTimes::sampled && is_sampled(recording);
    if (gpu_times_ == GpuTimes::both || sampled) {
      completion.interval =
          GpuInterval{recording.start.time_since_epoch(), recording.end.time_since_epoch()};
    }
    if (completion.interval || gpu_times_ == GpuTimes::end) {
      completion.end = recording.end.time_since_epoch();
    }
    if (recording.plan.fault == Fault::fail_execution) {
      completion.error = execution_failure(slot);
    }
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    UniqueLock lock(mutex_);
    for (;;) {
      require_device();
      end_visible_work();
      TimePoint end = no_deadline;
      for (const SyncPoint& point : points) {
        const SimulatedQueue& queue = queues_[to_number(point.queue)];
        if (queue.completed().covers(point.serial)) return WaitStatus::reached;
        end = std::min(end, queue.time_of(point.serial));
      }
      if (wake_number != 0 && woken_ >= wake_number) return WaitStatus::woken;
      if (end != no_deadline && end <= deadline) {
        move_clock_to(end);
      } else if (deadline != no_deadline) {
        move_clock_to(deadline);
        return WaitStatus::timed_out;
      } else {
        changed_.wait(lock);
      }
    }
  }

  // A thread that spins lets time pass, as a real clock does by itself: to the next end of work if
  // there is one.
  void relax() noexcept override {
    const LockGuard lock(mutex_);
    TimePoint next = now() + std::chrono::microseconds(1);
    for (const SimulatedQueue& queue : queues_) {
      const TimePoint end = queue.time_of(queue.completed().next());
      if (end != no_deadline) next = std::min(next, std::max(end, now()));
    }
    move_clock_to(next);
    std::this_thread::yield();
  }

  void wake(std::uint64_t wake_number) override {
    {
      const LockGuard lock(mutex_);
      woken_ = std::max(woken_, wake_number);
    }
    changed_.notify_all();
  }

  void pause() override {
    const LockGuard lock(mutex_);
    for (auto& queue : queues_) queue.hold();
  }

  void release() override {
    {
      const LockGuard lock(mutex_);
      for (auto& queue : queues_) queue.release(now());
    }
    changed_.notify_all();
  }

  void lose_device() override {
    lost_ = true;
    {
      // Taken so that no waiter is between its check and its sleep.
      const LockGuard lock(mutex_);
    }
    changed_.notify_all();
  }

  void fail_next_begin() override { fail_next_begin_ = true; }

  void advance(std::chrono::nanoseconds time) override {
    const LockGuard lock(mutex_);
    move_clock_to(now() + time);
  }

 private:
  /// Times are noted for the first of so many submissions with GpuTimes::sampled.
  static constexpr std::uint32_t sampling_interval = 16;

  void clear() noexcept {
    queues_.clear();
    for (auto& recording : recordings_) recording.reset();
  }
  /// Whether the times of this submission are noted where they are sampled.
  static bool is_sampled(Recording& recording) {
    return recording.submissions++ % sampling_interval == 0;
  }

  /// Without memory for that, the lack of it is the failure: the work has not ended well.
  static std::exception_ptr execution_failure(SlotIndex slot) noexcept {
    try {
      throw ExecutionFailed(
          fmt::format("the submission of slot #{} fails on the GPU, as planned", to_number(slot)));
    } catch (...) {
      return std::current_exception();
    }
  }

  void require_device() const {
    if (lost_) throw DeviceLost("the simulated device is lost");
  }

  void make_slot(std::uint32_t index) {
    recordings_[index] = std::make_unique<Recording>();
    recordings_[index]->gpu = this;
    queues_[index % queue_count_].reserve(index + 1);
  }

  void move_clock_to(TimePoint time) {
    now_ns_.store(std::max(now(), time).time_since_epoch().count(), std::memory_order_relaxed);
  }

  void end_visible_work() {
    for (auto& queue : queues_) {
      if (!queue.advance_to(now())) continue;
      lost_ = true;
      changed_.notify_all();
      require_device();
    }
  }

  const std::uint32_t queue_count_;
  Atomic<std::int64_t> now_ns_ = 0;
  Atomic<bool> lost_ = false;
  Atomic<bool> fail_next_begin_ = false;

  Mutex mutex_;
  // Signalled when a wait may have something new to see. All below is guarded by mutex_; a slot's
  // recording belongs to the lease while it is leased.
  ConditionVariable changed_;
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<Recording>> recordings_{max_ring_size};
  std::vector<SimulatedQueue> queues_;
  std::uint64_t woken_ = 0;
  GpuTimes gpu_times_ = GpuTimes::both;
};

/// Whether the fault is one of a submission that is being recorded.
bool can_be_planned(Fault fault) {
  switch (fault) {
    case Fault::none:
    case Fault::fail_submit:
    case Fault::fail_execution:
    case Fault::hang:
    case Fault::lose_device:
      return true;
    case Fault::fail_begin:
    case Fault::fail_wait:
    case Fault::fail_completed:
    case Fault::fail_finish:
    case Fault::fail_wake:
      break;
  }
  return false;
}

}  // namespace

std::shared_ptr<Gpu> make_gpu(std::uint32_t queue_count) {
  return std::make_shared<SimulatedGpu>(queue_count);
}

void record(const Lease& lease, const Plan& plan) {
  if (lease.api() != Api::simulated) {
    throw InvalidUsage("simulated::record: the lease belongs to a ring of another API");
  }
  if (!can_be_planned(plan.fault)) {
    throw InvalidOption(
        fmt::format("simulated::record: the plan's fault is {}, but a submission can only have "
                    "fail_submit, fail_execution, hang and lose_device",
                    detail::fault_name(plan.fault)));
  }
  auto& recording = *static_cast<Recording*>(lease.native_handle());
  recording.plan = plan;
  recording.gpu->advance(plan.encode);
}

}  // namespace cbr::simulated
