#include "soak/vulkan_graph_device.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "compute/buffer.h"
#include "compute/recorder.h"

namespace cbr::soak {
namespace {

using compute::Buffer;
using compute::Placement;

using Pattern = std::array<std::uint64_t, 512>;

/// Writes a pattern of its own, and copies those that it waits for to where the host sees them.
class PatternWork final : public graphs::Work {
 public:
  PatternWork(const std::shared_ptr<vulkan::Device>& device, std::size_t earlier, Random& random)
      : Work(Fault::none),
        staged_(device, sizeof(Pattern), Placement::device_local),
        written_(device, sizeof(Pattern), Placement::device_local),
        seen_(device, sizeof(Pattern) * std::max<std::size_t>(earlier, 1),
              Placement::host_visible) {
    for (std::uint64_t& value : pattern_) value = random.next();
    std::ranges::fill(seen_.bytes(), std::byte{0});
  }

  /// Without a barrier before: waiting for what wrote them has to be enough.
  void record(compute::Recorder recorder, std::span<const std::shared_ptr<Work>> earlier) {
    for (std::size_t i = 0; i < earlier.size(); ++i) {
      if (earlier[i] == nullptr) continue;
      const auto& its = static_cast<const PatternWork&>(*earlier[i]);
      recorder.copy(its.written_, 0, seen_, i * sizeof(Pattern), sizeof(Pattern));
    }
    recorder.update(staged_, 0, std::as_bytes(std::span(pattern_)));
    recorder.barrier_with_copies();
    recorder.copy(staged_, 0, written_, 0, sizeof(Pattern));
    recorder.barrier_to_host();
  }

  [[nodiscard]] bool found(std::size_t index, const Work& earlier) const override {
    const auto& its = static_cast<const PatternWork&>(earlier);
    return std::memcmp(seen_.bytes().subspan(index * sizeof(Pattern)).data(), its.pattern_.data(),
                       sizeof(Pattern)) == 0;
  }
  [[nodiscard]] bool untouched() const override {
    return std::ranges::all_of(seen_.bytes(), [](std::byte byte) { return byte == std::byte{0}; });
  }

 private:
  Buffer staged_;
  Buffer written_;
  /// Zero where nothing was copied to.
  Buffer seen_;
  Pattern pattern_{};
};

class VulkanGraphDevice final : public graphs::Device {
 public:
  explicit VulkanGraphDevice(std::shared_ptr<vulkan::Device> device) : device_(std::move(device)) {}

  [[nodiscard]] std::shared_ptr<Backend> backend(Random& /*random*/) override {
    return vulkan::make_backend(device_);
  }
  /// The graph keeps it, and with it the buffers.
  [[nodiscard]] std::shared_ptr<graphs::Work> record(
      Lease& lease, std::span<const std::shared_ptr<graphs::Work>> earlier,
      Random& random) override {
    auto work = std::make_shared<PatternWork>(device_, earlier.size(), random);
    work->record(compute::Recorder(*device_, vulkan::command_buffer(lease)), earlier);
    return work;
  }
  void release() override {}
  [[nodiscard]] Dangers dangers() const override { return {}; }

 private:
  std::shared_ptr<vulkan::Device> device_;
};

}  // namespace

std::unique_ptr<graphs::Device> make_vulkan_graph_device(std::shared_ptr<vulkan::Device> device) {
  return std::make_unique<VulkanGraphDevice>(std::move(device));
}

}  // namespace cbr::soak
