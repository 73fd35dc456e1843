#include "soak/life.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include <fmt/format.h>

#include <cbr/validation.h>

#include "unit/core/allocating_backend.h"

namespace cbr::soak {
namespace {

using namespace std::chrono_literals;

/// Seldom enough that a round gets on, often enough that all calls are met.
std::uint32_t choose_failures(const Target& target, Random& random) {
  const std::uint32_t one_in = random.power_of_two(2, 7);
  return random.one_in(3) && target.allocations_may_fail() ? one_in : 0;
}

}  // namespace

Life::Life(Target& target, Random& random)
    : may_lose_device_(random.one_in(4)),
      calls_fail_(random.one_in(3)),
      allocations_fail_one_in_(choose_failures(target, random)),
      workplace_(target.make(random, may_lose_device_)),
      backend_(workplace_->backend()) {
  if (allocations_fail_one_in_ != 0) {
    backend_ = std::make_shared<test::AllocatingBackend>(backend_);
  }
  if (may_lose_device_ || calls_fail_ || random.one_in(2)) {
    injector_ = inject_faults(backend_, {.seed = random.next(),
                                         .begin = 0.005,
                                         .submit = 0.01,
                                         .execution = 0.02,
                                         .hang = 0.005,
                                         .device_loss = may_lose_device_ ? 0.003 : 0,
                                         .wait = calls_fail_ ? 0.01 : 0,
                                         .completed = calls_fail_ ? 0.01 : 0,
                                         .finish = calls_fail_ ? 0.02 : 0,
                                         .wake = calls_fail_ ? 0.05 : 0});
    backend_ = injector_;
  }
  // What watches the contract can't do without memory.
  if (allocations_fail_one_in_ == 0 && random.one_in(4)) {
    backend_ = validate(backend_, [this](std::string_view line) {
      ledger_.complain(fmt::format("backend contract broken: {}", line));
    });
  }
  references_ = backend_.use_count();
  releaser_ = std::jthread([this](const std::stop_token& stop) { release_hangs(stop); });
}

std::uint64_t Life::failed_calls() const {
  if (injector_ == nullptr) return 0;
  std::uint64_t failed = 0;
  for (const Fault fault :
       {Fault::fail_wait, Fault::fail_completed, Fault::fail_finish, Fault::fail_wake}) {
    failed += injector_->injected(fault);
  }
  return failed;
}

void Life::release_hangs(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    stopped.wait_for(lock, stop, 1ms, [] { return false; });
    if (injector_ != nullptr) injector_->release();
    workplace_->release();
  }
}

}  // namespace cbr::soak
