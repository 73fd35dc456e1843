// The synchronisation primitives of the core: those of the standard library, or, in the build that
// explores schedules (CBR_SCHEDULED), those of a scheduler that decides who runs when.
#pragma once

#ifdef CBR_SCHEDULED

#include "scheduling/scheduled_sync.h"

#else

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace cbr::detail {

using Mutex = std::mutex;
using ConditionVariable = std::condition_variable;
using Thread = std::thread;
inline Thread::id this_thread_id() {
  return std::this_thread::get_id();
}
template <typename T>
using Atomic = std::atomic<T>;

}  // namespace cbr::detail

#endif

namespace cbr::detail {

using LockGuard = std::lock_guard<Mutex>;
using UniqueLock = std::unique_lock<Mutex>;

}  // namespace cbr::detail
