// An autorelease pool that an exception ends, too.
#pragma once

extern "C" void* objc_autoreleasePoolPush(void);
extern "C" void objc_autoreleasePoolPop(void* pool);

namespace cbr::metal {

/// @autoreleasepool for functions that throw: an exception that leaves an @autoreleasepool leaves
/// its objects to the pool around it, and a plain C++ thread has none. The two functions are part
/// of the ARC runtime's documented interface. Lives on one thread's stack.
class AutoreleasePool {
 public:
  AutoreleasePool() : pool_(objc_autoreleasePoolPush()) {}
  AutoreleasePool(const AutoreleasePool&) = delete;
  AutoreleasePool& operator=(const AutoreleasePool&) = delete;
  ~AutoreleasePool() { objc_autoreleasePoolPop(pool_); }

 private:
  void* const pool_;
};

}  // namespace cbr::metal
