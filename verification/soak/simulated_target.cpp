#include <chrono>
#include <utility>

#include <cbr/simulated.h>

#include "graphs/simulated_device.h"
#include "soak/target.h"

namespace cbr::soak {
namespace {

using cbr::Fault;

class SimulatedWorkplace final : public Workplace {
 public:
  explicit SimulatedWorkplace(std::uint32_t queue_count, bool misbehaves)
      : gpu_(simulated::make_gpu(queue_count)), misbehaves_(misbehaves) {}

  std::shared_ptr<Backend> backend() override { return gpu_; }

  RecordedWork record(const Lease& lease, Random& random) override {
    const auto up_to_us = [&](std::uint32_t most) {
      return std::chrono::microseconds(random.pick(most + 1));
    };
    simulated::record(lease, {.encode = up_to_us(20),
                              .submit = up_to_us(2),
                              .execute = up_to_us(50),
                              .completion = up_to_us(5),
                              .fault = fault(random)});
    return {};
  }

  void release() override { gpu_->release(); }

 private:
  [[nodiscard]] Fault fault(Random& random) const {
    if (!misbehaves_ || !random.one_in(20)) return Fault::none;
    constexpr Fault faults[] = {Fault::fail_submit, Fault::fail_execution, Fault::hang};
    return faults[random.pick(3)];
  }

  std::shared_ptr<simulated::Gpu> gpu_;
  bool misbehaves_;
};

class SimulatedTarget final : public Target {
 public:
  [[nodiscard]] std::string name() const override { return "simulated"; }
  [[nodiscard]] std::uint32_t operations() const override { return 400; }
  [[nodiscard]] bool allocations_may_fail() const override { return true; }
  [[nodiscard]] std::unique_ptr<Workplace> make(Random& random, bool /*may_lose_device*/) override {
    const std::uint32_t queues = random.between(1, 3);
    return std::make_unique<SimulatedWorkplace>(queues, random.one_in(4));
  }
  [[nodiscard]] std::unique_ptr<graphs::Device> make_graph_device(Random& random) override {
    return std::make_unique<graphs::SimulatedDevice>(graphs::PlannedFaults{
        .one_in = random.one_in(4) ? 0U : 20U, .hangs = true, .loss = random.one_in(4)});
  }
};

}  // namespace

std::unique_ptr<Target> make_simulated_target() {
  return std::make_unique<SimulatedTarget>();
}

}  // namespace cbr::soak
