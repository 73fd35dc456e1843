// Several threads share one ring: what a cycle of acquire, submit and complete costs each of them.
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include <benchmark/benchmark.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace {

/// Shared by the threads of one benchmark run; made before they start and gone after they end.
std::unique_ptr<cbr::CommandBufferRing> ring;

void make_ring(const benchmark::State& state) {
  ring = std::make_unique<cbr::CommandBufferRing>(
      cbr::simulated::make_gpu(),
      cbr::RingOptions{.ring_size = static_cast<std::uint32_t>(state.range(0))});
}

void drop_ring(const benchmark::State& /*state*/) {
  ring.reset();
}

/// With fewer slots than threads they wait for one another: the simulated GPU takes no time.
void acquire_submit_complete_by_threads(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring->acquire().submit());
  }
  state.SetItemsProcessed(state.iterations());
}

/// What threads can pass on with nothing else to do: first come, first served, with a condition
/// variable each, as the waiters of a ring.
class Tokens {
 public:
  explicit Tokens(std::uint32_t count) : free_(count) {}

  void take() {
    std::unique_lock lock(mutex_);
    if (free_ > 0) {
      --free_;
      return;
    }
    Waiter self;
    (first_ == nullptr ? first_ : last_->next) = &self;
    last_ = &self;
    self.wake_up.wait(lock, [&] { return self.served; });
  }

  void give_back() {
    const std::lock_guard lock(mutex_);
    if (first_ == nullptr) {
      ++free_;
      return;
    }
    Waiter& waiter = *first_;
    first_ = waiter.next;
    waiter.served = true;
    // With the lock: it lives on the stack of a thread that goes on once it has that.
    waiter.wake_up.notify_one();
  }

 private:
  struct Waiter {
    std::condition_variable wake_up;
    bool served = false;
    Waiter* next = nullptr;
  };
  std::mutex mutex_;
  std::uint32_t free_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

std::unique_ptr<Tokens> tokens;

void make_tokens(const benchmark::State& state) {
  tokens = std::make_unique<Tokens>(static_cast<std::uint32_t>(state.range(0)));
}

void drop_tokens(const benchmark::State& /*state*/) {
  tokens.reset();
}

// In both of these each holds what it has got while the others run, so that nearly every cycle
// waits for its turn: what is measured is how slots, or tokens, are passed on.

void pass_slots_on(benchmark::State& state) {
  for (auto _ : state) {
    cbr::Lease lease = ring->acquire();
    std::this_thread::yield();
    benchmark::DoNotOptimize(std::move(lease).submit());
  }
  state.SetItemsProcessed(state.iterations());
}

void pass_tokens_on(benchmark::State& state) {
  for (auto _ : state) {
    tokens->take();
    std::this_thread::yield();
    tokens->give_back();
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(acquire_submit_complete_by_threads)
    ->ArgName("ring_size")
    ->Arg(3)
    ->Arg(16)
    ->Setup(make_ring)
    ->Teardown(drop_ring)
    ->Threads(1)
    ->Threads(2)
    ->Threads(4)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK(pass_slots_on)
    ->ArgName("slots")
    ->Arg(3)
    ->Setup(make_ring)
    ->Teardown(drop_ring)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK(pass_tokens_on)
    ->ArgName("tokens")
    ->Arg(3)
    ->Setup(make_tokens)
    ->Teardown(drop_tokens)
    ->Threads(8)
    ->UseRealTime();

}  // namespace
