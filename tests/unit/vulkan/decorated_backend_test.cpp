// The Vulkan backend keeps the contract, and faults can be injected into it.
#include <thread>

#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/ring.h>
#include <cbr/validation.h>

#include "support/eventually.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;

class DecoratedBackend : public testing::Test {
 protected:
  std::shared_ptr<FaultInjector> faults_ =
      inject_faults(validate(make_backend(test::validated_device())));
  std::shared_ptr<Backend> backend_ = validate(faults_);
};

TEST_F(DecoratedBackend, ARingKeepsTheContractWithManyThreads) {
  CommandBufferRing ring(backend_, {.ring_size = 3});
  const auto work = [&] {
    for (int i = 0; i < 100; ++i) {
      Lease lease = ring.acquire();
      if (i % 5 == 0) {
        lease.discard();
      } else {
        std::move(lease).submit();
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 160U);
}

TEST_F(DecoratedBackend, ARefusedSubmissionLeavesTheSlotUsable) {
  CommandBufferRing ring(backend_, {.ring_size = 1});
  faults_->fail_next(Fault::fail_submit);
  EXPECT_THROW(ring.acquire().submit(), SubmitFailed);
  ring.acquire().submit().wait();
}

TEST_F(DecoratedBackend, AHangIsWaitedForAndReachesTheDeadline) {
  CommandBufferRing ring(backend_, {.ring_size = 1});
  faults_->hang_next();
  Ticket hung = ring.acquire().submit();
  EXPECT_FALSE(hung.wait_for(1ms));
  EXPECT_THROW((void)ring.acquire(1ms), AcquireTimeout);
  std::thread waiter([&] { hung.wait(); });
  faults_->release();
  waiter.join();
}

TEST_F(DecoratedBackend, ALossEndsWaitsAndDestroysNothingInUse) {
  CommandBufferRing ring(backend_, {.ring_size = 1});
  faults_->hang_next();
  Ticket hung = ring.acquire().submit();
  std::thread waiter([&] { EXPECT_THROW(hung.wait(), DeviceLost); });
  faults_->lose_device("the plug was pulled");
  waiter.join();
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
}

}  // namespace
}  // namespace cbr::vulkan
