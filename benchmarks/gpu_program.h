// Programs that work a ring on a real GPU, for benchmarks of how rings of several sizes do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "compute/synthetic_step.h"

namespace cbr::benchmarks {

/// What a program does with a ring.
struct Load {
  std::string name;
  compute::SyntheticShape shape;
  /// Host time of a step of a round outside the ring: before its slot is asked for, and while it is
  /// recorded.
  using HostTime = std::function<std::chrono::nanoseconds(std::uint32_t step, std::uint32_t round)>;
  HostTime application = nullptr;
  HostTime extra_encode = nullptr;
  std::uint32_t queues = 1;
};

/// One load on a device of its own.
class GpuProgram {
 public:
  /// Opens the device, and keeps it busy until its clock has come up. `device` as
  /// vulkan::OpenOptions::device; a round is to take `round_ms` milliseconds.
  GpuProgram(Load load, const std::string& device, double round_ms);

  /// Another backend for a ring of this program's.
  [[nodiscard]] std::shared_ptr<Backend> make_backend() const {
    return vulkan::make_backend(device_);
  }
  /// A round of steps, to the end of their work.
  void round(CommandBufferRing& ring, std::uint32_t number = 0) { work(ring, steps_, number); }
  /// How many submissions a round has.
  [[nodiscard]] std::uint32_t submissions() const { return steps_ * load_.queues; }
  [[nodiscard]] const std::string& device_name() const { return device_->info().name; }

 private:
  void work(CommandBufferRing& ring, std::uint32_t steps, std::uint32_t round);
  void warm_up(double round_ms);

  const Load load_;
  std::shared_ptr<vulkan::Device> device_;
  std::vector<std::unique_ptr<compute::SyntheticStep>> data_;
  std::uint32_t steps_ = 0;
};

}  // namespace cbr::benchmarks
