// What the conformance suite needs of a backend beside the interface: a way to hold the GPU up, and
// to make it fail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <cbr/backend.h>
#include <cbr/fault.h>
#include <cbr/lease.h>

namespace cbr::test {

/// One backend under test. To run the suite on another backend, derive from this and add it to
/// all_backends().
class Harness {
 public:
  Harness() = default;
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  virtual ~Harness() = default;

  /// The backend; always the same one, until renew().
  [[nodiscard]] virtual std::shared_ptr<Backend> backend() = 0;
  /// Makes another backend of the same kind, for CommandBufferRing::reset.
  virtual void renew() = 0;
  /// Makes another backend of the same device, for a second ring, whose work is not paused. Null if
  /// the GPU can't wait for work of another queue or ring there.
  [[nodiscard]] virtual std::shared_ptr<Backend> another() { return nullptr; }
  /// Records a little work.
  virtual void record(const Lease& lease) = 0;
  /// Whether a queue ends each submission before it begins the next. Otherwise it begins them in
  /// order, and may work on several.
  [[nodiscard]] virtual bool runs_one_at_a_time() const { return true; }
  /// Whether its rings gather submissions, whenever they may: RingOptions::coalescing.
  [[nodiscard]] virtual bool gathers() const { return false; }
  /// What is submitted from now on, to any queue, stays in flight until release().
  virtual void pause() = 0;
  /// Ends pause() and every hang.
  virtual void release() = 0;

  // Faults. Each returns an empty string once it is arranged, or the reason why this backend can't:
  // the test is then skipped with it. Those that take a lease concern its submission, which has to
  // be the next that reaches the driver.
  virtual std::string fail_next_begin() = 0;
  /// Makes this lease's submission fail.
  virtual std::string fail_submit(const Lease& lease) = 0;
  /// Makes this lease's work fail on the GPU.
  virtual std::string fail_execution(const Lease& lease) = 0;
  /// Makes this lease's work hang until release(); other queues go on.
  virtual std::string hang(const Lease& lease) = 0;
  /// Loses the device. What was paused is released.
  virtual std::string lose_device() = 0;
  /// Makes the next `wait`, `completed`, `finish` or `wake` throw BackendError, by the fault's
  /// name.
  virtual std::string fail_next(Fault /*fault*/) {
    return "this backend's calls can't be made to fail";
  }
};

struct HarnessFactory {
  std::string name;
  /// Makes the harness of a backend with `queue_count` queues. Null if the backend has fewer, or
  /// isn't there.
  std::function<std::unique_ptr<Harness>(std::uint32_t queue_count)> make;
  /// How GoogleTest shows the parameter; the name is GoogleTest's.
  // NOLINTNEXTLINE(readability-identifier-naming)
  friend void PrintTo(const HarnessFactory& factory, std::ostream* out) { *out << factory.name; }
};

std::unique_ptr<Harness> make_simulated_harness(std::uint32_t queue_count);
std::unique_ptr<Harness> make_vulkan_harness(std::uint32_t queue_count);
std::unique_ptr<Harness> make_metal3_harness(std::uint32_t queue_count);
/// With BackendOptions::make_ahead, and references that are not retained.
std::unique_ptr<Harness> make_metal3_ahead_harness(std::uint32_t queue_count);
/// Null where there is no Metal 4.
std::unique_ptr<Harness> make_metal4_harness(std::uint32_t queue_count);
/// The same behind cbr::validate(cbr::inject_faults(…)): a broken contract fails the test, and
/// every fault can be arranged. Null if `inner` is.
std::unique_ptr<Harness> make_checked_harness(std::unique_ptr<Harness> inner);
/// The same, with rings that gather.
std::unique_ptr<Harness> make_gathering_harness(std::unique_ptr<Harness> inner);

}  // namespace cbr::test
