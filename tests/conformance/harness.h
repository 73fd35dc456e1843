// What the conformance suite needs of a backend beside the interface: a way to hold the GPU up.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <cbr/backend.h>
#include <cbr/lease.h>

namespace cbr::test {

/// One backend under test. To run the suite on another backend, derive from this and add it to
/// ring_conformance.cpp.
class Harness {
 public:
  Harness() = default;
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  virtual ~Harness() = default;

  /// The backend; always the same one.
  [[nodiscard]] virtual std::shared_ptr<Backend> backend() = 0;
  /// Records a little work.
  virtual void record(const Lease& lease) = 0;
  /// What is submitted from now on stays in flight until release().
  virtual void pause() = 0;
  virtual void release() = 0;

  // Faults. Each returns an empty string once it is arranged, or the reason why this backend can't:
  // the test is then skipped with it.
  virtual std::string fail_next_begin() = 0;
  /// Makes this lease's submission fail.
  virtual std::string fail_submit(const Lease& lease) = 0;
  /// Makes this lease's work fail on the GPU.
  virtual std::string fail_execution(const Lease& lease) = 0;
  virtual std::string lose_device() = 0;
};

struct HarnessFactory {
  std::string name;
  std::function<std::unique_ptr<Harness>()> make;
  /// How GoogleTest shows the parameter; the name is GoogleTest's.
  // NOLINTNEXTLINE(readability-identifier-naming)
  friend void PrintTo(const HarnessFactory& factory, std::ostream* out) { *out << factory.name; }
};

std::unique_ptr<Harness> make_simulated_harness();
std::unique_ptr<Harness> make_vulkan_harness();

}  // namespace cbr::test
