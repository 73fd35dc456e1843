// Coroutines for tests, and an executor that runs them when the test says so.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include <gtest/gtest.h>

#include <cbr/options.h>

namespace cbr::test {

/// A coroutine that starts at once and that nobody waits for.
struct Task {
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { ADD_FAILURE() << "an exception left the coroutine"; }
  };
};

/// Coroutines that are run by whoever calls run_one().
class ReadyQueue {
 public:
  Executor executor() {
    return [this](std::coroutine_handle<> coroutine) {
      // Notified under the lock: once it is free, the test may be over and this object gone.
      const std::lock_guard lock(mutex_);
      ready_.push_back(coroutine);
      changed_.notify_one();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    const auto coroutine = ready_.front();
    ready_.pop_front();
    lock.unlock();
    coroutine.resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::coroutine_handle<>> ready_;
};

/// A coroutine whose owner may destroy it where it is suspended. Its frame is overwritten then.
class OwnedTask {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the standard's name
    OwnedTask get_return_object() {
      return OwnedTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
    // GCC takes the two for a mismatch where it inlines only one of them.
    [[gnu::noinline]] static void* operator new(std::size_t size) { return ::operator new(size); }
    [[gnu::noinline]] static void operator delete(void* frame, std::size_t size) {
      for (std::size_t i = 0; i < size; ++i) static_cast<volatile unsigned char*>(frame)[i] = 0xdd;
      ::operator delete(frame);
    }
    std::exception_ptr error;
  };
  explicit OwnedTask(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  OwnedTask(OwnedTask&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  OwnedTask& operator=(OwnedTask&& other) = delete;
  ~OwnedTask() { destroy(); }
  void destroy() {
    if (coroutine_) std::exchange(coroutine_, {}).destroy();
  }
  void release() { coroutine_ = {}; }
  void resume() { coroutine_.resume(); }
  [[nodiscard]] bool ended() const { return coroutine_.done(); }
  [[nodiscard]] std::exception_ptr error() const { return coroutine_.promise().error; }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace cbr::test
