#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
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
class SimulatedQueue;

/// The "native command buffer" of a slot: its plan, and what came of it.
struct Recording final : NativeSlot {
  SimulatedGpu* gpu = nullptr;
  Plan plan;
  /// Points of SimulatedTimelines.
  std::vector<TimelinePoint> waits;
  TimePoint submitted_at{};
  /// It follows another in one native submission.
  bool continues = false;
  /// How many come after it in that, and end with it as the host sees it.
  std::size_t ends_with = 0;
  /// It was pushed to a paused queue.
  bool paused = false;
  /// It was held up until then.
  TimePoint released_at{};
  /// It hung, and was released then.
  std::optional<TimePoint> hung_until;
  TimePoint start{};
  TimePoint end{};
  /// How many have ended, for GpuTimes::sampled.
  std::uint32_t submissions = 0;

  /// It doesn't end by itself.
  [[nodiscard]] bool hangs() const {
    return plan.fault == Fault::hang || (plan.fault == Fault::lose_signal && !waits.empty());
  }
  [[nodiscard]] TimePoint visible_at() const {
    return end == no_deadline ? no_deadline : end + plan.completion;
  }
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
    gathered_.reserve(capacity);
  }

  /// Takes work that goes with the next, or alone at `send_by`.
  void gather(Recording& recording, TimePoint send_by) {
    send_by_ = std::min(send_by_, send_by);
    gathered_.push_back(&recording);
  }
  /// What was gathered, and was to be sent by now, has been.
  void send_due(TimePoint now) {
    if (send_by_ <= now) send_gathered(send_by_);
  }
  void send_gathered(TimePoint at) {
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      push(*gathered_[i], at, i > 0, gathered_.size() - 1 - i);
    }
    gathered_.clear();
    send_by_ = no_deadline;
  }
  /// With what was gathered.
  void submit(Recording& recording, TimePoint now) {
    gather(recording, now);
    send_gathered(now);
  }

  /// Ends what is visible to the host at `now`. Returns true if that loses the device.
  bool advance_to(TimePoint now) {
    send_due(now);
    while (count_ > 0 && visible_at(0) <= now) {
      if (entry(0).plan.fault == Fault::lose_device) return true;
      last_end_ = entry(0).end;
      ends_[(completed().value() + 1) % ends_.size()] = signalled_at(0);
      head_ = place(1);
      --count_;
    }
    return false;
  }

  /// Work pushed from now on does not start.
  void pause() { paused_ = true; }

  /// The ring is gone, and the recordings with it: what the loss of the device left has ended.
  void abandon() {
    count_ = 0;
    gathered_.clear();
    send_by_ = no_deadline;
  }

  /// Lets whatever hangs end at `now`, and what was held up run. The times follow by reschedule().
  void release(TimePoint now) {
    paused_ = false;
    for (Recording* const recording : gathered_) {
      if (recording->hangs()) recording->plan.fault = Fault::none;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      Recording& recording = entry(i);
      if (recording.end != no_deadline) continue;
      if (recording.plan.fault == Fault::hang) recording.hung_until = now;
      const bool started = recording.start != no_deadline;
      if (!started && (recording.paused || recording.hangs())) recording.released_at = now;
      if (recording.hangs()) recording.plan.fault = Fault::none;
      recording.paused = false;
    }
  }

  /// Finds out when what has had no end gets one. Returns false if nothing has changed.
  bool reschedule() {
    bool changed = false;
    TimePoint free_at = last_end_;
    for (std::size_t i = 0; i < count_; ++i) {
      Recording& recording = entry(i);
      if (recording.end == no_deadline) {
        schedule(recording, free_at);
        changed = changed || recording.end != no_deadline;
      }
      free_at = recording.end;
    }
    return changed;
  }

  [[nodiscard]] Serial completed() const { return Serial(submitted_ - count_); }

  /// When the host can see that `serial` has ended; no_deadline if it never will by itself.
  [[nodiscard]] TimePoint time_of(Serial serial) const {
    if (completed().covers(serial)) return TimePoint{};
    if (serial.value() > submitted_) return no_deadline;
    TimePoint latest{};
    for (std::size_t i = 0; i <= behind_front(serial); ++i) {
      latest = std::max(latest, visible_at(i));
    }
    return latest;
  }

  /// When `serial` is signalled to have ended; no_deadline if it never will by itself. Of what
  /// ended long ago, any moment in the past.
  [[nodiscard]] TimePoint end_of(Serial serial) const {
    if (serial.value() > submitted_) return no_deadline;
    if (!completed().covers(serial)) return signalled_at(behind_front(serial));
    const bool known = completed().value() - serial.value() < ends_.size();
    return known ? ends_[serial.value() % ends_.size()] : TimePoint{};
  }

 private:
  void push(Recording& recording, TimePoint at, bool continues, std::size_t ends_with) {
    recording.submitted_at = at;
    recording.continues = continues;
    recording.ends_with = ends_with;
    recording.paused = paused_;
    recording.released_at = {};
    recording.hung_until.reset();
    entries_[place(count_)] = &recording;
    ++count_;
    ++submitted_;
    schedule(recording, count_ > 1 ? entry(count_ - 2).end : last_end_);
  }
  static TimePoint end_of(const TimelinePoint& point);
  static void schedule(Recording& recording, TimePoint free_at) {
    recording.start = recording.end = no_deadline;
    if (recording.paused || free_at == no_deadline) return;
    TimePoint start =
        std::max({recording.submitted_at + recording.plan.launch, recording.released_at, free_at});
    if (free_at != TimePoint{} && !recording.continues) {
      start = std::max(start, free_at + recording.plan.pause);
    }
    if (recording.plan.fault == Fault::lose_signal && !recording.waits.empty()) return;
    for (const TimelinePoint& wait : recording.waits) {
      const TimePoint end = end_of(wait);
      if (end == no_deadline) return;
      start = std::max(start, end + recording.plan.signal);
    }
    recording.start = start;
    if (recording.plan.fault == Fault::hang) return;
    recording.end = recording.hung_until ? std::max(start, *recording.hung_until)
                                         : start + recording.plan.execute;
  }
  [[nodiscard]] std::size_t behind_front(Serial serial) const {
    return static_cast<std::size_t>(serial.value() - completed().value() - 1);
  }
  [[nodiscard]] Recording& entry(std::size_t index) const { return *entries_[place(index)]; }
  /// When the native submission of an entry has ended.
  [[nodiscard]] TimePoint signalled_at(std::size_t index) const {
    return entry(index + entry(index).ends_with).end;
  }
  /// When the host can see that.
  [[nodiscard]] TimePoint visible_at(std::size_t index) const {
    TimePoint latest{};
    for (std::size_t i = index; i <= index + entry(index).ends_with; ++i) {
      latest = std::max(latest, entry(i).visible_at());
    }
    return latest;
  }
  /// Of the entry that comes so many after the first.
  [[nodiscard]] std::size_t place(std::size_t index) const {
    const std::size_t behind = head_ + index;
    return behind < entries_.size() ? behind : behind - entries_.size();
  }

  std::vector<Recording*> entries_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t submitted_ = 0;
  bool paused_ = false;
  std::vector<Recording*> gathered_;
  TimePoint send_by_ = no_deadline;
  /// Of what has ended last.
  TimePoint last_end_{};
  /// When the latest ended, by serial.
  std::array<TimePoint, 64> ends_{};
};

/// One device, and the clock by which it runs.
struct World {
  void move_clock_to(TimePoint time) {
    now_ns.store(std::max(now(), time).time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] TimePoint now() const {
    return TimePoint(std::chrono::nanoseconds(now_ns.load(std::memory_order_relaxed)));
  }
  void require_device() const {
    if (lost) throw DeviceLost("the simulated device is lost");
  }
  void end_visible_work() {
    for (SimulatedQueue* const queue : queues) {
      if (!queue->advance_to(now())) continue;
      lost = true;
      changed.notify_all();
      require_device();
    }
  }
  /// After a release: what waited for other queues may go on as well.
  void reschedule() {
    for (bool changes = true; changes;) {
      changes = false;
      for (SimulatedQueue* const queue : queues) changes = queue->reschedule() || changes;
    }
  }

  Atomic<std::int64_t> now_ns = 0;
  Atomic<bool> lost = false;
  Mutex mutex;
  /// Signalled when a wait may have something new to see.
  ConditionVariable changed;
  /// Of all backends that a ring is attached to. The mutex guards them, and what is in them.
  std::vector<SimulatedQueue*> queues;
};

/// A queue, for others to wait for. Keeps the device too.
class SimulatedTimeline final : public QueueTimeline {
 public:
  SimulatedTimeline(std::shared_ptr<World> world, std::shared_ptr<SimulatedQueue> its_queue)
      : queue(std::move(its_queue)), world_(std::move(world)) {}
  [[nodiscard]] const void* device() const noexcept override { return world_.get(); }

  const std::shared_ptr<SimulatedQueue> queue;

 private:
  const std::shared_ptr<World> world_;
};

TimePoint SimulatedQueue::end_of(const TimelinePoint& point) {
  // The ring has asked for its device.
  return static_cast<const SimulatedTimeline&>(*point.timeline).queue->end_of(point.serial);
}

class SimulatedGpu final : public Gpu {
 public:
  SimulatedGpu(std::uint32_t queue_count, std::shared_ptr<World> world)
      : queue_count_(queue_count), world_(std::move(world)) {
    if (queue_count == 0) throw InvalidOption("a simulated GPU has 0 queues, at least 1 is needed");
  }

  SimulatedGpu(const SimulatedGpu&) = delete;
  SimulatedGpu& operator=(const SimulatedGpu&) = delete;
  /// Also where no ring has detached: the others of the device go on.
  ~SimulatedGpu() override { detach(); }

  [[nodiscard]] Api api() const noexcept override { return Api::simulated; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return queue_count_; }
  [[nodiscard]] bool has_virtual_clock() const noexcept override { return true; }
  [[nodiscard]] TimePoint now() const noexcept override { return world_->now(); }

  void attach(const SlotLayout& layout) override {
    const LockGuard lock(world_->mutex);
    if (!timelines_.empty()) {
      throw InvalidUsage(
          fmt::format("{}: this simulated GPU serves another ring already", layout.ring_name));
    }
    world_->require_device();
    try {
      world_->queues.reserve(world_->queues.size() + queue_count_);
      for (std::uint32_t i = 0; i < queue_count_; ++i) {
        timelines_.push_back(
            std::make_shared<SimulatedTimeline>(world_, std::make_shared<SimulatedQueue>()));
      }
      for (std::uint32_t i = 0; i < layout.ring_size; ++i) make_slot(i);
    } catch (...) {
      clear();
      throw;
    }
    for (const auto& timeline : timelines_) world_->queues.push_back(timeline->queue.get());
    // Each ring counts its wake numbers from 1.
    woken_ = 0;
    gpu_times_ = layout.gpu_times;
  }

  void detach() noexcept final {
    const LockGuard lock(world_->mutex);
    clear();
  }

  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    return std::move(recordings_[to_number(slot)]);
  }

  void add_slot(SlotIndex slot) override {
    const LockGuard lock(world_->mutex);
    world_->require_device();
    make_slot(to_number(slot));
  }

  void remove_slot(SlotIndex slot) noexcept override { recordings_[to_number(slot)].reset(); }

  [[nodiscard]] std::shared_ptr<const QueueTimeline> timeline(QueueIndex queue) const override {
    return timelines_[to_number(queue)];
  }

  void* begin(SlotIndex slot) override {
    world_->require_device();
    if (fail_next_begin_ && fail_next_begin_.exchange(false)) {
      throw BackendError(fmt::format("slot #{} can't begin, as was asked for", to_number(slot)));
    }
    Recording& recording = *recordings_[to_number(slot)];
    recording.plan = {};
    return &recording;
  }

  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    {
      const LockGuard lock(world_->mutex);
      world_->require_device();
      Recording& recording = *recordings_[to_number(slot)];
      queue_of(slot).send_due(now());
      world_->move_clock_to(now() + recording.plan.submit);
      require_acceptable(recording, slot, serial);
      // What waits begins a native submission of its own.
      if (!waits.empty()) queue_of(slot).send_gathered(now());
      recording.waits.clear();
      recording.waits.reserve(waits.size());
      std::move(waits.begin(), waits.end(), std::back_inserter(recording.waits));
      queue_of(slot).submit(recording, now());
    }
    world_->changed.notify_all();
  }

  [[nodiscard]] bool coalesces() const noexcept override { return true; }

  bool gather(SlotIndex slot, Serial serial, TimePoint send_by) override {
    const LockGuard lock(world_->mutex);
    world_->require_device();
    Recording& recording = *recordings_[to_number(slot)];
    require_acceptable(recording, slot, serial);
    recording.waits.clear();
    queue_of(slot).send_due(now());
    queue_of(slot).gather(recording, send_by);
    return true;
  }

  void flush(QueueIndex queue) override {
    {
      const LockGuard lock(world_->mutex);
      world_->require_device();
      at(queue).send_due(now());
      at(queue).send_gathered(now());
    }
    world_->changed.notify_all();
  }

  void discard(SlotIndex /*slot*/) noexcept override {}

  Serial completed(QueueIndex queue) override {
    const LockGuard lock(world_->mutex);
    world_->require_device();
    world_->end_visible_work();
    return at(queue).completed();
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
    // There is one clock.
    if (completion.end) completion.clock = ClockOffset{};
    if (recording.plan.fault == Fault::fail_execution) {
      completion.error = execution_failure(slot);
    }
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    UniqueLock lock(world_->mutex);
    for (;;) {
      world_->require_device();
      world_->end_visible_work();
      TimePoint end = no_deadline;
      for (const SyncPoint& point : points) {
        const SimulatedQueue& queue = at(point.queue);
        if (queue.completed().covers(point.serial)) return WaitStatus::reached;
        end = std::min(end, queue.time_of(point.serial));
      }
      if (wake_number != 0 && woken_ >= wake_number) return WaitStatus::woken;
      if (end != no_deadline && end <= deadline) {
        world_->move_clock_to(end);
      } else if (deadline != no_deadline) {
        world_->move_clock_to(deadline);
        return WaitStatus::timed_out;
      } else {
        world_->changed.wait(lock);
      }
    }
  }

  // A thread that spins lets time pass, as a real clock does by itself: to the next end of work if
  // there is one.
  void relax() noexcept override {
    const LockGuard lock(world_->mutex);
    TimePoint next = now() + std::chrono::microseconds(1);
    for (const SimulatedQueue* const queue : world_->queues) {
      const TimePoint end = queue->time_of(queue->completed().next());
      if (end != no_deadline) next = std::min(next, std::max(end, now()));
    }
    world_->move_clock_to(next);
    std::this_thread::yield();
  }

  void wake(std::uint64_t wake_number) override {
    {
      const LockGuard lock(world_->mutex);
      woken_ = std::max(woken_, wake_number);
    }
    world_->changed.notify_all();
  }

  void pause() override {
    const LockGuard lock(world_->mutex);
    for (const auto& timeline : timelines_) timeline->queue->pause();
  }

  void release() override {
    {
      const LockGuard lock(world_->mutex);
      for (const auto& timeline : timelines_) timeline->queue->release(now());
      world_->reschedule();
    }
    world_->changed.notify_all();
  }

  void lose_device() override {
    world_->lost = true;
    {
      // Taken so that no waiter is between its check and its sleep.
      const LockGuard lock(world_->mutex);
    }
    world_->changed.notify_all();
  }

  void fail_next_begin() override { fail_next_begin_ = true; }

  void advance(std::chrono::nanoseconds time) override {
    const LockGuard lock(world_->mutex);
    world_->move_clock_to(now() + time);
  }

  [[nodiscard]] std::shared_ptr<Gpu> another(std::uint32_t queue_count) override {
    return std::make_shared<SimulatedGpu>(queue_count, world_);
  }

 private:
  /// Times are noted for the first of so many submissions with GpuTimes::sampled.
  static constexpr std::uint32_t sampling_interval = 16;

  void clear() noexcept {
    for (const auto& timeline : timelines_) {
      std::erase(world_->queues, timeline->queue.get());
      timeline->queue->abandon();
    }
    timelines_.clear();
    for (auto& recording : recordings_) recording.reset();
  }
  /// Whether the times of this submission are noted where they are sampled.
  static bool is_sampled(Recording& recording) {
    return recording.submissions++ % sampling_interval == 0;
  }

  static void require_acceptable(const Recording& recording, SlotIndex slot, Serial serial) {
    if (recording.plan.fault != Fault::fail_submit) return;
    throw SubmitFailed(fmt::format("the submission of slot #{} with serial {} fails, as planned",
                                   to_number(slot), serial.value()));
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

  [[nodiscard]] SimulatedQueue& at(QueueIndex queue) const {
    return *timelines_[to_number(queue)]->queue;
  }
  [[nodiscard]] SimulatedQueue& queue_of(SlotIndex slot) const {
    return at(QueueIndex{to_number(slot) % queue_count_});
  }

  void make_slot(std::uint32_t index) {
    recordings_[index] = std::make_unique<Recording>();
    recordings_[index]->gpu = this;
    queue_of(SlotIndex{index}).reserve(index + 1);
  }

  const std::uint32_t queue_count_;
  const std::shared_ptr<World> world_;
  Atomic<bool> fail_next_begin_ = false;

  // The world's mutex guards all below; a slot's recording belongs to the lease while it is leased.
  /// As many as there can be, so that a slot can be added while others are in use.
  std::vector<std::unique_ptr<Recording>> recordings_{max_ring_size};
  /// One a queue, while a ring is attached.
  std::vector<std::shared_ptr<SimulatedTimeline>> timelines_;
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
    case Fault::lose_signal:
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
  return std::make_shared<SimulatedGpu>(queue_count, std::make_shared<World>());
}

void record(const Lease& lease, const Plan& plan) {
  if (lease.api() != Api::simulated) {
    throw InvalidUsage("simulated::record: the lease belongs to a ring of another API");
  }
  if (!can_be_planned(plan.fault)) {
    throw InvalidOption(
        fmt::format("simulated::record: the plan's fault is {}, but a submission can only have "
                    "fail_submit, fail_execution, hang, lose_device and lose_signal",
                    detail::fault_name(plan.fault)));
  }
  auto& recording = *static_cast<Recording*>(lease.native_handle());
  recording.plan = plan;
  recording.gpu->advance(plan.encode);
}

}  // namespace cbr::simulated
