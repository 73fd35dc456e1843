// A device of random graphs, with faults that nobody planned for one submission.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include <cbr/fault_injection.h>

#include "graphs/device.h"

namespace cbr::soak {

/// Each backend has an injector of its own: where it loses the device, the others go on.
class FaultyDevice final : public graphs::Device {
 public:
  /// `broken` hears where the contract with a backend is broken.
  FaultyDevice(std::unique_ptr<graphs::Device> inner, bool may_lose_device,
               std::function<void(std::string_view)> broken)
      : inner_(std::move(inner)), may_lose_device_(may_lose_device), broken_(std::move(broken)) {}

  [[nodiscard]] std::shared_ptr<Backend> backend(Random& random) override;
  [[nodiscard]] std::shared_ptr<graphs::Work> record(
      Lease& lease, std::span<const std::shared_ptr<graphs::Work>> earlier,
      Random& random) override {
    return inner_->record(lease, earlier, random);
  }
  void release() override;
  [[nodiscard]] Dangers dangers() const override {
    return {.refusal = true, .failure = true, .loss = may_lose_device_ || inner_->dangers().loss};
  }

 private:
  const std::unique_ptr<graphs::Device> inner_;
  const bool may_lose_device_;
  const std::function<void(std::string_view)> broken_;
  std::mutex mutex_;
  /// The mutex guards them.
  std::vector<std::weak_ptr<FaultInjector>> injectors_;
};

}  // namespace cbr::soak
