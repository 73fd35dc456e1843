// What a backend does of itself, without a ring: times, slots that are abandoned, the end.
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#import <Metal/Metal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/validation.h>

#include "metal_fake/control.h"

namespace cbr::metal {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr SlotIndex slot0{0};
constexpr SlotIndex slot1{1};
constexpr QueueIndex queue0{0};

class MetalBackendCalls : public testing::TestWithParam<Generation> {
 protected:
  /// A backend whose contract is checked.
  std::shared_ptr<Backend> backend(std::uint32_t max_command_buffers = 8,
                                   const BackendOptions& options = {}) {
    device_ = Device::open({.generation = GetParam(), .max_command_buffers = max_command_buffers});
    return validate(make_backend(device_, options),
                    [](std::string_view line) { ADD_FAILURE() << line; });
  }
  static void attach(Backend& backend, std::uint32_t ring_size,
                     GpuTimes gpu_times = GpuTimes::both) {
    backend.attach({.ring_size = ring_size, .ring_name = "Test", .gpu_times = gpu_times});
  }
  /// Runs an empty submission of slot 0 to its end.
  static Completion run(Backend& backend, std::uint64_t serial) {
    (void)backend.begin(slot0);
    backend.submit(slot0, Serial(serial), {});
    const SyncPoint point{queue0, Serial(serial)};
    EXPECT_EQ(backend.wait({&point, 1}, 0, no_deadline), WaitStatus::reached);
    (void)backend.completed(queue0);
    return backend.finish(slot0);
  }
  [[nodiscard]] static bool is_metal3() { return GetParam() == Generation::metal3; }
  /// Encodes into a handle of `begin`.
  static void encode(void* handle) {
    @autoreleasepool {
      if (is_metal3()) {
        [[(__bridge id<MTLCommandBuffer>)handle computeCommandEncoder] endEncoding];
      } else {
        [[(__bridge id<MTL4CommandBuffer>)handle computeCommandEncoder] endEncoding];
      }
    }
  }
  static std::int64_t live_buffers() {
    return metal_fake::live_objects(is_metal3() ? "FakeCommandBuffer" : "Fake4CommandBuffer");
  }

  std::shared_ptr<Device> device_;
};
INSTANTIATE_TEST_SUITE_P(Each, MetalBackendCalls,
                         testing::Values(Generation::metal3, Generation::metal4),
                         [](const auto& info) {
                           return info.param == Generation::metal3 ? "metal3" : "metal4";
                         });

TEST_P(MetalBackendCalls, TellTheTimesThatWereAskedFor) {
  const auto backend = this->backend();
  attach(*backend, 1, GpuTimes::both);
  const Completion both = run(*backend, 1);
  EXPECT_TRUE(both.interval.has_value());
  EXPECT_TRUE(both.end.has_value());
  backend->detach();
  attach(*backend, 1, GpuTimes::end);
  const Completion end = run(*backend, 1);
  EXPECT_FALSE(end.interval.has_value());
  EXPECT_TRUE(end.end.has_value());
  backend->detach();
  attach(*backend, 1, GpuTimes::none);
  const Completion none = run(*backend, 1);
  EXPECT_FALSE(none.interval.has_value());
  EXPECT_FALSE(none.end.has_value());
  backend->detach();
}

TEST_P(MetalBackendCalls, SampledTimesAreThoseOfEverySixteenthSubmission) {
  const auto backend = this->backend();
  attach(*backend, 1, GpuTimes::sampled);
  for (std::uint64_t i = 0; i < 33; ++i) {
    const Completion completion = run(*backend, i + 1);
    EXPECT_EQ(completion.interval.has_value(), i % 16 == 0) << i;
    EXPECT_EQ(completion.end.has_value(), i % 16 == 0) << i;
  }
  backend->detach();
  // The next ring counts anew.
  attach(*backend, 1, GpuTimes::sampled);
  EXPECT_TRUE(run(*backend, 1).interval.has_value());
  backend->detach();
}

TEST_P(MetalBackendCalls, TimesThatCannotBeTrueAreAbsent) {
  const auto backend = this->backend();
  attach(*backend, 1);
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinite = std::numeric_limits<double>::infinity();
  std::uint64_t serial = 0;
  for (const auto& [start, end] : std::initializer_list<std::pair<double, double>>{
           {0, 0}, {2, 1}, {1, not_a_number}, {1, infinite}, {-2, -1}}) {
    metal_fake::tell_times(start, end);
    const Completion completion = run(*backend, ++serial);
    EXPECT_FALSE(completion.interval.has_value()) << start << " to " << end;
    EXPECT_FALSE(completion.end.has_value()) << start << " to " << end;
    EXPECT_EQ(completion.error, nullptr);
  }
  metal_fake::tell_times(1, 2);
  EXPECT_EQ(run(*backend, ++serial).interval, (GpuInterval{1s, 2s}));
  backend->detach();
}

TEST_P(MetalBackendCalls, AStartThatIsMissingLeavesTheEnd) {
  const auto backend = this->backend();
  attach(*backend, 1);
  metal_fake::tell_times(0, 2);
  const Completion completion = run(*backend, 1);
  EXPECT_FALSE(completion.interval.has_value());
  EXPECT_EQ(completion.end, 2s);
  backend->detach();
}

TEST_P(MetalBackendCalls, ARecordingGoesOnAfterItsSlotWasAbandoned) {
  auto backend = this->backend();
  attach(*backend, 2);
  void* const handle = backend->begin(slot0);
  encode(handle);
  auto native = backend->abandon(slot0);
  backend->detach();
  EXPECT_EQ(live_buffers(), 1) << "those of the other slot are gone";
  encode(handle);
  backend.reset();
  device_.reset();
  encode(handle);
  native.reset();
  metal_fake::wait_until_idle();
  EXPECT_EQ(live_buffers(), 0);
}

TEST_P(MetalBackendCalls, AnAbandonedSlotMayEndWithAnOpenEncoder) {
  const auto backend = this->backend();
  attach(*backend, 1);
  void* const handle = backend->begin(slot0);
  @autoreleasepool {
    if (is_metal3()) {
      id<MTLComputeCommandEncoder> encoder =
          [(__bridge id<MTLCommandBuffer>)handle computeCommandEncoder];
      auto native = backend->abandon(slot0);
      backend->detach();
      native.reset();
      [encoder endEncoding];
    } else {
      id<MTL4ComputeCommandEncoder> encoder =
          [(__bridge id<MTL4CommandBuffer>)handle computeCommandEncoder];
      auto native = backend->abandon(slot0);
      backend->detach();
      native.reset();
      [encoder endEncoding];
    }
  }
  metal_fake::wait_until_idle();
  EXPECT_EQ(live_buffers(), 0);
}

TEST_P(MetalBackendCalls, AbandonCallsNothing) {
  const auto backend = this->backend();
  attach(*backend, 1);
  (void)backend->begin(slot0);
  const auto before = metal_fake::live_objects();
  const auto native = backend->abandon(slot0);
  EXPECT_EQ(metal_fake::live_objects(), before);
  backend->detach();
}

TEST_P(MetalBackendCalls, TheNextRingRunsBesideAnAbandonedSlot) {
  const auto backend = this->backend();
  attach(*backend, 1);
  void* const handle = backend->begin(slot0);
  const auto native = backend->abandon(slot0);
  backend->detach();
  attach(*backend, 1);
  EXPECT_NE(backend->begin(slot0), handle);
  backend->discard(slot0);
  (void)run(*backend, 1);
  encode(handle);
  backend->detach();
}

TEST_P(MetalBackendCalls, DetachTakesRecordingsWithIt) {
  const auto backend = this->backend();
  attach(*backend, 2);
  encode(backend->begin(slot0));
  (void)backend->begin(slot1);
  backend->detach();
  metal_fake::wait_until_idle();
  EXPECT_EQ(live_buffers(), 0);
  attach(*backend, 2);
  (void)run(*backend, 1);
  backend->detach();
}

TEST_P(MetalBackendCalls, ASlotIsAbandonedOnALostDeviceToo) {
  const auto backend = this->backend();
  attach(*backend, 2);
  void* const handle = backend->begin(slot1);
  metal_fake::remove_device();
  (void)backend->begin(slot0);
  backend->submit(slot0, Serial(1), {});
  // The next, which is never submitted: a wait for the first may see its end before the loss.
  const SyncPoint point{queue0, Serial(2)};
  EXPECT_THROW(backend->wait({&point, 1}, 0, no_deadline), DeviceLost);
  const auto native = backend->abandon(slot1);
  backend->detach();
  encode(handle);
}

class Metal3BackendCalls : public MetalBackendCalls {
 protected:
  static void commit(void* handle) {
    @autoreleasepool {
      [(__bridge id<MTLCommandBuffer>)handle commit];
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Alone, Metal3BackendCalls, testing::Values(Generation::metal3),
                         [](const auto&) { return "metal3"; });

// A queue that has given out its maximum makes the next one wait, with no limit.
TEST_P(Metal3BackendCalls, AnAbandonedSlotTakesAPlaceOfTheQueues) {
  const auto backend = this->backend(4);
  attach(*backend, 4);
  (void)backend->begin(slot0);
  auto native = backend->abandon(slot0);
  backend->detach();
  EXPECT_THAT([&] { attach(*backend, 4); },
              ThrowsMessage<InvalidOption>(
                  AllOf(HasSubstr("4 command buffers of a Metal queue beside 1 of leases"),
                        HasSubstr("max_command_buffers is 4"))));
  attach(*backend, 3);
  for (std::uint32_t i = 0; i < 3; ++i) (void)backend->begin(SlotIndex{i});
  EXPECT_THROW(backend->add_slot(SlotIndex{3}), InvalidOption);
  native.reset();
  backend->add_slot(SlotIndex{3});
  // The dropped buffer counts until its handler has run.
  metal_fake::wait_until_idle();
  (void)backend->begin(SlotIndex{3});
  EXPECT_EQ(metal_fake::blocked_creations(), 0U);
  backend->detach();
}

TEST_P(Metal3BackendCalls, ACommitBehindTheRingsBackIsReportedToTheRing) {
  const auto backend = this->backend();
  std::vector<std::string> reports;
  backend->attach({.ring_size = 2, .ring_name = "Test", .report = [&](std::string_view line) {
                     reports.emplace_back(line);
                   }});
  commit(backend->begin(slot1));
  backend->submit(slot1, Serial(1), {});
  EXPECT_TRUE(reports.empty()) << "submit comes under a lock";
  const SyncPoint point{queue0, Serial(1)};
  (void)backend->wait({&point, 1}, 0, no_deadline);
  (void)backend->completed(queue0);
  (void)backend->finish(slot1);
  backend->remove_slot(slot1);
  EXPECT_TRUE(reports.empty()) << "and so does remove_slot";
  (void)backend->begin(slot0);
  EXPECT_THAT(reports, ElementsAre(HasSubstr("Test #1: the program committed")));
  backend->detach();
  EXPECT_EQ(reports.size(), 1U);
}

TEST_P(Metal3BackendCalls, AWarningIsDueAtTheLatestWithDetach) {
  std::vector<std::string> lines;
  BackendOptions options;
  options.on_warning = [&](const std::string& line) { lines.push_back(line); };
  const auto backend = this->backend(8, options);
  backend->attach({.ring_size = 1, .ring_name = "Test", .report = [](std::string_view line) {
                     ADD_FAILURE() << line;
                   }});
  commit(backend->begin(slot0));
  backend->submit(slot0, Serial(1), {});
  const SyncPoint point{queue0, Serial(1)};
  (void)backend->wait({&point, 1}, 0, no_deadline);
  backend->detach();
  EXPECT_EQ(lines.size(), 1U) << "the program's own sink comes before the ring's";
}

}  // namespace
}  // namespace cbr::metal
