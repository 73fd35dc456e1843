// The primitives of core/sync.h, for the build whose threads a Scheduler runs. Outside of a
// schedule they do nothing: there is one thread then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "scheduling/scheduler.h"

namespace cbr::detail {

inline void scheduling_point() {
  if (auto* scheduler = test::Scheduler::current()) scheduler->preempt();
}

class NativeMutex {
 public:
  NativeMutex() = default;
  NativeMutex(const NativeMutex&) = delete;
  NativeMutex& operator=(const NativeMutex&) = delete;

  void lock() {
    auto* scheduler = test::Scheduler::current();
    if (scheduler == nullptr) return;
    scheduler->preempt();
    if (owner_ == &scheduler->running()) throw std::logic_error("a thread locks a mutex twice");
    while (owner_ != nullptr) scheduler->block(this, "a mutex", false);
    owner_ = &scheduler->running();
  }
  bool try_lock() {
    auto* scheduler = test::Scheduler::current();
    if (scheduler == nullptr) return true;
    scheduler->preempt();
    if (owner_ != nullptr) return false;
    owner_ = &scheduler->running();
    return true;
  }
  void unlock() {
    auto* scheduler = test::Scheduler::current();
    if (scheduler == nullptr) return;
    release(*scheduler);
    scheduler->preempt();
  }
  /// unlock() for a condition variable: nobody else runs before its thread sleeps.
  void release(test::Scheduler& scheduler) {
    owner_ = nullptr;
    scheduler.wake_all(this);
  }

 private:
  const test::Fiber* owner_ = nullptr;
};

class NativeConditionVariable {
 public:
  NativeConditionVariable() = default;
  NativeConditionVariable(const NativeConditionVariable&) = delete;
  NativeConditionVariable& operator=(const NativeConditionVariable&) = delete;

  void wait(std::unique_lock<NativeMutex>& lock) { (void)sleep(lock, false); }
  template <typename TimePoint>
  std::cv_status wait_until(std::unique_lock<NativeMutex>& lock, const TimePoint& /*deadline*/) {
    return sleep(lock, true) ? std::cv_status::timeout : std::cv_status::no_timeout;
  }
  void notify_one() {
    if (auto* scheduler = test::Scheduler::current()) scheduler->wake_one(this);
  }
  void notify_all() {
    if (auto* scheduler = test::Scheduler::current()) scheduler->wake_all(this);
  }

 private:
  /// True if the deadline ended it.
  bool sleep(std::unique_lock<NativeMutex>& lock, bool may_time_out) {
    auto* scheduler = test::Scheduler::current();
    if (scheduler == nullptr) throw std::logic_error("a wait outside of a schedule");
    // To let go of the mutex and to sleep is one step: nobody runs in between.
    lock.mutex()->release(*scheduler);
    const bool timed_out = scheduler->block(this, "a condition variable", may_time_out);
    lock.mutex()->lock();
    return timed_out;
  }
};

/// Every access is a place where another thread may run.
template <typename T>
class Atomic {
 public:
  Atomic() = default;
  Atomic(T value) : value_(value) {}  // NOLINT(google-explicit-constructor): as std::atomic
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  [[nodiscard]] T load(std::memory_order /*order*/ = std::memory_order_seq_cst) const {
    scheduling_point();
    return value_;
  }
  void store(T value, std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    value_ = value;
  }
  T exchange(T value, std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    return std::exchange(value_, value);
  }
  T fetch_add(T value, std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    return std::exchange(value_, static_cast<T>(value_ + value));
  }
  T fetch_sub(T value, std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    return std::exchange(value_, static_cast<T>(value_ - value));
  }
  T fetch_or(T value, std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    return std::exchange(value_, static_cast<T>(value_ | value));
  }
  bool compare_exchange_weak(T& expected, T value,
                             std::memory_order /*order*/ = std::memory_order_seq_cst) {
    scheduling_point();
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = value;
    return true;
  }
  operator T() const { return load(); }  // NOLINT(google-explicit-constructor): as std::atomic
  T operator=(T value) {  // NOLINT(misc-unconventional-assign-operator): as std::atomic
    store(value);
    return value;
  }

 private:
  T value_{};
};

class Thread {
 public:
  /// Outside of threads, null.
  using id = const test::Fiber*;  // NOLINT(readability-identifier-naming): as std::thread

  Thread() = default;
  explicit Thread(std::function<void()> body)
      : fiber_(&test::Scheduler::current()->spawn(std::move(body))) {}
  Thread(Thread&& other) noexcept : fiber_(std::exchange(other.fiber_, nullptr)) {}
  Thread& operator=(Thread&& other) noexcept {
    fiber_ = std::exchange(other.fiber_, nullptr);
    return *this;
  }

  [[nodiscard]] bool joinable() const { return fiber_ != nullptr; }
  [[nodiscard]] id get_id() const { return fiber_; }
  void join() { test::Scheduler::current()->join(*std::exchange(fiber_, nullptr)); }
  void detach() { fiber_ = nullptr; }

 private:
  test::Fiber* fiber_ = nullptr;
};

inline Thread::id this_thread_id() {
  return &test::Scheduler::current()->running();
}

}  // namespace cbr::detail
