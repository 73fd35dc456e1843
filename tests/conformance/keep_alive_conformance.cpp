// keep_alive: objects live until the GPU is done with them, and no longer.
#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using testing::ElementsAre;

/// Tells when it goes.
class Kept {
 public:
  explicit Kept(std::function<void()> on_end) : on_end_(std::move(on_end)) {}
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() { on_end_(); }

 private:
  std::function<void()> on_end_;
};

class KeepAlive : public RingConformance {
 protected:
  std::shared_ptr<const void> kept() {
    return std::make_shared<Kept>([this] { ++gone_; });
  }
  std::atomic<int> gone_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Backend, KeepAlive, all_backends(), backend_name);

TEST_P(KeepAlive, ObjectsGoAfterTheGpuAndTheCallbacksInTheOrderGiven) {
  make_ring(2);
  harness_->pause();
  std::vector<int> order;
  std::thread::id thread;
  Lease lease = record_one();
  lease.keep_alive(std::make_shared<Kept>([&] { order.push_back(1); }));
  lease.keep_alive(std::make_shared<Kept>([&] {
    order.push_back(2);
    thread = std::this_thread::get_id();
  }));
  const Ticket ticket = std::move(lease).submit();
  ticket.on_complete([&](const Ticket&) { order.push_back(0); });
  EXPECT_TRUE(order.empty());
  harness_->release();
  destroy_ring();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST_P(KeepAlive, NobodyHasToWaitForIt) {
  make_ring(1);
  std::latch gone(1);
  Lease lease = record_one();
  lease.keep_alive(std::make_shared<Kept>([&] { gone.count_down(); }));
  std::move(lease).submit();
  gone.wait();
}

TEST_P(KeepAlive, ADestructorMayCallTheRing) {
  auto& ring = make_ring(1);
  std::latch gone(1);
  Lease lease = record_one();
  lease.keep_alive(std::make_shared<Kept>([&] {
    (void)ring.statistics();
    gone.count_down();
  }));
  std::move(lease).submit();
  gone.wait();
}

TEST_P(KeepAlive, ADiscardLetsGoAtOnce) {
  auto& ring = make_ring(1);
  Lease lease = record_one();
  std::thread::id thread;
  lease.keep_alive(std::make_shared<Kept>([&] {
    (void)ring.statistics();
    thread = std::this_thread::get_id();
  }));
  lease.discard();
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST_P(KeepAlive, AFailedSubmitLetsGoAtOnce) {
  make_ring(1);
  held_.push_back(record_one());
  held_[0].keep_alive(kept());
  CBR_ARRANGE(harness_->fail_submit(held_[0]));
  EXPECT_THROW(std::move(held_[0]).submit(), SubmitFailed);
  EXPECT_EQ(gone_, 1);
}

TEST_P(KeepAlive, AFailedExecutionLetsGo) {
  make_ring(1);
  held_.push_back(record_one());
  held_[0].keep_alive(kept());
  CBR_ARRANGE(harness_->fail_execution(held_[0]));
  const Ticket ticket = std::move(held_[0]).submit();
  EXPECT_THROW(ticket.wait(), ExecutionFailed);
  destroy_ring();
  EXPECT_EQ(gone_, 1);
}

TEST_P(KeepAlive, ALostDeviceLetsGo) {
  auto& ring = make_ring(3);
  harness_->pause();
  for (int i = 0; i < 2; ++i) {
    Lease lease = record_one();
    lease.keep_alive(kept());
    std::move(lease).submit();
  }
  held_.push_back(record_one());
  held_[0].keep_alive(kept());
  EXPECT_EQ(gone_, 0);
  if (harness_->lose_device().empty()) {
    EXPECT_THROW((void)ring.acquire(), DeviceLost);
    EXPECT_THROW(std::move(held_[0]).submit(), DeviceLost);
  } else {
    harness_->release();
    held_.clear();
  }
  destroy_ring();
  EXPECT_EQ(gone_, 3);
}

TEST_P(KeepAlive, ALeaseThatOutlivesItsRingLetsGoWhenItEnds) {
  make_ring(2);
  const Ticket ticket = submit_one();
  held_.push_back(record_one());
  held_.push_back(Lease(std::move(held_[0])));
  held_[1].keep_alive(kept());
  destroy_ring();
  held_[1].discard();
  // The ticket keeps what is left of the ring.
  EXPECT_EQ(gone_, 1);
  ticket.wait();
}

TEST_P(KeepAlive, NeedsALease) {
  auto& ring = make_ring(1);
  Lease lease = ring.acquire();
  lease.discard();
  EXPECT_THROW(lease.keep_alive(kept()), InvalidUsage);
  EXPECT_EQ(gone_, 1);
}

TEST_P(KeepAlive, ASlotUsedAgainKeepsNothingOfBefore) {
  make_ring(1);
  for (int i = 0; i < 20; ++i) {
    Lease lease = record_one();
    if (i % 2 == 0) lease.keep_alive(kept());
    std::move(lease).submit();
  }
  destroy_ring();
  EXPECT_EQ(gone_, 10);
}

}  // namespace
}  // namespace cbr::test
