#include "self_test.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "bench/gpu_timeline.h"
#include "bench/simulated_workload.h"
#include "bench/step_loop.h"
#include "bench/synthetic_workload.h"
#include "interrupt.h"

namespace cbr::tool {
namespace {

constexpr std::uint32_t steps = 48;

template <class Test>
SelfTestResult guarded(const Test& test) {
  try {
    return test();
  } catch (const std::exception& error) {
    return {.passed = false, .detail = error.what()};
  }
}

bench::RoundSamples run_ring(const std::shared_ptr<Backend>& backend, bench::Workload& workload,
                             std::uint32_t ring_size) {
  RingOptions options;
  options.ring_size = ring_size;
  // A device that takes this long for a tiny step hangs.
  options.timeout = std::chrono::seconds(10);
  options.name = "self-test";
  CommandBufferRing ring(backend, options);
  return workload.run_round(ring, interrupted());
}

/// Steps that do nothing, for devices that can't run the kernels.
class EmptyWorkload : public bench::Workload {
 public:
  bench::RoundSamples run_round(CommandBufferRing& ring, const bench::StopFlag& stop) override {
    return bench::run_steps(ring, steps, stop, [](const Lease&) {});
  }
};

SelfTestResult compare_rings(const std::shared_ptr<Backend>& backend, bench::Workload& workload) {
  const bench::RoundSamples serial = run_ring(backend, workload, 1);
  const bench::RoundSamples ringed = run_ring(backend, workload, 3);
  if (!serial.complete || !ringed.complete) return {.passed = false, .detail = "interrupted"};
  if (ringed.ring.completions != steps) {
    return {.passed = false,
            .detail = fmt::format("{} of {} steps ended well", ringed.ring.completions, steps)};
  }
  if (serial.result_sha256 != ringed.result_sha256) {
    return {.passed = false, .detail = "the data differs from that of steps one by one"};
  }
  return {.passed = true, .detail = fmt::format("{} steps in a ring of 3", steps)};
}

}  // namespace

SelfTestResult self_test_simulated() {
  return guarded([] {
    bench::SimulatedWorkload workload(bench::SimulatedTimes{}, steps);
    return compare_rings(simulated::make_gpu(), workload);
  });
}

SelfTestResult self_test_vulkan(const vulkan::DeviceInfo& info) {
  return guarded([&] {
    vulkan::OpenOptions options;
    options.device = fmt::format("{}", info.index);
    const std::shared_ptr<vulkan::Device> device = vulkan::Device::open(options);
    const std::shared_ptr<Backend> backend = vulkan::make_backend(device);
    if (!info.buffer_device_address) {
      EmptyWorkload workload;
      SelfTestResult result = compare_rings(backend, workload);
      if (result.passed) result.detail += " (empty ones: the kernels need bufferDeviceAddress)";
      return result;
    }
    bench::SyntheticWorkload workload(device, {.dispatches = 8, .elements = 1024, .iterations = 4},
                                      steps);
    SelfTestResult result = compare_rings(backend, workload);
    if (result.passed) result.detail += ", data as from steps one by one";
    return result;
  });
}

}  // namespace cbr::tool
