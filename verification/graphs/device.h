// What random graphs of work run on: a device that several rings share.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <cbr/backend.h>
#include <cbr/fault.h>
#include <cbr/lease.h>

#include "soak/random.h"

namespace cbr::graphs {

/// What was recorded for one submission. Lives until that has ended, and all that depend on it.
class Work {
 public:
  explicit Work(Fault planned) : planned_(planned) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;

  /// What was planned to go wrong with the submission.
  [[nodiscard]] Fault planned() const { return planned_; }
  /// Whether the GPU found what `earlier` had written, where the submission waited for that as
  /// number `index`. Once both have ended, having run.
  [[nodiscard]] virtual bool found(std::size_t /*index*/, const Work& /*earlier*/) const {
    return true;
  }
  /// Whether the GPU has run nothing of it, as far as can be told.
  [[nodiscard]] virtual bool untouched() const { return true; }

 private:
  const Fault planned_;
};

/// One device. Any thread may use it.
class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  /// Makes a backend for a ring; it can wait for the work of all the others.
  [[nodiscard]] virtual std::shared_ptr<Backend> backend(soak::Random& random) = 0;
  /// Records work that is to wait for `earlier`, each of which is null if it is of another device.
  [[nodiscard]] virtual std::shared_ptr<Work> record(Lease& lease,
                                                     std::span<const std::shared_ptr<Work>> earlier,
                                                     soak::Random& random) = 0;
  /// Ends what hangs.
  virtual void release() = 0;
  /// Which failures that nobody planned for one submission its work may end with.
  struct Dangers {
    bool refusal = false;
    bool failure = false;
    bool loss = false;
  };
  [[nodiscard]] virtual Dangers dangers() const = 0;
};

}  // namespace cbr::graphs
