// The synchronisation primitives of the library: those of the standard library, or, in the build
// that explores schedules (CBR_SCHEDULED), those of a scheduler that decides who runs when. With
// annotations, so that the compiler sees who holds what.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "core/thread_annotations.h"

#ifdef CBR_SCHEDULED

#include "scheduling/scheduled_sync.h"

#else

#include <atomic>
#include <condition_variable>
#include <thread>

namespace cbr::detail {

using NativeMutex = std::mutex;
using NativeConditionVariable = std::condition_variable;
using Thread = std::thread;
inline Thread::id this_thread_id() {
  return std::this_thread::get_id();
}
template <typename T>
using Atomic = std::atomic<T>;

}  // namespace cbr::detail

#endif

namespace cbr::detail {

class CBR_CAPABILITY("mutex") Mutex {
 public:
  void lock() CBR_ACQUIRE() { native_.lock(); }
  void unlock() CBR_RELEASE() { native_.unlock(); }
  [[nodiscard]] bool try_lock() CBR_TRY_ACQUIRE(true) { return native_.try_lock(); }

 private:
  friend class UniqueLock;
  NativeMutex native_;
};

/// Holds a mutex to the end of its scope.
class CBR_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) CBR_ACQUIRE(mutex) : mutex_(mutex) { mutex.lock(); }
  LockGuard(Mutex& mutex, std::adopt_lock_t /*adopt*/) CBR_REQUIRES(mutex) : mutex_(mutex) {}
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() CBR_RELEASE() { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

/// The same, for waiting with a condition variable.
class CBR_SCOPED_CAPABILITY UniqueLock {
 public:
  explicit UniqueLock(Mutex& mutex) CBR_ACQUIRE(mutex) : native_(mutex.native_) {}
  UniqueLock(const UniqueLock&) = delete;
  UniqueLock& operator=(const UniqueLock&) = delete;
  ~UniqueLock() CBR_RELEASE() {}

 private:
  friend class ConditionVariable;
  std::unique_lock<NativeMutex> native_;
};

class ConditionVariable {
 public:
  void notify_one() { native_.notify_one(); }
  void notify_all() { native_.notify_all(); }
  /// May return without having been notified.
  void wait(UniqueLock& lock) { native_.wait(lock.native_); }
  /// The same until `time` by the steady clock; false once it has passed.
  bool wait_until(UniqueLock& lock, std::chrono::steady_clock::time_point time) {
    return native_.wait_until(lock.native_, time) == std::cv_status::no_timeout;
  }

 private:
  NativeConditionVariable native_{};
};

/// State that can be reached only while its lock is held:
///
///     const Access<T> state(guarded);
///     state->…
template <typename T>
class CBR_CAPABILITY("mutex") Guarded {
 public:
  template <typename... Arguments>
  explicit Guarded(Arguments&&... arguments) : state_(std::forward<Arguments>(arguments)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

 private:
  template <typename U>
  friend class Access;
  Mutex mutex_;
  T state_;
};

/// Holds the lock of a Guarded to the end of its scope, and gives access to what it guards.
template <typename T>
class CBR_SCOPED_CAPABILITY Access {
 public:
  explicit Access(Guarded<T>& guarded) CBR_ACQUIRE(guarded)
      : lock_(guarded.mutex_), state_(guarded.state_) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  ~Access() CBR_RELEASE() {}

  T* operator->() const { return &state_; }
  T& operator*() const { return state_; }
  /// Lets go of the lock while it waits; may return without having been notified.
  void wait(ConditionVariable& changed) { changed.wait(lock_); }
  /// The same until `time`; false once it has passed.
  bool wait_until(ConditionVariable& changed, std::chrono::steady_clock::time_point time) {
    return changed.wait_until(lock_, time);
  }

 private:
  UniqueLock lock_;
  T& state_;
};

/// Starts a thread of the library, on which no signal handler of the program runs. Throws
/// std::system_error if none can be had.
[[nodiscard]] Thread start_thread(std::function<void()> run);

}  // namespace cbr::detail
