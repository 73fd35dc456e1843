// The Metal backend on the fake of Metal.
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#import <Metal/Metal.h>
#include <gtest/gtest.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

#include "conformance/harness.h"
#include "metal_fake/control.h"

namespace cbr::test {
namespace {

constexpr int macos_15 = 15;
constexpr int macos_26 = 26;

/// What must be the same before and after a test. Harnesses overlap while a test makes one anew, so
/// the last of them looks.
class Balance {
 public:
  void begin() {
    if (harnesses_++ > 0) return;
    objects_ = metal_fake::live_objects();
    outside_a_pool_ = metal_fake::autoreleases_without_pool();
  }
  void end() {
    if (--harnesses_ > 0) return;
    EXPECT_EQ(metal_fake::live_objects(), objects_) << "objects leaked";
    EXPECT_EQ(metal_fake::autoreleases_without_pool(), outside_a_pool_)
        << "objects were autoreleased by a thread without a pool";
  }

 private:
  int harnesses_ = 0;
  std::unordered_map<std::string, std::int64_t> objects_;
  std::uint64_t outside_a_pool_ = 0;
};

Balance& balance() {
  static Balance the_one;
  return the_one;
}

class MetalHarness final : public Harness {
 public:
  MetalHarness(metal::CommandModel commands, std::uint32_t queue_count)
      : commands_(commands), queue_count_(queue_count) {
    metal_fake::reset();
    balance().begin();
    open();
  }

  ~MetalHarness() override {
    release();
    close();
    retired_pipelines_.clear();
    metal_fake::reset();
    balance().end();
  }

  std::shared_ptr<Backend> backend() override { return backend_; }

  void renew() override {
    if (lost_) {
      // The machine gets another device. Leases of the old one may still refer to what is recorded.
      retired_pipelines_.push_back(pipeline_);
      close();
      metal_fake::reset();
      open();
    } else {
      backend_ = metal::make_backend(device_);
    }
  }

  void record(const Lease& lease) override {
    @autoreleasepool {
      const MTLSize one = MTLSizeMake(1, 1, 1);
      if (metal4()) {
        id<MTL4ComputeCommandEncoder> encoder = [buffer4(lease) computeCommandEncoder];
        [encoder setComputePipelineState:pipeline_];
        [encoder dispatchThreadgroups:one threadsPerThreadgroup:one];
        [encoder endEncoding];
      } else {
        id<MTLComputeCommandEncoder> encoder = [buffer(lease) computeCommandEncoder];
        [encoder setComputePipelineState:pipeline_];
        [encoder dispatchThreadgroups:one threadsPerThreadgroup:one];
        [encoder endEncoding];
      }
    }
  }

  void pause() override {
    // What was submitted before is to end.
    if (!paused_ && hangs_ == 0) metal_fake::wait_until_idle();
    paused_ = true;
    metal_fake::hold();
  }

  void release() override {
    paused_ = false;
    metal_fake::release();
    if (hangs_ == 0) return;
    event_.signaledValue = hangs_;
    hangs_ = 0;
  }

  std::string fail_next_begin() override {
    if (metal4()) return "a slot of Metal 4 makes no object when it begins";
    metal_fake::return_nil(metal_fake::Creation::command_buffer);
    return {};
  }

  std::string fail_submit(const Lease& /*lease*/) override { return "Metal's commit cannot fail"; }

  std::string fail_execution(const Lease& /*lease*/) override {
    // So that the next to start is the one that is submitted next.
    metal_fake::wait_until_idle();
    metal_fake::fail_next(
        {.code = metal4() ? MTL4CommandQueueErrorTimeout
                          : static_cast<std::int64_t>(MTLCommandBufferErrorPageFault)});
    return {};
  }

  // Not the fake's own hang, which is the whole GPU's.
  std::string hang(const Lease& lease) override {
    @autoreleasepool {
      if (metal4()) {
        id<MTL4CommandQueue> queue = (__bridge id<MTL4CommandQueue>)device_->queue(lease.queue());
        [queue waitForEvent:event_ value:event_.signaledValue + 1];
      } else {
        [buffer(lease) encodeWaitForEvent:event_ value:event_.signaledValue + 1];
      }
      hangs_ = event_.signaledValue + 1;
    }
    return {};
  }

  std::string lose_device() override {
    metal_fake::remove_device();
    // Metal tells of it by what fails. A second ring on the device learns of it even if the one
    // under test has nothing in flight.
    try {
      CommandBufferRing probe(metal::make_backend(device_), {.ring_size = 1});
      probe.acquire().submit().wait();
      ADD_FAILURE() << "work ended well on a device that was removed";
    } catch (const DeviceLost&) {
      lost_ = true;
    }
    return {};
  }

 private:
  [[nodiscard]] bool metal4() const { return commands_ == metal::CommandModel::metal4; }
  static id<MTLCommandBuffer> buffer(const Lease& lease) {
    return (__bridge id<MTLCommandBuffer>)metal::command_buffer(lease);
  }
  static id<MTL4CommandBuffer> buffer4(const Lease& lease) {
    return (__bridge id<MTL4CommandBuffer>)metal::command_buffer4(lease);
  }

  void open() {
    metal_fake::set_macos_version(metal4() ? macos_26 : macos_15);
    metal_fake::register_kernel("little", [](const metal_fake::Dispatch&) {});
    // The largest ring fits on one queue.
    device_ = metal::Device::open(
        {.commands = commands_, .queue_count = queue_count_, .max_command_buffers = max_ring_size});
    backend_ = metal::make_backend(device_);
    lost_ = false;
    hangs_ = 0;
    paused_ = false;
    @autoreleasepool {
      id<MTLDevice> device = (__bridge id<MTLDevice>)device_->handle();
      event_ = [device newSharedEvent];
      NSError* error = nil;
      id<MTLLibrary> library = [device newLibraryWithSource:@"little" options:nil error:&error];
      pipeline_ =
          [device newComputePipelineStateWithFunction:[library newFunctionWithName:@"little"]
                                                error:&error];
    }
  }

  void close() {
    // Handlers still hold what belongs to their submission.
    metal_fake::wait_until_idle();
    @autoreleasepool {
      pipeline_ = nil;
      event_ = nil;
      backend_ = nullptr;
      device_ = nullptr;
    }
  }

  const metal::CommandModel commands_;
  const std::uint32_t queue_count_;
  std::shared_ptr<metal::Device> device_;
  std::shared_ptr<Backend> backend_;
  id<MTLComputePipelineState> pipeline_ = nil;
  std::vector<id<MTLComputePipelineState>> retired_pipelines_;
  id<MTLSharedEvent> event_ = nil;
  /// The value that ends every hang; 0 if nothing hangs.
  std::uint64_t hangs_ = 0;
  bool paused_ = false;
  bool lost_ = false;
};

}  // namespace

std::unique_ptr<Harness> make_metal3_harness(std::uint32_t queue_count) {
  return std::make_unique<MetalHarness>(metal::CommandModel::metal3, queue_count);
}

std::unique_ptr<Harness> make_metal4_harness(std::uint32_t queue_count) {
  return std::make_unique<MetalHarness>(metal::CommandModel::metal4, queue_count);
}

}  // namespace cbr::test
