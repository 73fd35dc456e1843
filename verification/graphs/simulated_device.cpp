#include "graphs/simulated_device.h"

#include <array>
#include <chrono>

namespace cbr::graphs {
namespace {

/// The same for all: the virtual clock stands while a thread that has seen the end of work waits
/// until another has seen the end of what came before it.
constexpr std::chrono::microseconds completion(1);

}  // namespace

std::shared_ptr<Backend> SimulatedDevice::backend(soak::Random& random) {
  const std::uint32_t queues = random.between(1, 2);
  const detail::LockGuard lock(mutex_);
  // The first is kept, to make others of: one that only a ring had would go with it.
  gpus_.push_back(gpus_.empty() ? simulated::make_gpu(queues) : gpus_.front()->another(queues));
  return gpus_.back();
}

std::shared_ptr<Work> SimulatedDevice::record(Lease& lease,
                                              std::span<const std::shared_ptr<Work>> /*earlier*/,
                                              soak::Random& random) {
  const auto up_to_us = [&](std::uint32_t most) {
    return std::chrono::microseconds(random.pick(most + 1));
  };
  const Fault fault = draw_fault(random);
  simulated::record(lease, {.encode = up_to_us(3),
                            .submit = up_to_us(1),
                            .signal = up_to_us(2),
                            .execute = up_to_us(20),
                            .completion = completion,
                            .fault = fault});
  return std::make_shared<Work>(fault);
}

Fault SimulatedDevice::draw_fault(soak::Random& random) const {
  if (faults_.one_in == 0 || !random.one_in(faults_.one_in)) return Fault::none;
  constexpr std::array often = {Fault::fail_execution, Fault::fail_submit};
  if (faults_.loss && random.one_in(8)) return Fault::lose_device;
  if (faults_.hangs && random.one_in(3)) {
    return random.one_in(2) ? Fault::hang : Fault::lose_signal;
  }
  return often.at(random.pick(often.size()));
}

void SimulatedDevice::release() {
  std::vector<std::shared_ptr<simulated::Gpu>> gpus;
  {
    const detail::LockGuard lock(mutex_);
    gpus = gpus_;
  }
  for (const auto& gpu : gpus) gpu->release();
}

}  // namespace cbr::graphs
