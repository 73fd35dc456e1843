// A new device after a lost one.
#include <array>

#include <cbr/fault_injection.h>
#include <cbr/simulated.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using testing::HasSubstr;

class Reset : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Reset, all_backends(), backend_name);

TEST_P(Reset, StartsAfreshAfterALoss) {
  auto& ring = make_ring(RingOptions{.ring_size = 2, .name = "Phoenix"});
  ring.set_ring_size(3);
  harness_->pause();
  const Ticket old = submit_one();
  held_.push_back(record_one());
  if (const std::string reason = harness_->lose_device(); !reason.empty()) {
    harness_->release();
    held_.clear();
    GTEST_SKIP() << reason;
  }
  EXPECT_THROW(ring.drain(), DeviceLost);
  harness_->renew();
  ring.reset(harness_->backend());
  EXPECT_EQ(ring.ring_size(), 3U) << "the size that it had come to";
  EXPECT_EQ(ring.name(), "Phoenix");
  EXPECT_EQ(ring.statistics().total_acquisitions, 0U);
  const Ticket fresh = submit_one();
  EXPECT_EQ(fresh.serial().value(), 1U);
  fresh.wait();
  EXPECT_THROW(old.wait(), DeviceLost);
  EXPECT_THROW(std::move(held_[0]).submit(), DeviceLost);
  EXPECT_EQ(ring.statistics().leased, 0U);
  ring.drain();
  expect_equations();
}

TEST_P(Reset, WaitsForTheWorkOfAHealthyRing) {
  auto& ring = make_ring(2);
  const Ticket old = submit_one();
  held_.push_back(record_one());
  harness_->renew();
  ring.reset(harness_->backend());
  EXPECT_TRUE(old.done());
  EXPECT_NO_THROW(old.wait());
  EXPECT_THROW(std::move(held_[0]).submit(), InvalidUsage);
  submit_one().wait();
}

TEST_P(Reset, ThatFailsLeavesTheRingAsItWas) {
  auto& ring = make_ring(2);
  submit_one().wait();
  EXPECT_THROW(ring.reset(nullptr), InvalidUsage);
  EXPECT_THROW(ring.reset(harness_->backend()), InvalidUsage) << "it is in use";
  EXPECT_EQ(ring.statistics().completions, 1U);
  EXPECT_EQ(submit_one().serial().value(), 2U);
  ring.drain();
}

TEST(Loss, KeepsItsFirstCause) {
  const auto faults = inject_faults(simulated::make_gpu());
  CommandBufferRing ring(faults, {.ring_size = 2});
  faults->lose_device("the cable was pulled");
  faults->lose_device("and then it burnt");
  const auto text = [&](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const DeviceLost& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(text([&] { (void)ring.acquire(); }), HasSubstr("the cable was pulled"));
  EXPECT_THAT(text([&] { ring.drain(); }), HasSubstr("the cable was pulled"));
  EXPECT_THAT(text([&] { (void)ring.try_acquire(); }), HasSubstr("the cable was pulled"));
}

}  // namespace
}  // namespace cbr::test
