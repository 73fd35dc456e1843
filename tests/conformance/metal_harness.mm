// Metal under the conformance suite: on a Mac the system's GPU, elsewhere the fake, which can fail
// on demand.
#include <memory>
#include <utility>
#include <vector>

#import <Metal/Metal.h>

#include <cbr/metal.h>
#include <cbr/ring.h>

#include "backends/metal/metal4_sdk.h"
#include "conformance/harness.h"

#ifdef CBR_METAL_FAKE
#include "metal_fake/control.h"
#endif

namespace cbr::test {
namespace {

/// More slots than any test asks for, and three buffers each.
constexpr std::uint32_t max_command_buffers = 3 * max_ring_size + 64;

[[maybe_unused]] constexpr const char* no_faults = "a real driver does not fail on demand";

/// A kernel that does nothing: a command buffer without a dispatch need not have GPU times.
constexpr const char* kernel = "kernel void work() {}";

id<MTLComputePipelineState> make_pipeline(id<MTLDevice> device) {
#ifdef CBR_METAL_FAKE
  metal_fake::register_kernel("work", [](const metal_fake::Dispatch&) {});
#endif
  NSError* error = nil;
  id<MTLLibrary> library = [device newLibraryWithSource:@(kernel) options:nil error:&error];
  return [device newComputePipelineStateWithFunction:[library newFunctionWithName:@"work"]
                                               error:&error];
}

#ifdef CBR_METAL_FAKE
/// The fake has one GPU, so this holds for all harnesses of the process.
bool lost = false;

/// True if the GPU was lost: a new one is there now.
bool renew_device() {
  if (!std::exchange(lost, false)) return false;
  metal_fake::reset();
  return true;
}
#endif

/// Encodes a dispatch, for either generation's encoder.
template <typename Encoder>
void encode(id<MTLComputePipelineState> pipeline, Encoder encoder) {
  [encoder setComputePipelineState:pipeline];
  [encoder dispatchThreadgroups:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
  [encoder endEncoding];
}

/// Work is held up by a shared event that the queue waits for.
class MetalHarness : public Harness {
 public:
  MetalHarness(std::shared_ptr<metal::Device> device, const metal::BackendOptions& options)
      : device_(std::move(device)), options_(options) {
    renew_backend();
  }
  ~MetalHarness() override {
    release_gate();
    keep_what_work_uses();
  }

  std::shared_ptr<Backend> backend() override { return backend_; }

  void renew() override {
    release_gate();
    keep_what_work_uses();
#ifdef CBR_METAL_FAKE
    if (renew_device()) {
      device_ = metal::Device::open({.generation = device_->generation(),
                                     .queue_count = device_->queue_count(),
                                     .max_command_buffers = max_command_buffers});
    }
#endif
    renew_backend();
  }

  std::shared_ptr<Backend> another() override {
    if (!options_.timelines) return nullptr;
    // With queues of its own: what one ring waits for holds up all that comes later on a queue.
    return metal::make_backend(metal::Device::open({.generation = device_->generation(),
                                                    .queue_count = device_->queue_count(),
                                                    .max_command_buffers = max_command_buffers}),
                               options_);
  }

  void pause() override {
    @autoreleasepool {
      close_gate();
      for (std::uint32_t i = 0; i < device_->queue_count(); ++i) hold_up(QueueIndex{i});
    }
  }
  void release() override { release_gate(); }

#ifdef CBR_METAL_FAKE
  std::string fail_submit(const Lease& /*lease*/) override {
    return "Metal's commit has no result, so it can't be refused";
  }
  std::string lose_device() override {
    metal_fake::remove_device();
    lost = true;
    // Metal tells of it by work that fails. If this ring has none in flight, that of another ring
    // on the device will do.
    try {
      CommandBufferRing other(metal::make_backend(device_), {.ring_size = device_->queue_count(),
                                                             .log_sink = [](const LogMessage&) {}});
      other.acquire().submit().wait();
    } catch (const DeviceLost&) {
    }
    return {};
  }
#else
  // Metal promises the order of beginnings alone.
  [[nodiscard]] bool runs_one_at_a_time() const override { return false; }
  std::string fail_next_begin() override { return no_faults; }
  std::string fail_submit(const Lease& /*lease*/) override { return no_faults; }
  std::string fail_execution(const Lease& /*lease*/) override { return no_faults; }
  std::string lose_device() override { return no_faults; }
#endif

 protected:
  /// Has the queue wait for the gate before what is submitted from now on.
  virtual void hold_up(QueueIndex queue) = 0;

  [[nodiscard]] const metal::Device& device() const { return *device_; }
  [[nodiscard]] const metal::BackendOptions& options() const { return options_; }
  void close_gate() { ++gate_; }
  [[nodiscard]] id<MTLSharedEvent> event() const { return event_; }
  [[nodiscard]] id<MTLComputePipelineState> pipeline() const { return pipelines_.back(); }
  [[nodiscard]] std::uint64_t gate() const { return gate_; }

 private:
  /// Work may retain neither the event that it waits for nor its kernel, and may end a moment after
  /// this harness.
  void keep_what_work_uses() {
#ifdef CBR_METAL_FAKE
    metal_fake::wait_until_idle();
#else
    static auto* const kept = new std::vector<id>;
    kept->push_back(event_);
    kept->insert(kept->end(), pipelines_.begin(), pipelines_.end());
#endif
  }
  void renew_backend() {
    @autoreleasepool {
      const id<MTLDevice> native = (__bridge id<MTLDevice>)device_->handle();
      event_ = [native newSharedEvent];
      pipelines_.push_back(make_pipeline(native));
      gate_ = 0;
      backend_ = metal::make_backend(device_, options_);
    }
  }
  void release_gate() {
    @autoreleasepool {
      event_.signaledValue = gate_;
    }
  }

  std::shared_ptr<metal::Device> device_;
  const metal::BackendOptions options_;
  std::shared_ptr<Backend> backend_;
  id<MTLSharedEvent> event_ = nil;
  /// One for each backend: a lease may outlive the ring that it was recorded for.
  std::vector<id<MTLComputePipelineState>> pipelines_;
  std::uint64_t gate_ = 0;
};

class Metal3Harness final : public MetalHarness {
 public:
  using MetalHarness::MetalHarness;

  void record(const Lease& lease) override {
    @autoreleasepool {
      encode(pipeline(), [buffer(lease) computeCommandEncoder]);
    }
  }
  std::string hang(const Lease& lease) override {
    @autoreleasepool {
      close_gate();
      [buffer(lease) encodeWaitForEvent:event() value:gate()];
    }
    return {};
  }
#ifdef CBR_METAL_FAKE
  std::string fail_next_begin() override {
    if (options().make_ahead) return "the buffer may have been made already";
    metal_fake::return_nil(metal_fake::Creation::command_buffer);
    return {};
  }
  std::string fail_execution(const Lease& lease) override {
    metal_fake::fail(metal::command_buffer(lease), {.code = MTLCommandBufferErrorPageFault});
    return {};
  }
#endif

 private:
  static id<MTLCommandBuffer> buffer(const Lease& lease) {
    return (__bridge id<MTLCommandBuffer>)metal::command_buffer(lease);
  }
  void hold_up(QueueIndex queue) override {
    const id<MTLCommandQueue> native = (__bridge id<MTLCommandQueue>)device().queue(queue);
    const id<MTLCommandBuffer> waiting = [native commandBuffer];
    [waiting encodeWaitForEvent:event() value:gate()];
    [waiting commit];
  }
};

#if CBR_METAL4_SDK
class API_AVAILABLE(macos(26.0), ios(26.0)) Metal4Harness final : public MetalHarness {
 public:
  using MetalHarness::MetalHarness;

  void record(const Lease& lease) override {
    @autoreleasepool {
      const id<MTL4CommandBuffer> buffer =
          (__bridge id<MTL4CommandBuffer>)metal::command_buffer4(lease);
      encode(pipeline(), [buffer computeCommandEncoder]);
    }
  }
  std::string hang(const Lease& lease) override {
    @autoreleasepool {
      close_gate();
      hold_up(lease.queue());
    }
    return {};
  }
#ifdef CBR_METAL_FAKE
  std::string fail_next_begin() override {
    return "Metal 4's begin makes nothing, so nothing can fail";
  }
  std::string fail_execution(const Lease& lease) override {
    metal_fake::fail(metal::command_buffer4(lease), {.code = MTL4CommandQueueErrorInternal});
    return {};
  }
#endif

 private:
  void hold_up(QueueIndex queue) override {
    [(__bridge id<MTL4CommandQueue>)device().queue(queue) waitForEvent:event() value:gate()];
  }
};
#endif

std::shared_ptr<metal::Device> open(metal::Generation generation, std::uint32_t queue_count) {
#ifdef CBR_METAL_FAKE
  (void)renew_device();
#endif
  return metal::Device::open({.generation = generation,
                              .queue_count = queue_count,
                              .max_command_buffers = max_command_buffers});
}

}  // namespace

std::unique_ptr<Harness> make_metal3_harness(std::uint32_t queue_count) {
  return std::make_unique<Metal3Harness>(open(metal::Generation::metal3, queue_count),
                                         metal::BackendOptions{});
}

// Timelines are off unless asked for, so one of the two harnesses of Metal 3 has none.
std::unique_ptr<Harness> make_metal3_ahead_harness(std::uint32_t queue_count) {
  return std::make_unique<Metal3Harness>(open(metal::Generation::metal3, queue_count),
                                         metal::BackendOptions{.retained_references = false,
                                                               .encoder_errors = false,
                                                               .make_ahead = true,
                                                               .timelines = true});
}

std::unique_ptr<Harness> make_metal4_harness(std::uint32_t queue_count) {
#if CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    if (!metal::Device::open()->info().metal4) return nullptr;
    return std::make_unique<Metal4Harness>(open(metal::Generation::metal4, queue_count),
                                           metal::BackendOptions{.timelines = true});
  }
#endif
  (void)queue_count;
  return nullptr;
}

}  // namespace cbr::test
