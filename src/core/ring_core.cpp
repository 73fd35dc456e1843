#include "core/ring_core.h"

#include <cstdio>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::detail {
namespace {

RingOptions checked(RingOptions options) {
  if (options.ring_size < 1 || options.ring_size > max_ring_size) {
    throw InvalidOption(fmt::format("{}: ring_size is {}, allowed are 1 to {}", options.name,
                                    options.ring_size, max_ring_size));
  }
  return options;
}

std::shared_ptr<Backend> checked(std::shared_ptr<Backend> backend, const RingOptions& options) {
  if (backend == nullptr) {
    throw InvalidUsage(fmt::format("{}: a ring needs a backend", options.name));
  }
  const std::uint32_t queues = backend->queue_count();
  if (options.ring_size < queues) {
    throw InvalidOption(
        fmt::format("{}: ring_size is {}, but the backend has {} queues and each needs a slot",
                    options.name, options.ring_size, queues));
  }
  return backend;
}

}  // namespace

RingCore::RingCore(std::shared_ptr<Backend> backend, RingOptions options)
    : options_(checked(std::move(options))),
      backend_(checked(std::move(backend), options_)),
      queue_count_(backend_->queue_count()),
      submit_mutexes_(queue_count_),
      table_(options_.ring_size, queue_count_),
      timelines_(queue_count_, Timeline(options_.ring_size)),
      // Twice the slots, so that a program that looks at each ticket a step later never allocates.
      pool_(2 * options_.ring_size),
      counter_(options_.track_statistics) {
  lead_.points.reserve(queue_count_);
  backend_->attach({options_.ring_size, options_.name});
}

TimePoint RingCore::deadline_after(std::chrono::nanoseconds timeout) const {
  const TimePoint now = backend_->now();
  return timeout >= no_deadline - now ? no_deadline : now + timeout;
}

Ticket RingCore::submit(SlotIndex slot, std::shared_ptr<RingCore> self) {
  const QueueIndex queue = queue_of(slot);
  Timeline& timeline = timelines_[to_number(queue)];
  Submission* submission = nullptr;
  std::uint64_t wake_number = 0;
  {
    const std::lock_guard submit_lock(submit_mutexes_[to_number(queue)]);
    const Serial serial = timeline.last_submitted().next();
    try {
      if (stopped_.load(std::memory_order_relaxed)) require_open(slot);
      guarded([&] { backend_->submit(slot, serial); });
    } catch (...) {
      {
        const std::lock_guard lock(state_mutex_);
        wake_number = free_unsubmitted(slot);
      }
      wake_leader(wake_number);
      throw;
    }
    const std::lock_guard lock(state_mutex_);
    submission = table_[slot].submission;
    submission->slot = slot;
    submission->queue = queue;
    submission->serial = serial;
    submission->references.store(2, std::memory_order_relaxed);
    table_.submit(slot, serial);
    timeline.push(slot);
    counter_.submitted();
    if (lost_ != nullptr) {
      // The device went away between the native submit and this line.
      fail_in_flight();
    } else {
      wake_number = note_new_point(queue);
    }
  }
  wake_leader(wake_number);
  return Ticket(std::move(self), submission);
}

void RingCore::require_open(SlotIndex slot) {
  const std::lock_guard lock(state_mutex_);
  if (closed_) {
    throw InvalidUsage(fmt::format("{}: slot #{} can't be submitted: the ring is gone",
                                   options_.name, to_number(slot)));
  }
  require_usable();
}

void RingCore::discard(SlotIndex slot) noexcept {
  {
    const std::lock_guard lock(state_mutex_);
    // close() has discarded it already, and the backend may serve another ring by now.
    if (closed_) return;
  }
  backend_->discard(slot);
  std::uint64_t wake_number = 0;
  {
    const std::lock_guard lock(state_mutex_);
    wake_number = free_unsubmitted(slot);
  }
  wake_leader(wake_number);
}

std::uint64_t RingCore::free_unsubmitted(SlotIndex slot) {
  Slot& entry = table_[slot];
  pool_.give_back(entry.submission);
  entry.submission = nullptr;
  free_slot(slot);
  counter_.discarded();
  return serve_waiters();
}

void RingCore::warn(const std::string& line) const noexcept {
  try {
    if (options_.log_sink) {
      options_.log_sink(line);
    } else {
      fmt::print(stderr, "{}\n", line);
    }
  } catch (...) {
    // A warning that can't be written must not end the program from within a destructor.
    return;
  }
}

RingStatistics RingCore::statistics() {
  std::unique_lock lock(state_mutex_, std::defer_lock);
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
  const std::lock_guard lock(state_mutex_);
  counter_.reset(table_.leased(), table_.in_flight());
}

void RingCore::close() noexcept {
  try {
    drain();
  } catch (...) {
    // Whatever it was, nobody will wait for this work again: its tickets must not hang.
    lose(std::current_exception());
  }
  {
    const std::lock_guard lock(state_mutex_);
    closed_ = true;
    stopped_ = true;
  }
  for (std::uint32_t i = 0; i < table_.size(); ++i) {
    const Slot& slot = table_[SlotIndex{i}];
    if (slot.state != SlotState::leased) continue;
    warn(fmt::format("{}: the ring is destroyed while slot #{} is leased, acquired at {}:{}",
                     options_.name, i, slot.acquired_at.file_name(), slot.acquired_at.line()));
    backend_->discard(SlotIndex{i});
  }
  backend_->detach();
}

}  // namespace cbr::detail
