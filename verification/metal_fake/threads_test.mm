// Many threads on one queue of the fake, for the sanitizers.
#include <atomic>
#include <thread>
#include <vector>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/metal4_test.h"

namespace cbr::metal_fake {
namespace {

constexpr int thread_count = 4;
constexpr int steps_per_thread = 50;

void on_threads(void (^work)(int thread)) {
  std::vector<std::thread> threads;
  threads.reserve(thread_count);
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([work, i] { work(i); });
  }
  for (std::thread& thread : threads) thread.join();
}

class Threads : public Metal4Test {};

TEST_F(Threads, ShareAMetal3Queue) {
  @autoreleasepool {
    id<MTLCommandQueue> small = [device() newCommandQueueWithMaxCommandBufferCount:3];
    id<MTLBuffer> numbers = numbers_on(device());
    std::atomic<int> handled = 0;
    auto* const count = &handled;
    on_threads(^(int thread) {
      for (int i = 0; i < steps_per_thread; ++i) {
        @autoreleasepool {
          id<MTLCommandBuffer> commands = [small commandBuffer];
          encode_add(commands, numbers, 1);
          [commands addCompletedHandler:^(id<MTLCommandBuffer> /*buffer*/) {
            ++*count;
          }];
          // Some are dropped; their handlers run all the same.
          if ((i + thread) % 5 == 0) continue;
          [commands commit];
          if (i % 3 == 0) [commands waitUntilCompleted];
        }
      }
    });
    wait_until_idle();
    EXPECT_EQ(handled, thread_count * steps_per_thread);
    EXPECT_EQ(first_number(numbers), thread_count * steps_per_thread * 4U / 5);
    EXPECT_LE(peak_uncompleted_buffers(), 3U);
  }
}

TEST_F(Threads, ShareAMetal4Queue) {
  @autoreleasepool {
    id<MTL4CommandQueue> queue = queue4();
    id<MTLDevice> device_of_all = device();
    std::atomic<std::uint32_t> sum = 0;
    auto* const total = &sum;
    on_threads(^(int /*thread*/) {
      @autoreleasepool {
        Step step(device_of_all);
        for (int i = 0; i < steps_per_thread; ++i) {
          @autoreleasepool {
            [step.allocator reset];
            step.record(1);
            (void)step.commit_and_wait(queue);
          }
        }
        *total += step.number();
      }
    });
    EXPECT_EQ(sum, thread_count * steps_per_thread * 1U);
  }
}

}  // namespace
}  // namespace cbr::metal_fake
