// A Vulkan backend whose driver's calls a test counts and replaces.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/backend.h>
#include <cbr/vulkan.h>

#include "support/vulkan_fixture.h"
#include "support/vulkan_shim.h"

namespace cbr::vulkan {

/// Makes the backend on the validated device, with the shim between, and speaks to it as a ring
/// would. Set what the driver pretends to be before attach().
class ShimmedBackend : public testing::Test {
 public:
  ~ShimmedBackend() override {
    detach();
    backend_.reset();
    device_.reset();
    shim_.reset();
  }

 protected:
  ShimmedBackend() { shim_.reset(); }

  /// The device on which the shim stands.
  [[nodiscard]] virtual std::shared_ptr<Device> owner() { return test::validated_device(); }

  /// Makes device and backend, where they aren't made, and attaches.
  void attach(std::uint32_t ring_size = 1, GpuTimes times = GpuTimes::none) {
    make();
    backend_->attach({.ring_size = ring_size,
                      .ring_name = "Shimmed",
                      .gpu_times = times,
                      .report = [this](std::string_view text) {
                        const std::lock_guard lock(mutex_);
                        reports_.emplace_back(text);
                      }});
    attached_ = true;
  }
  void make() {
    if (device_ == nullptr) {
      owner_ = owner();
      device_ = test::VulkanShim::wrap(*owner_);
    }
    if (backend_ == nullptr) backend_ = make_backend(device_);
  }
  void detach() {
    if (std::exchange(attached_, false)) backend_->detach();
  }

  /// An empty submission.
  void submit(std::uint32_t slot, std::uint64_t serial) {
    (void)backend_->begin(SlotIndex{slot});
    backend_->submit(SlotIndex{slot}, Serial(serial), {});
  }
  WaitStatus wait(std::uint64_t serial, std::uint64_t wake_number = 0,
                  TimePoint deadline = no_deadline) {
    const SyncPoint point{QueueIndex{0}, Serial(serial)};
    return backend_->wait({&point, 1}, wake_number, deadline);
  }
  [[nodiscard]] std::uint64_t completed() { return backend_->completed(QueueIndex{0}).value(); }
  /// Submits, waits and reads how it ended.
  Completion run(std::uint32_t slot, std::uint64_t serial) {
    submit(slot, serial);
    EXPECT_EQ(wait(serial), WaitStatus::reached);
    EXPECT_EQ(completed(), serial);
    return backend_->finish(SlotIndex{slot});
  }
  /// What was reported since the last call.
  [[nodiscard]] std::vector<std::string> take_reports() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
  }

  test::VulkanShim& shim_ = test::VulkanShim::get();
  std::shared_ptr<Device> device_;
  std::shared_ptr<Backend> backend_;

 private:
  /// Outlives what a fixture that is derived from this has of its own.
  std::shared_ptr<Device> owner_;
  bool attached_ = false;
  std::mutex mutex_;
  std::vector<std::string> reports_;
};

}  // namespace cbr::vulkan
