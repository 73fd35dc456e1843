// Whether this thread is running callbacks of a ring, where it must not wait for a slot of it.
#pragma once

#include <utility>

namespace cbr::detail {

/// The ring whose callbacks this thread is running, or null.
inline thread_local const void* callbacks_of = nullptr;

class CallbackScope {
 public:
  explicit CallbackScope(const void* ring) : outer_(std::exchange(callbacks_of, ring)) {}
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
  ~CallbackScope() { callbacks_of = outer_; }

 private:
  const void* outer_;
};

}  // namespace cbr::detail
