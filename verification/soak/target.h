// What a soak run works on: a kind of GPU, and work for it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <cbr/backend.h>
#include <cbr/lease.h>

#include "graphs/device.h"
#include "soak/random.h"

namespace cbr::soak {

/// What goes with the work that was recorded into a lease.
struct RecordedWork {
  /// Must live until the work has ended. May be null.
  std::shared_ptr<const void> needs;
  /// Whether the work did what it should; to be called once it has ended well. May be empty.
  std::function<bool()> correct;
};

/// One backend, and work for a ring on it. Outlives the ring's use of the backend.
class Workplace {
 public:
  Workplace() = default;
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  virtual ~Workplace() = default;

  [[nodiscard]] virtual std::shared_ptr<Backend> backend() = 0;
  /// Records some work. May be called by several threads at once, for different leases.
  virtual RecordedWork record(const Lease& lease, Random& random) = 0;
  /// Ends what hangs.
  virtual void release() = 0;
};

/// A kind of GPU.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  /// How many operations a thread does in a round: so many that a round takes a fraction of a
  /// second.
  [[nodiscard]] virtual std::uint32_t operations() const = 0;
  /// Whether operator new may throw in calls of the backend. A driver that is written in C++ uses
  /// that of the program, too, and may not be made for a lack of memory.
  [[nodiscard]] virtual bool allocations_may_fail() const = 0;
  /// A workplace with a fresh backend. With `may_lose_device` the ring may take its device for lost
  /// and let go of what its work needs while the GPU still runs it.
  [[nodiscard]] virtual std::unique_ptr<Workplace> make(Random& random, bool may_lose_device) = 0;
  /// A device for several rings, whose work waits for each other's.
  [[nodiscard]] virtual std::unique_ptr<graphs::Device> make_graph_device(Random& random) = 0;
};

[[nodiscard]] std::unique_ptr<Target> make_simulated_target();
/// Opens the default device. Throws BackendError if there is none that can be used.
[[nodiscard]] std::unique_ptr<Target> make_vulkan_target();

}  // namespace cbr::soak
