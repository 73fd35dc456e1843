#include "compute/synthetic_step.h"

#include <cstdint>

#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>

#include "support/vulkan_fixture.h"

namespace cbr::compute {
namespace {

using test::validated_device;

void run_steps(const SyntheticStep& step, std::uint32_t ring_size, int count) {
  CommandBufferRing ring(vulkan::make_backend(validated_device()), {.ring_size = ring_size});
  for (int i = 0; i < count; ++i) {
    Lease lease = ring.acquire();
    step.record(vulkan::command_buffer(lease));
    std::move(lease).submit();
  }
  ring.drain();
}

TEST(SyntheticStepTest, TheRingsSizeDoesNotChangeTheResult) {
  SyntheticStep step(validated_device(), {.dispatches = 3, .elements = 1000, .iterations = 5});
  run_steps(step, 1, 8);
  const std::uint64_t serial = step.checksum();
  step.reset();
  run_steps(step, 3, 8);
  EXPECT_EQ(step.checksum(), serial);
}

TEST(SyntheticStepTest, EachStepChangesTheResult) {
  const SyntheticStep step(validated_device(), {.dispatches = 1, .elements = 4, .iterations = 1});
  const std::uint64_t initial = step.checksum();
  run_steps(step, 1, 1);
  const std::uint64_t after_one = step.checksum();
  EXPECT_NE(after_one, initial);
  run_steps(step, 1, 1);
  EXPECT_NE(step.checksum(), after_one);
}

TEST(SyntheticStepTest, StaysFinite) {
  const SyntheticStep step(validated_device(),
                           {.dispatches = 20, .elements = 257, .iterations = 1000});
  run_steps(step, 2, 20);
  EXPECT_TRUE(step.is_finite());
}

TEST(SyntheticStepTest, RefusesNothingToDo) {
  EXPECT_THROW(SyntheticStep(validated_device(), {.dispatches = 0}), InvalidOption);
  EXPECT_THROW(SyntheticStep(validated_device(), {.elements = 0}), InvalidOption);
  EXPECT_THROW(SyntheticStep(validated_device(), {.iterations = 0}), InvalidOption);
}

}  // namespace
}  // namespace cbr::compute
