#include "backends/decorators/contract.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace cbr::detail {

Contract::Contract(std::uint32_t queue_count, ViolationSink sink)
    : sink_(std::move(sink)), queues_(queue_count) {}

const char* Contract::text(State state) {
  switch (state) {
    case State::absent:
      return "absent";
    case State::free:
      return "free";
    case State::recording:
      return "recording";
    case State::in_flight:
      return "in flight";
    case State::abandoned:
      return "abandoned";
  }
  return "in no known state";
}

std::string Contract::where(const char* call, SlotIndex slot) {
  return fmt::format("{}(slot #{})", call, to_number(slot));
}

void Contract::raise(Serial& mark, Serial serial) {
  if (!mark.covers(serial)) mark = serial;
}

template <typename Rules>
void Contract::check(Rules&& rules) {
  Violations violations;
  {
    const std::lock_guard lock(mutex_);
    violations.swap(deferred_);
    std::forward<Rules>(rules)(violations);
  }
  for (const std::string& line : violations) sink_(line);
}

Contract::SlotRecord& Contract::record(SlotIndex slot) {
  return slots_[std::min(to_number(slot), max_ring_size)];
}

Contract::QueueRecord& Contract::queue_of(SlotIndex slot) {
  return queues_[to_number(slot) % queues_.size()];
}

void Contract::require_attached(Violations& violations, const char* call) const {
  if (!attached_) violations.push_back(fmt::format("{}: no ring is attached", call));
}

bool Contract::require_queue(Violations& violations, const char* call, QueueIndex queue) const {
  if (to_number(queue) < queues_.size()) return true;
  violations.push_back(fmt::format("{}: queue {} of {}", call, to_number(queue), queues_.size()));
  return false;
}

void Contract::enter(Violations& violations, const char* call, SlotIndex slot, State expected) {
  require_attached(violations, call);
  SlotRecord& entry = record(slot);
  if (entry.call != nullptr) {
    violations.push_back(fmt::format("{}: {} of the same slot is under way on another thread",
                                     where(call, slot), entry.call));
  } else if (entry.state != expected) {
    violations.push_back(fmt::format("{}: the slot is {}, it must be {}", where(call, slot),
                                     text(entry.state), text(expected)));
  }
  entry.call = call;
}

void Contract::leave(SlotIndex slot, State state) {
  record(slot).call = nullptr;
  record(slot).state = state;
}

void Contract::attached(std::uint32_t ring_size, GpuTimes gpu_times,
                        std::vector<std::shared_ptr<const QueueTimeline>> timelines) {
  check([&](Violations& violations) {
    const auto is_null = [](const auto& timeline) { return timeline == nullptr; };
    const bool all = std::none_of(timelines.begin(), timelines.end(), is_null);
    if (!all && !std::all_of(timelines.begin(), timelines.end(), is_null)) {
      violations.emplace_back("timeline: some queues have one, and some have none");
    }
    if (all && std::any_of(timelines.begin(), timelines.end(), [&](const auto& timeline) {
          return timeline->device() == nullptr || timeline->device() != timelines[0]->device();
        })) {
      violations.emplace_back("timeline: those of the queues don't name one device");
    }
    timelines_ = std::move(timelines);
    if (attached_) violations.emplace_back("attach: succeeded with another ring attached already");
    if (ring_size < 1 || ring_size > max_ring_size) {
      violations.push_back(
          fmt::format("attach: ring_size is {}, allowed are 1 to {}", ring_size, max_ring_size));
    }
    attached_ = true;
    gpu_times_ = gpu_times;
    woken_ = 0;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      slots_[i] = {};
      if (i < ring_size) slots_[i].state = State::free;
    }
    std::fill(queues_.begin(), queues_.end(), QueueRecord{});
    claims_.clear();
  });
}

void Contract::detach_starts() {
  check([&](Violations& violations) {
    require_attached(violations, "detach");
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      const SlotRecord& entry = slots_[i];
      if (entry.call != nullptr) {
        violations.push_back(fmt::format("detach: {} of slot #{} is under way", entry.call, i));
      }
      if (!lost_ && entry.state == State::in_flight &&
          !queue_of(SlotIndex{i}).reached.covers(entry.serial)) {
        violations.push_back(
            fmt::format("detach: slot #{} is in flight with serial {}", i, entry.serial.value()));
      }
    }
    if (waits_ > 0) {
      violations.push_back(
          fmt::format("detach: {} calls of wait, wake or completed are under way", waits_));
    }
    attached_ = false;
    // They go with the ring, unless somebody waits for them.
    timelines_.clear();
  });
}

void Contract::enter_change(Violations& violations, const char* call, SlotIndex slot,
                            State expected) {
  enter(violations, call, slot, expected);
  if (changing_slots_) {
    violations.push_back(
        fmt::format("{}: a slot is being added or removed on another thread", where(call, slot)));
  }
  changing_slots_ = true;
}

void Contract::leave_change(SlotIndex slot, State state) {
  leave(slot, state);
  changing_slots_ = false;
}

void Contract::add_starts(SlotIndex slot) {
  check([&](Violations& violations) {
    enter_change(violations, "add_slot", slot, State::absent);
    // Slots that were removed may be anywhere below the highest one there is.
    const auto last = std::find_if(slots_.rbegin(), slots_.rend(), [](const SlotRecord& entry) {
      return entry.state != State::absent;
    });
    const auto past_last = static_cast<std::uint32_t>(slots_.rend() - last);
    if (to_number(slot) > past_last || to_number(slot) >= max_ring_size) {
      violations.push_back(fmt::format("{}: the first slot past the last is #{}, allowed are {}",
                                       where("add_slot", slot), past_last, max_ring_size));
    }
  });
}

void Contract::added(SlotIndex slot) {
  check([&](Violations& /*violations*/) { leave_change(slot, State::free); });
}

void Contract::add_failed(SlotIndex slot) {
  check([&](Violations& /*violations*/) { leave_change(slot, State::absent); });
}

void Contract::remove_starts(SlotIndex slot) {
  check(
      [&](Violations& violations) { enter_change(violations, "remove_slot", slot, State::free); });
}

void Contract::removed(SlotIndex slot) {
  check([&](Violations& /*violations*/) { leave_change(slot, State::absent); });
}

void Contract::begin_starts(SlotIndex slot) {
  check([&](Violations& violations) { enter(violations, "begin", slot, State::free); });
}

void Contract::begun(SlotIndex slot, const void* handle) {
  check([&](Violations& violations) {
    if (handle == nullptr) {
      violations.push_back(fmt::format("{}: returned a null handle", where("begin", slot)));
    }
    leave(slot, State::recording);
  });
}

void Contract::begin_failed(SlotIndex slot) {
  check([&](Violations& /*violations*/) { leave(slot, State::free); });
}

void Contract::require_waits(Violations& violations, SlotIndex slot,
                             std::span<TimelinePoint> waits) {
  std::vector<SyncPoint>& known = record(slot).waits;
  known.clear();
  for (const TimelinePoint& wait : waits) {
    if (wait.timeline == nullptr || wait.serial.value() == 0) {
      violations.push_back(fmt::format("{}: it is to wait for nothing", where("submit", slot)));
      continue;
    }
    if (timelines_.empty() || timelines_.front() == nullptr ||
        wait.timeline->device() != timelines_.front()->device()) {
      violations.push_back(
          fmt::format("{}: it is to wait for work of another device", where("submit", slot)));
      continue;
    }
    const auto own = std::find(timelines_.begin(), timelines_.end(), wait.timeline);
    if (own == timelines_.end()) continue;
    const QueueIndex queue{static_cast<std::uint32_t>(own - timelines_.begin())};
    if (!queues_[to_number(queue)].submitted.covers(wait.serial)) {
      violations.push_back(
          fmt::format("{}: it is to wait for serial {} of queue {}, but only {} were submitted",
                      where("submit", slot), wait.serial.value(), to_number(queue),
                      queues_[to_number(queue)].submitted.value()));
    }
    known.push_back({queue, wait.serial});
  }
}

void Contract::submit_starts(const char* call, SlotIndex slot, Serial serial,
                             std::span<TimelinePoint> waits) {
  check([&](Violations& violations) {
    enter(violations, call, slot, State::recording);
    require_waits(violations, slot, waits);
    QueueRecord& queue = queue_of(slot);
    if (queue.submitting) {
      violations.push_back(
          fmt::format("{}: another submission to the same queue is under way on another thread",
                      where(call, slot)));
    } else if (serial.value() != queue.submitted.next().value()) {
      violations.push_back(fmt::format("{}: the serial is {}, it must be {}", where(call, slot),
                                       serial.value(), queue.submitted.next().value()));
    }
    queue.submitting = true;
    // Before the call: the work may end before the call does.
    queue.submitted = serial;
    record(slot).serial = serial;
  });
}

void Contract::submitted(SlotIndex slot, bool gathered) {
  check([&](Violations& /*violations*/) {
    QueueRecord& queue = queue_of(slot);
    queue.submitting = false;
    if (!gathered) queue.sent = queue.submitted;
    leave(slot, State::in_flight);
  });
}

void Contract::gathered_in_vain() {
  sink_("gather: the backend does not coalesce");
}

void Contract::flush_starts(QueueIndex queue) {
  check([&](Violations& violations) {
    require_attached(violations, "flush");
    if (!require_queue(violations, "flush", queue)) return;
    if (std::exchange(queues_[to_number(queue)].submitting, true)) {
      violations.push_back(fmt::format(
          "flush(queue {}): a submission to it is under way on another thread", to_number(queue)));
    }
  });
}

void Contract::flushed(QueueIndex queue) {
  check([&](Violations& /*violations*/) {
    if (to_number(queue) >= queues_.size()) return;
    QueueRecord& entry = queues_[to_number(queue)];
    entry.submitting = false;
    entry.sent = entry.submitted;
  });
}

void Contract::flush_failed(QueueIndex queue) {
  check([&](Violations& /*violations*/) {
    if (to_number(queue) < queues_.size()) queues_[to_number(queue)].submitting = false;
  });
}

void Contract::submit_failed(SlotIndex slot, Serial serial) {
  check([&](Violations& /*violations*/) {
    queue_of(slot).submitting = false;
    // The serial may be used again.
    queue_of(slot).submitted = Serial(serial.value() - 1);
    leave(slot, State::free);
  });
}

void Contract::abandon_starts(SlotIndex slot) noexcept {
  const std::lock_guard lock(mutex_);
  enter(deferred_, "abandon", slot, State::recording);
}

void Contract::abandoned(SlotIndex slot, const void* objects) noexcept {
  const std::lock_guard lock(mutex_);
  if (objects == nullptr) {
    deferred_.push_back(fmt::format("{}: handed out nothing", where("abandon", slot)));
  }
  leave(slot, State::abandoned);
}

void Contract::discard_starts(SlotIndex slot) {
  check([&](Violations& violations) { enter(violations, "discard", slot, State::recording); });
}

void Contract::discarded(SlotIndex slot) {
  check([&](Violations& /*violations*/) { leave(slot, State::free); });
}

void Contract::finish_starts(SlotIndex slot) {
  check([&](Violations& violations) {
    enter(violations, "finish", slot, State::in_flight);
    const SlotRecord& entry = record(slot);
    QueueRecord& queue = queue_of(slot);
    if (const char* const other = std::exchange(queue.retiring, "finish")) {
      violations.push_back(fmt::format("{}: {} of the same queue is under way on another thread",
                                       where("finish", slot), other));
    }
    if (entry.state != State::in_flight) return;
    if (!queue.completed.covers(entry.serial)) {
      violations.push_back(fmt::format("{}: serial {} has not ended, completed is {}",
                                       where("finish", slot), entry.serial.value(),
                                       queue.completed.value()));
    }
    const Serial next = queue.finished.next();
    if (entry.serial.value() != next.value()) {
      violations.push_back(fmt::format("{}: the serial is {}, it must be {}", where("finish", slot),
                                       entry.serial.value(), next.value()));
    }
    raise(queue.finished, entry.serial);
    // What it waited for has ended before it, and so is seen to have.
    for (const SyncPoint& wait : entry.waits)
      raise(queues_[to_number(wait.queue)].reached, wait.serial);
  });
}

void Contract::finished(SlotIndex slot, const Completion& completion) {
  check([&](Violations& violations) {
    require_times(violations, slot, completion);
    queue_of(slot).retiring = nullptr;
    leave(slot, State::free);
  });
}

void Contract::finish_failed(SlotIndex slot) {
  check([&](Violations& /*violations*/) {
    queue_of(slot).retiring = nullptr;
    leave(slot, State::free);
  });
}

void Contract::require_times(Violations& violations, SlotIndex slot,
                             const Completion& completion) const {
  const auto breaks = [&](std::string_view rule) {
    violations.push_back(fmt::format("{}: {}", where("finish", slot), rule));
  };
  const auto& interval = completion.interval;
  if (interval && interval->end < interval->start) breaks("the interval ends before it starts");
  if (interval && completion.end != interval->end) breaks("the end is not that of the interval");
  if (interval && (gpu_times_ == GpuTimes::end || gpu_times_ == GpuTimes::none)) {
    breaks("tells an interval that was not asked for");
  }
  if (completion.end && gpu_times_ == GpuTimes::none) breaks("tells an end that was not asked for");
  if (completion.clock && completion.clock->deviation.count() < 0) {
    breaks("the deviation of its clock is negative");
  }
}

Contract::Known Contract::completed_starts(QueueIndex queue) {
  Known known;
  check([&](Violations& violations) {
    require_attached(violations, "completed");
    ++waits_;
    if (!require_queue(violations, "completed", queue)) return;
    QueueRecord& entry = queues_[to_number(queue)];
    if (const char* const other = std::exchange(entry.retiring, "completed")) {
      violations.push_back(
          fmt::format("completed(queue {}): {} of the same queue is under way on another thread",
                      to_number(queue), other));
    }
    known = {entry.reached, claims_.made()};
  });
  return known;
}

void Contract::completed(QueueIndex queue, const Known& known, Serial result) {
  check([&](Violations& violations) {
    --waits_;
    if (to_number(queue) >= queues_.size()) return;
    QueueRecord& entry = queues_[to_number(queue)];
    entry.retiring = nullptr;
    if (!result.covers(known.at_least)) {
      violations.push_back(fmt::format("completed(queue {}): is {}, but {} had ended",
                                       to_number(queue), result.value(), known.at_least.value()));
    }
    const std::size_t refuted = claims_.settle(queue, known.claims, result);
    for (std::size_t i = 0; i < refuted; ++i) {
      violations.emplace_back("wait: returned `reached`, but no point had ended");
    }
    if (!entry.submitted.covers(result)) {
      violations.push_back(fmt::format("completed(queue {}): is {}, but only {} were submitted",
                                       to_number(queue), result.value(), entry.submitted.value()));
    }
    raise(entry.completed, result);
    raise(entry.reached, result);
  });
}

void Contract::completed_failed(QueueIndex queue) {
  check([&](Violations& /*violations*/) {
    --waits_;
    if (to_number(queue) < queues_.size()) queues_[to_number(queue)].retiring = nullptr;
  });
}

bool Contract::wait_starts(std::span<const SyncPoint> points) {
  bool has_ended = false;
  check([&](Violations& violations) {
    require_attached(violations, "wait");
    if (points.empty()) violations.emplace_back("wait: there is no point to wait for");
    for (const SyncPoint& point : points) {
      if (!require_queue(violations, "wait", point.queue)) continue;
      const QueueRecord& queue = queues_[to_number(point.queue)];
      has_ended = has_ended || queue.reached.covers(point.serial);
      if (queue.submitted.covers(point.serial) && !queue.sent.covers(point.serial)) {
        violations.push_back(fmt::format("wait: serial {} of queue {} is gathered, and not sent",
                                         point.serial.value(), to_number(point.queue)));
      }
    }
    ++waits_;
  });
  return has_ended;
}

void Contract::wait_failed() {
  check([&](Violations& /*violations*/) { --waits_; });
}

void Contract::wait_reached(std::span<const SyncPoint> points) {
  check([&](Violations& violations) {
    --waits_;
    if (points.size() == 1 && to_number(points[0].queue) < queues_.size()) {
      QueueRecord& queue = queues_[to_number(points[0].queue)];
      if (!queue.submitted.covers(points[0].serial)) {
        violations.push_back(
            fmt::format("wait: returned `reached` for serial {}, but only {} were submitted",
                        points[0].serial.value(), queue.submitted.value()));
      }
      raise(queue.reached, points[0].serial);
    } else if (points.size() > 1) {
      claims_.add(points);
    }
  });
}

void Contract::wait_woken(std::uint64_t wake_number, bool had_ended) {
  check([&](Violations& violations) {
    --waits_;
    if (wake_number == 0) {
      violations.emplace_back("wait: returned `woken`, but was not to be woken");
    } else if (woken_ < wake_number) {
      violations.push_back(
          fmt::format("wait: returned `woken` for wake number {}, but {} is the "
                      "highest woken",
                      wake_number, woken_));
    }
    if (had_ended) violations.emplace_back("wait: returned `woken`, but a point had ended");
  });
}

void Contract::wait_timed_out(TimePoint deadline, TimePoint now, bool had_ended) {
  check([&](Violations& violations) {
    --waits_;
    if (deadline == no_deadline) {
      violations.emplace_back("wait: returned `timed_out` without a deadline");
    } else if (now < deadline) {
      violations.push_back(fmt::format("wait: returned `timed_out` {} ns before the deadline",
                                       std::chrono::nanoseconds(deadline - now).count()));
    }
    if (had_ended) violations.emplace_back("wait: returned `timed_out`, but a point had ended");
  });
}

void Contract::wake_starts(std::uint64_t wake_number) {
  check([&](Violations& violations) {
    require_attached(violations, "wake");
    if (wake_number == 0) violations.emplace_back("wake: number 0, numbers count from 1");
    woken_ = std::max(woken_, wake_number);
    ++waits_;
  });
}

void Contract::wake_ended() {
  check([&](Violations& /*violations*/) { --waits_; });
}

bool Contract::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void Contract::lose() {
  check([&](Violations& /*violations*/) { lost_ = true; });
}

void Contract::succeeded(const char* call, bool was_lost) {
  if (was_lost) sink_(fmt::format("{}: succeeded although the device is lost", call));
}

void Contract::reported_late() {
  sink_("report: called although no ring is attached");
}

}  // namespace cbr::detail
