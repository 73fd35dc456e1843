#include "support/vulkan_fixture.h"

#include <mutex>
#include <utility>

#include <gtest/gtest.h>

namespace cbr::test {
namespace {

std::mutex messages_mutex;
std::vector<std::string>& messages() {
  // Never destroyed: the driver's threads may speak until the process ends.
  static auto* all = new std::vector<std::string>;
  return *all;
}

/// Fails any test during which a validation message came.
class ValidationListener : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& /*info*/) override {
    for (const auto& message : take_validation_messages()) {
      ADD_FAILURE() << "validation: " << message;
    }
  }
};

const bool listening = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new ValidationListener);
  return true;
}();

}  // namespace

std::shared_ptr<vulkan::Device> open_validated(const std::vector<vulkan::QueueRequest>& queues) {
  vulkan::OpenOptions options;
  options.queues = queues;
  options.validation = true;
  options.on_validation_message = [](const std::string& message) {
    // By its own text "most likely a validation bug": two threads that wait for one timeline
    // semaphore can hold up the layer's (1.3.239) own book-keeping. It says nothing of ours.
    if (message.find("UNASSIGNED-VkSemaphore-state-timeout") != std::string::npos) return;
    const std::lock_guard lock(messages_mutex);
    messages().push_back(message);
  };
  return vulkan::Device::open(options);
}

std::shared_ptr<vulkan::Device> validated_device() {
  // Never destroyed: at exit the layer's own statics are gone before ours, and it reads them.
  static const auto* device = new std::shared_ptr<vulkan::Device>(open_validated({}));
  return *device;
}

std::vector<std::string> take_validation_messages() {
  const std::lock_guard lock(messages_mutex);
  return std::exchange(messages(), {});
}

}  // namespace cbr::test
