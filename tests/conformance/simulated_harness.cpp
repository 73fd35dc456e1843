#include <cbr/simulated.h>

#include "conformance/harness.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class SimulatedHarness final : public Harness {
 public:
  std::shared_ptr<Backend> backend() override { return gpu_; }
  void record(const Lease& lease) override {
    simulated::record(lease, {.encode = 1us, .submit = 1us, .execute = 5us, .completion = 1us});
  }
  void pause() override { gpu_->pause(); }
  void release() override { gpu_->release(); }

  std::string fail_next_begin() override {
    gpu_->fail_next_begin();
    return {};
  }
  std::string fail_submit(const Lease& lease) override {
    simulated::record(lease, {.fate = simulated::Fate::fail_submit});
    return {};
  }
  std::string fail_execution(const Lease& lease) override {
    simulated::record(lease, {.fate = simulated::Fate::fail_execution});
    return {};
  }
  std::string lose_device() override {
    gpu_->lose_device();
    return {};
  }

 private:
  std::shared_ptr<simulated::Gpu> gpu_ = simulated::make_gpu();
};

}  // namespace

std::unique_ptr<Harness> make_simulated_harness() {
  return std::make_unique<SimulatedHarness>();
}

}  // namespace cbr::test
