#include <array>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "compute/recorder.h"
#include "compute/synthetic_step.h"
#include "soak/target.h"
#include "soak/vulkan_graph_device.h"

namespace cbr::soak {
namespace {

using compute::Buffer;
using compute::Placement;

using Pattern = std::array<std::uint64_t, 32>;

class VulkanWorkplace final : public Workplace {
 public:
  VulkanWorkplace(std::shared_ptr<vulkan::Device> device, bool may_lose_device)
      : device_(std::move(device)),
        backend_(vulkan::make_backend(device_)),
        // Steps of two queues would race for one step's data.
        steps_(device_->queue_count()),
        keeps_buffers_(may_lose_device) {
    for (auto& step : steps_) {
      step = std::make_unique<compute::SyntheticStep>(
          device_, compute::SyntheticShape{.dispatches = 4, .elements = 256, .iterations = 4});
    }
  }

  std::shared_ptr<Backend> backend() override { return backend_; }

  /// Some dispatches, and a pattern of this submission's own that the GPU takes from one buffer to
  /// another.
  RecordedWork record(const Lease& lease, Random& random) override {
    struct Buffers {
      Buffer from;
      Buffer to;
    };
    auto buffers = std::make_shared<Buffers>(
        Buffers{.from = Buffer(device_, sizeof(Pattern), Placement::device_local),
                .to = Buffer(device_, sizeof(Pattern), Placement::host_visible)});
    Pattern pattern;
    for (std::uint64_t& value : pattern) value = random.next();
    VkCommandBuffer commands = vulkan::command_buffer(lease);
    steps_[to_number(lease.queue())]->record(commands);
    compute::Recorder recorder(*device_, commands);
    recorder.update(buffers->from, 0, std::as_bytes(std::span(pattern)));
    recorder.barrier_with_copies();
    recorder.copy(buffers->from, 0, buffers->to, 0, sizeof(Pattern));
    recorder.barrier_to_host();
    if (keeps_buffers_) {
      const std::lock_guard lock(mutex_);
      kept_.push_back(buffers);
    }
    return {.needs = buffers, .correct = [buffers, pattern] {
              return std::memcmp(buffers->to.bytes().data(), pattern.data(), sizeof(Pattern)) == 0;
            }};
  }

  void release() override {}

 private:
  std::shared_ptr<vulkan::Device> device_;
  std::shared_ptr<Backend> backend_;
  std::vector<std::unique_ptr<compute::SyntheticStep>> steps_;
  const bool keeps_buffers_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const void>> kept_;
};

class VulkanTarget final : public Target {
 public:
  [[nodiscard]] std::string name() const override { return "vulkan: " + device_->info().name; }
  [[nodiscard]] std::uint32_t operations() const override { return 60; }
  [[nodiscard]] bool allocations_may_fail() const override { return false; }
  [[nodiscard]] std::unique_ptr<Workplace> make(Random& /*random*/, bool may_lose_device) override {
    return std::make_unique<VulkanWorkplace>(device_, may_lose_device);
  }
  [[nodiscard]] std::unique_ptr<graphs::Device> make_graph_device(Random& /*random*/) override {
    return make_vulkan_graph_device(graph_device_);
  }

 private:
  /// The same device with two queues of its main family, if it has them.
  static std::shared_ptr<vulkan::Device> open_beside(
      const std::shared_ptr<vulkan::Device>& device) {
    const vulkan::DeviceInfo& info = device->info();
    for (const vulkan::ComputeFamily& family : info.compute_families) {
      if (family.family != device->queue_family() || family.queue_count < 2) continue;
      const vulkan::QueueRequest queue{.family = family.family};
      return vulkan::Device::open({.device = std::to_string(info.index), .queues = {queue, queue}});
    }
    return device;
  }

  // One for the run: what a driver leaks with each device is not what is looked for.
  std::shared_ptr<vulkan::Device> device_ = vulkan::Device::open();
  std::shared_ptr<vulkan::Device> graph_device_ = open_beside(device_);
};

}  // namespace

std::unique_ptr<Target> make_vulkan_target() {
  return std::make_unique<VulkanTarget>();
}

}  // namespace cbr::soak
