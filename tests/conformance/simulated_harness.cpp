#include <cbr/simulated.h>

#include "conformance/harness.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class SimulatedHarness final : public Harness {
 public:
  explicit SimulatedHarness(std::uint32_t queue_count)
      : queue_count_(queue_count), gpu_(simulated::make_gpu(queue_count)) {}

  std::shared_ptr<Backend> backend() override { return gpu_; }
  void renew() override { gpu_ = simulated::make_gpu(queue_count_); }
  std::shared_ptr<Backend> another() override { return gpu_->another(queue_count_); }
  void record(const Lease& lease) override { record(lease, Fault::none); }
  void pause() override { gpu_->pause(); }
  void release() override { gpu_->release(); }

  std::string fail_next_begin() override {
    gpu_->fail_next_begin();
    return {};
  }
  std::string fail_submit(const Lease& lease) override { return record(lease, Fault::fail_submit); }
  std::string fail_execution(const Lease& lease) override {
    return record(lease, Fault::fail_execution);
  }
  std::string hang(const Lease& lease) override { return record(lease, Fault::hang); }
  std::string lose_device() override {
    gpu_->lose_device();
    return {};
  }

 private:
  static std::string record(const Lease& lease, Fault fault) {
    simulated::record(
        lease, {.encode = 1us, .submit = 1us, .execute = 5us, .completion = 1us, .fault = fault});
    return {};
  }

  std::uint32_t queue_count_;
  std::shared_ptr<simulated::Gpu> gpu_;
};

}  // namespace

std::unique_ptr<Harness> make_simulated_harness(std::uint32_t queue_count) {
  return std::make_unique<SimulatedHarness>(queue_count);
}

}  // namespace cbr::test
