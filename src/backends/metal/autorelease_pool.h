// An autorelease pool that an exception ends too.
#pragma once

// What @autoreleasepool compiles to; declared by Clang's specification of ARC.
extern "C" void* objc_autoreleasePoolPush(void);
extern "C" void objc_autoreleasePoolPop(void* pool);

namespace cbr::metal {

/// Every function that calls Metal starts with one, for the thread may have none: what Metal
/// autoreleases would then live as long as the thread. Not @autoreleasepool, which a C++ exception
/// leaves without ending the pool.
class AutoreleasePool {
 public:
  AutoreleasePool() : pool_(objc_autoreleasePoolPush()) {}
  AutoreleasePool(const AutoreleasePool&) = delete;
  AutoreleasePool& operator=(const AutoreleasePool&) = delete;
  ~AutoreleasePool() { objc_autoreleasePoolPop(pool_); }

 private:
  void* pool_;
};

}  // namespace cbr::metal
