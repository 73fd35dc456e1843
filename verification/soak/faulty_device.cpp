#include "soak/faulty_device.h"

#include <cbr/validation.h>

namespace cbr::soak {

std::shared_ptr<Backend> FaultyDevice::backend(Random& random) {
  std::shared_ptr<Backend> backend = inner_->backend(random);
  if (random.one_in(2)) {
    const auto injector = inject_faults(backend, {.seed = random.next(),
                                                  .begin = 0.005,
                                                  .submit = 0.01,
                                                  .execution = 0.02,
                                                  .hang = 0.005,
                                                  .device_loss = may_lose_device_ ? 0.005 : 0,
                                                  .signal = 0.01});
    const std::lock_guard lock(mutex_);
    injectors_.push_back(injector);
    backend = injector;
  }
  if (random.one_in(4)) backend = validate(backend, broken_);
  return backend;
}

void FaultyDevice::release() {
  std::vector<std::weak_ptr<FaultInjector>> injectors;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(injectors_, [](const auto& injector) { return injector.expired(); });
    injectors = injectors_;
  }
  for (const auto& each : injectors) {
    if (const auto injector = each.lock()) injector->release();
  }
  inner_->release();
}

}  // namespace cbr::soak
