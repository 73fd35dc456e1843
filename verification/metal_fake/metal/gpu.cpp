#include "metal_fake/metal/gpu.h"

#include <algorithm>
#include <utility>

#include "metal_fake/metal/fake_settings.h"

namespace cbr::metal_fake {
namespace {

thread_local bool running_handler = false;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool unmet(const Command& command) {
  return command.kind == Command::Kind::wait && command.event->value < command.value;
}

}  // namespace

Gpu& Gpu::get() {
  // Never destroyed: its threads run until the process ends.
  static auto* const gpu = new Gpu;
  return *gpu;
}

void Gpu::start_threads() {
  if (std::exchange(started_, true)) return;
  std::thread([this] { run_gpu(); }).detach();
  std::thread([this] { run_driver(); }).detach();
}

void Gpu::enqueue(const std::shared_ptr<QueueState>& queue,
                  std::shared_ptr<Submission> submission) {
  const std::lock_guard lock(mutex_);
  if (queue->submissions_.empty()) queues_.push_back(queue);
  queue->submissions_.push_back(std::move(submission));
}

void Gpu::commit(const std::shared_ptr<QueueState>& queue,
                 const std::shared_ptr<Submission>& submission) {
  const std::lock_guard lock(mutex_);
  start_threads();
  auto& order = queue->submissions_;
  if (order.empty()) queues_.push_back(queue);
  if (std::find(order.begin(), order.end(), submission) == order.end()) {
    order.push_back(submission);
  }
  submission->committed = true;
  changed_.notify_all();
}

void Gpu::abandon(const std::shared_ptr<QueueState>& queue,
                  const std::shared_ptr<Submission>& submission) {
  const std::lock_guard lock(mutex_);
  if (std::erase(queue->submissions_, submission) > 0 && queue->submissions_.empty()) {
    std::erase(queues_, queue);
  }
  changed_.notify_all();
}

std::uint64_t Gpu::event_value(const EventState& event) {
  const std::lock_guard lock(mutex_);
  return event.value;
}

void Gpu::set_event_value(EventState& event, std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  event.value = value;
  changed_.notify_all();
}

void Gpu::call(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  start_threads();
  tasks_.push_back(std::move(task));
  driver_changed_.notify_all();
}

bool Gpu::in_handler() {
  return running_handler;
}

void Gpu::run_driver() {
  running_handler = true;
  std::unique_lock lock(mutex_);
  while (true) {
    driver_changed_.wait(lock, [this] { return !tasks_.empty(); });
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    driver_busy_ = true;
    lock.unlock();
    task();
    // What the task holds may run a program's destructors: without the lock.
    task = nullptr;
    lock.lock();
    driver_busy_ = false;
    changed_.notify_all();
  }
}

void Gpu::run_gpu() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (const auto queue = runnable()) {
      executing_ = true;
      execute(lock, queue);
      executing_ = false;
      changed_.notify_all();
    } else if (!finished_.empty()) {
      deliver_finished();
    } else {
      changed_.wait(lock);
    }
  }
}

std::shared_ptr<QueueState> Gpu::runnable() {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const std::size_t candidate = (next_queue_ + i) % queues_.size();
    const Submission& submission = *queues_[candidate]->submissions_.front();
    if (!submission.committed) continue;
    if (!removed_) {
      const bool gated = held_ && steps_ == 0 && !submission.started && !submission.queue_operation;
      if (gated) continue;
      if (submission.next < submission.commands.size() &&
          unmet(submission.commands[submission.next])) {
        continue;
      }
    }
    // Queues take turns.
    next_queue_ = candidate + 1;
    return queues_[candidate];
  }
  return nullptr;
}

void Gpu::execute(std::unique_lock<std::mutex>& lock, const std::shared_ptr<QueueState>& queue) {
  const std::shared_ptr<Submission> submission = queue->submissions_.front();
  if (!submission->started) {
    begin(*submission);
    if (!submission->queue_operation) {
      if (std::exchange(hang_, false)) {
        hung_ = true;
        submission->outcome.timed_out = true;
        changed_.wait(lock, [this] { return !hung_ || removed_; });
        hung_ = false;
      }
      busy(lock, per_buffer_);
    }
  }
  run_commands(lock, *submission);
  if (removed_) submission->outcome.device_removed = true;
  const bool waits = submission->next < submission->commands.size() &&
                     !submission->outcome.device_removed && !submission->outcome.timed_out &&
                     !submission->outcome.fault;
  if (waits) return;
  queue->submissions_.pop_front();
  if (queue->submissions_.empty()) std::erase(queues_, queue);
  finished_.push_back(submission);
  if (finished_.size() >= group_ || submission->queue_operation) deliver_finished();
}

void Gpu::begin(Submission& submission) {
  submission.started = true;
  submission.outcome.start = now();
  if (submission.queue_operation) return;
  if (steps_ > 0) --steps_;
  if (submission.scheduled) {
    tasks_.push_back(std::move(submission.scheduled));
    driver_changed_.notify_all();
  }
  bool failed = false;
  std::erase_if(faults_, [&](PendingFault& pending) {
    if (pending.skip > 0) {
      --pending.skip;
      return false;
    }
    if (std::exchange(failed, true)) return false;
    submission.outcome.fault = pending.fault;
    return true;
  });
}

void Gpu::run_commands(std::unique_lock<std::mutex>& lock, Submission& submission) {
  const auto last_run =
      std::find_if(submission.commands.rbegin(), submission.commands.rend(),
                   [](const Command& command) { return command.kind != Command::Kind::signal; });
  const auto signals_from =
      static_cast<std::size_t>(std::distance(last_run, submission.commands.rend()));
  const std::optional<Fault>& fault = submission.outcome.fault;
  while (submission.next < submission.commands.size()) {
    if (removed_ || submission.outcome.timed_out) return;
    Command& command = submission.commands[submission.next];
    if (unmet(command)) return;
    const bool dispatch = command.kind == Command::Kind::dispatch;
    if (fault && (!dispatch || command.encoder >= fault->encoder)) return;
    if (dispatch) {
      lock.unlock();
      command.run();
      Settings::get().dispatches.fetch_add(1, std::memory_order_relaxed);
      lock.lock();
      busy(lock, per_dispatch_);
    } else if (command.kind == Command::Kind::signal) {
      // The last signals of a buffer come with its completion.
      if (submission.next >= signals_from) {
        submission.last_signals.push_back(command);
      } else {
        signal(command);
        changed_.notify_all();
      }
    }
    ++submission.next;
  }
}

void Gpu::signal(const Command& command) {
  if (std::exchange(signal_lost_, false)) return;
  if (signals_held_) {
    held_signals_.push_back(command);
    return;
  }
  // A value that is behind what others signalled changes nothing.
  command.event->value = std::max(command.event->value, command.value);
}

void Gpu::busy(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time) {
  if (time <= std::chrono::nanoseconds::zero()) return;
  const auto until = std::chrono::steady_clock::now() + time;
  changed_.wait_until(lock, until, [this] { return removed_; });
}

void Gpu::deliver_finished() {
  while (!finished_.empty()) {
    const std::shared_ptr<Submission> submission = std::move(finished_.back());
    finished_.pop_back();
    submission->outcome.end = std::max(now(), submission->outcome.start);
    if (!submission->queue_operation) {
      if (const auto told = std::exchange(told_times_, std::nullopt)) {
        submission->outcome.start = told->start;
        submission->outcome.end = told->end;
      }
    }
    for (const UseCount& use : submission->uses) use->fetch_sub(1);
    submission->uses.clear();
    for (const Command& command : submission->last_signals) signal(command);
    if (!submission->queue_operation) Settings::get().completed.fetch_add(1);
    // The commands go with the task, since what they hold must not end under the lock.
    tasks_.emplace_back([submission] {
      if (submission->completed) submission->completed(submission->outcome);
      submission->completed = nullptr;
      submission->commands.clear();
    });
  }
  driver_changed_.notify_all();
  changed_.notify_all();
}

void Gpu::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
  steps_ = 0;
}

void Gpu::step(std::size_t count) {
  const std::lock_guard lock(mutex_);
  steps_ += count;
  changed_.notify_all();
}

void Gpu::release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  steps_ = 0;
  changed_.notify_all();
}

void Gpu::set_completion_group(std::size_t group) {
  const std::lock_guard lock(mutex_);
  group_ = std::max<std::size_t>(group, 1);
}

void Gpu::set_times(std::optional<std::chrono::nanoseconds> per_dispatch,
                    std::optional<std::chrono::nanoseconds> per_buffer) {
  const std::lock_guard lock(mutex_);
  per_dispatch_ = per_dispatch.value_or(per_dispatch_);
  per_buffer_ = per_buffer.value_or(per_buffer_);
}

void Gpu::hang_next() {
  const std::lock_guard lock(mutex_);
  hang_ = true;
}

void Gpu::end_hang() {
  const std::lock_guard lock(mutex_);
  hang_ = false;
  hung_ = false;
  changed_.notify_all();
}

bool Gpu::hung() {
  const std::lock_guard lock(mutex_);
  return hung_;
}

void Gpu::remove_device() {
  const std::lock_guard lock(mutex_);
  removed_ = true;
  changed_.notify_all();
}

void Gpu::fail_next(const Fault& fault, std::size_t skip) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({fault, skip});
}

void Gpu::tell_times(double start, double end) {
  const std::lock_guard lock(mutex_);
  told_times_ = {start, end};
}

void Gpu::lose_next_signal() {
  const std::lock_guard lock(mutex_);
  signal_lost_ = true;
}

void Gpu::hold_signals() {
  const std::lock_guard lock(mutex_);
  signals_held_ = true;
}

void Gpu::release_signals() {
  const std::lock_guard lock(mutex_);
  signals_held_ = false;
  for (const Command& command : std::exchange(held_signals_, {})) signal(command);
  changed_.notify_all();
}

bool Gpu::idle() const {
  const bool committed = std::any_of(queues_.begin(), queues_.end(), [](const auto& queue) {
    return std::any_of(queue->submissions_.begin(), queue->submissions_.end(),
                       [](const auto& submission) { return submission->committed; });
  });
  return !committed && !executing_ && finished_.empty() && tasks_.empty() && !driver_busy_;
}

void Gpu::wait_until_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return idle(); });
}

void Gpu::reset() {
  release_signals();
  std::unique_lock lock(mutex_);
  signal_lost_ = false;
  held_ = false;
  hang_ = false;
  hung_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return idle(); });
  steps_ = 0;
  group_ = 1;
  per_dispatch_ = std::chrono::nanoseconds::zero();
  per_buffer_ = std::chrono::nanoseconds::zero();
  removed_ = false;
  faults_.clear();
  told_times_.reset();
}

}  // namespace cbr::metal_fake
