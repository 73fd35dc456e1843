// Any backend behind the decorators: contract checks outside, faults on demand inside.
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <cbr/fault_injection.h>
#include <cbr/validation.h>

#include "conformance/harness.h"

namespace cbr::test {
namespace {

class CheckedHarness final : public Harness {
 public:
  CheckedHarness(std::unique_ptr<Harness> inner, bool gathers)
      : inner_(std::move(inner)), gathers_(gathers) {
    decorate();
  }

  std::shared_ptr<Backend> backend() override { return backend_; }
  void renew() override {
    inner_->renew();
    decorate();
  }
  std::shared_ptr<Backend> another() override {
    auto backend = inner_->another();
    return backend == nullptr ? nullptr : checked(inject_faults(std::move(backend)));
  }
  void record(const Lease& lease) override { inner_->record(lease); }
  [[nodiscard]] bool runs_one_at_a_time() const override { return inner_->runs_one_at_a_time(); }
  [[nodiscard]] bool gathers() const override { return gathers_; }
  void pause() override { inner_->pause(); }
  void release() override {
    injector_->release();
    inner_->release();
  }

  std::string fail_next_begin() override { return fail_next(Fault::fail_begin); }
  std::string fail_submit(const Lease& /*lease*/) override { return fail_next(Fault::fail_submit); }
  std::string fail_execution(const Lease& /*lease*/) override {
    return fail_next(Fault::fail_execution);
  }
  std::string hang(const Lease& /*lease*/) override { return fail_next(Fault::hang); }
  std::string lose_device() override {
    injector_->lose_device("the device is lost, as the test wants");
    // detach() waits for the inner work, which is in truth well.
    inner_->release();
    return {};
  }
  std::string fail_next(Fault fault) override {
    injector_->fail_next(fault);
    return {};
  }

 private:
  void decorate() {
    injector_ = inject_faults(inner_->backend());
    backend_ = checked(injector_);
  }
  static std::shared_ptr<Backend> checked(std::shared_ptr<Backend> backend) {
    return validate(std::move(backend), [](std::string_view line) {
      ADD_FAILURE() << "backend contract broken: " << line;
    });
  }

  std::unique_ptr<Harness> inner_;
  const bool gathers_;
  std::shared_ptr<FaultInjector> injector_;
  std::shared_ptr<Backend> backend_;
};

}  // namespace

std::unique_ptr<Harness> make_checked_harness(std::unique_ptr<Harness> inner) {
  if (inner == nullptr) return nullptr;
  return std::make_unique<CheckedHarness>(std::move(inner), false);
}

std::unique_ptr<Harness> make_gathering_harness(std::unique_ptr<Harness> inner) {
  if (inner == nullptr) return nullptr;
  return std::make_unique<CheckedHarness>(std::move(inner), true);
}

}  // namespace cbr::test
