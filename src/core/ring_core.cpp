// A ring's beginning and end, and its statistics.
#include "core/ring_core.h"

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/messages.h"

namespace cbr::detail {
namespace {

RingOptions checked(RingOptions options) {
  check_ring_size(options, options.ring_size, 1);
  if (options.spin_limit && *options.spin_limit < std::chrono::nanoseconds(0)) {
    throw InvalidOption(fmt::format("{}: spin_limit is {} ns, allowed are 0 and more", options.name,
                                    options.spin_limit->count()));
  }
  // So that twice the time, which is when it is reported again, can be reckoned with.
  constexpr std::uint64_t longest_ms = std::uint64_t{365} * 24 * 3600 * 1000;
  if (options.hang_warning_ms > longest_ms) {
    throw InvalidOption(fmt::format("{}: hang_warning_ms is {}, allowed are 0 to {}", options.name,
                                    options.hang_warning_ms, longest_ms));
  }
  return options;
}

std::shared_ptr<Backend> checked(std::shared_ptr<Backend> backend, const RingOptions& options) {
  if (backend == nullptr) {
    throw InvalidUsage(fmt::format("{}: a ring needs a backend", options.name));
  }
  check_ring_size(options, options.ring_size, backend->queue_count());
  return backend;
}

std::chrono::nanoseconds spin_limit(const RingOptions& options, Backend& backend) {
  if (options.wait_strategy != WaitStrategy::hybrid) return std::chrono::nanoseconds(0);
  return options.spin_limit ? *options.spin_limit : measure_wake_up_latency(backend);
}

std::vector<float> queue_priorities(const Backend& backend) {
  std::vector<float> priorities;
  for (std::uint32_t i = 0; i < backend.queue_count(); ++i) {
    priorities.push_back(backend.queue_priority(QueueIndex{i}));
  }
  return priorities;
}

}  // namespace

void check_ring_size(const RingOptions& options, std::uint32_t ring_size,
                     std::uint32_t queue_count) {
  if (ring_size < 1 || ring_size > max_ring_size) {
    throw InvalidOption(fmt::format("{}: ring_size is {}, allowed are 1 to {}", options.name,
                                    ring_size, max_ring_size));
  }
  if (ring_size < queue_count) {
    throw InvalidOption(
        fmt::format("{}: ring_size is {}, but the backend has {} queues and each needs a slot",
                    options.name, ring_size, queue_count));
  }
  Admission::check(options, ring_size);
}

RingCore::RingCore(std::shared_ptr<Backend> backend, RingOptions options)
    : options_(checked(std::move(options))),
      backend_(checked(std::move(backend), options_)),
      queue_count_(backend_->queue_count()),
      log_(options_.name, options_.log_sink),
      waiting_(options_.wait_strategy, detail::spin_limit(options_, *backend_)),
      submit_mutexes_(queue_count_),
      table_(options_.ring_size, queue_count_),
      timelines_(queue_count_, Timeline(options_.ring_size)),
      // Twice the slots, so that a program that looks at each ticket a step later never allocates.
      pool_(2 * options_.ring_size),
      admission_(options_, queue_priorities(*backend_)),
      counter_(options_.track_statistics),
      waiters_(options_.ageing_limit),
      completion_queues_(queue_count_),
      ring_size_(options_.ring_size) {
  lead_.points.reserve(queue_count_);
  backend_->attach({options_.ring_size, options_.name});
  if (options_.hang_warning_ms == 0) return;
  try {
    watchdog_.emplace([this] { return report_hangs(); });
  } catch (...) {
    backend_->detach();
    throw;
  }
}

TimePoint RingCore::deadline_after(std::chrono::nanoseconds timeout) const {
  const TimePoint now = backend_->now();
  return timeout >= no_deadline - now ? no_deadline : now + timeout;
}

std::shared_ptr<SequenceRecord> RingCore::make_sequence(std::optional<QueueIndex> queue) {
  require_same_process();
  if (queue && to_number(*queue) >= queue_count_) {
    throw InvalidOption(fmt::format("{}: a sequence asks for queue {}, the backend has {}",
                                    options_.name, to_number(*queue), queue_count_));
  }
  if (!queue) {
    const LockGuard lock(state_mutex_);
    queue = admission_.least_busy_queue();
  }
  return std::make_shared<SequenceRecord>(*queue);
}

RingStatistics RingCore::statistics() {
  require_same_process();
  UniqueLock lock(state_mutex_, std::defer_lock);
  try {
    collect_all(lock);
  } catch (const Error&) {
    // Statistics are what one looks at after a failure: report what is known.
    if (!lock.owns_lock()) lock.lock();
  }
  RingStatistics statistics;
  counter_.read(statistics);
  statistics.ring_size = table_.size();
  statistics.current_index = to_number(table_.cursor());
  statistics.in_flight = table_.in_flight();
  statistics.leased = table_.leased();
  return statistics;
}

void RingCore::reset_statistics() {
  require_same_process();
  const LockGuard lock(state_mutex_);
  counter_.reset(table_.leased(), table_.in_flight());
}

void RingCore::close() noexcept {
  if (!process_.same_process()) {
    // In a forked child the threads are gone and the driver is not to be called: leave everything
    // as it lies.
    kept_after_fork_ = shared_from_this();
    return;
  }
  const auto drain_or_lose = [this] {
    try {
      for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
        const Serial target = [&] {
          const LockGuard lock(state_mutex_);
          return timelines_[queue].last_submitted();
        }();
        // Not to be interrupted: what is in flight uses what is destroyed next.
        wait_serial(QueueIndex{queue}, target, no_deadline, Interruptible::no);
      }
    } catch (...) {
      // Whatever it was, nobody will wait for this work again: its tickets must not hang.
      lose(std::current_exception());
    }
  };
  drain_or_lose();
  {
    // Nobody is removing slots any more once this is set.
    const LockGuard resize_lock(resize_mutex_);
    // A submission under way is in flight after this, and drained below; later ones are refused.
    std::vector<UniqueLock> submit_locks;
    submit_locks.reserve(queue_count_);
    for (Mutex& mutex : submit_mutexes_) submit_locks.emplace_back(mutex);
    const LockGuard lock(state_mutex_);
    closed_ = true;
    stopped_ = true;
  }
  close_leases();
  // What sequences held back behind those leases has just been sent.
  drain_or_lose();
  stop_threads();
  {
    UniqueLock lock(state_mutex_);
    while (visits_ > 0) resolved_.wait(lock);
  }
  backend_->detach();
}

RingCore::Visit::Visit(RingCore& core) : core_(core) {
  const LockGuard lock(core_.state_mutex_);
  allowed_ = !core_.closed_;
  if (allowed_) ++core_.visits_;
}

RingCore::Visit::~Visit() {
  if (!allowed_) return;
  const LockGuard lock(core_.state_mutex_);
  if (--core_.visits_ == 0) core_.resolved_.notify_all();
}

void RingCore::close_leases() noexcept {
  for (std::uint32_t i = 0; i < table_.extent(); ++i) {
    const SlotIndex slot{i};
    const Submission* submission = nullptr;
    {
      const LockGuard lock(state_mutex_);
      if (table_[slot].state == SlotState::leased) submission = table_[slot].submission;
    }
    if (submission == nullptr) continue;
    log_.warn(held_at_destruction_text(*submission));
    backend_->discard(slot);
    leave_sequence(*submission);
  }
}

}  // namespace cbr::detail
