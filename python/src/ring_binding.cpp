#include "ring_binding.h"

#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "acquire_binding.h"
#include "argument.h"
#include "collect.h"
#include "config_binding.h"
#include "durations.h"
#include "gil.h"
#include "lease_binding.h"
#include "log_binding.h"
#include "observer_binding.h"
#include "python_place.h"
#include "ring_options.h"

namespace cbr::python {
namespace {

/// Guarded by the GIL. Never destroyed: objects may go after it would.
std::set<RingObject*>& live_rings() {
  static auto& rings = *new std::set<RingObject*>();
  return rings;
}

/// A ring's end waits for the GPU and for callbacks, which need the GIL.
void destroy(CommandBufferRing* ring) {
  if (PyGILState_Check() == 0) {
    delete ring;
  } else {
    without_gil([&] { delete ring; });
  }
}

std::shared_ptr<CommandBufferRing> make_ring(std::shared_ptr<Backend> backend,
                                             RingOptions options) {
  return without_gil([&] {
    return std::shared_ptr<CommandBufferRing>(
        new CommandBufferRing(std::move(backend), std::move(options)), destroy);
  });
}

/// Waits for the work in flight, which KeyboardInterrupt ends: the end of a ring can't be.
void drain_before_the_end(CommandBufferRing& ring) {
  try {
    without_gil([&] { ring.drain(); });
  } catch (const DeviceLost&) {    // NOLINT(bugprone-empty-catch): there is nothing to wait for
  } catch (const InvalidUsage&) {  // NOLINT(bugprone-empty-catch): a forked child's
  }
}

/// Parts of one step that run in the order of their acquisition.
struct SequenceObject {
  Sequence sequence;
  std::shared_ptr<vulkan::Device> device;
};

using Limit = Argument<"timeout", std::optional<double>>;
using Queue = Argument<"queue", std::optional<std::uint32_t>>;
using Label = Argument<"label", std::string>;

/// `label` must outlive the result.
AcquireOptions acquire_options(const std::optional<double>& timeout, const py::object& priority,
                               const std::optional<std::uint32_t>& queue,
                               const std::string& label) {
  AcquireOptions options;
  // None: acquire() takes the ring's own, try_acquire() doesn't wait.
  if (timeout) options.timeout = timeout_from(timeout);
  options.priority = priority_from(priority);
  if (queue) options.queue = QueueIndex{*queue};
  options.label = label;
  return options;
}

std::unique_ptr<LeaseObject> acquire(const RingObject& self, const Limit& timeout,
                                     const py::object& priority, const Queue& queue,
                                     const Label& label) {
  const auto options = acquire_options(timeout.value, priority, queue.value, label.value);
  const std::source_location where = python_place();
  const auto ring = self.ring();
  // A copy of the device: another thread may reset the ring meanwhile.
  return without_gil([&, device = self.device()] {
    return std::make_unique<LeaseObject>(ring->acquire(options, where), device);
  });
}

std::unique_ptr<LeaseObject> try_acquire(const RingObject& self, const Limit& timeout,
                                         const py::object& priority, const Queue& queue,
                                         const Label& label) {
  const auto options = acquire_options(timeout.value, priority, queue.value, label.value);
  const std::source_location where = python_place();
  const auto ring = self.ring();
  return without_gil([&, device = self.device()]() -> std::unique_ptr<LeaseObject> {
    auto lease = ring->try_acquire(options, where);
    if (!lease) return nullptr;
    return std::make_unique<LeaseObject>(*std::move(lease), device);
  });
}

std::unique_ptr<LeaseObject> acquire_in_sequence(SequenceObject& self, const Limit& timeout,
                                                 const py::object& priority, const Label& label) {
  const auto options = acquire_options(timeout.value, priority, std::nullopt, label.value);
  const std::source_location where = python_place();
  return without_gil([&] {
    return std::make_unique<LeaseObject>(self.sequence.acquire(options, where), self.device);
  });
}

/// The options keep no label: it lies in what has them.
struct OwnedAcquireOptions {
  AcquireOptions options;
  std::string label;
  [[nodiscard]] AcquireOptions get() const {
    AcquireOptions copy = options;
    copy.label = label;
    return copy;
  }
};

py::object acquire_async(const RingObject& self, const Limit& timeout, const py::object& priority,
                         const Queue& queue, const Label& label) {
  const OwnedAcquireOptions options{acquire_options(timeout.value, priority, queue.value, ""),
                                    label.value};
  // Not kept: a request that nobody has made yet, or that waits, doesn't hold up the ring's end.
  const std::weak_ptr<CommandBufferRing> weak = self.ring();
  const auto ask = [options, weak,
                    where = python_place()](AcquireRequestObject::Callback callback) {
    const auto ring = weak.lock();
    if (ring == nullptr) throw InvalidUsage("the ring is closed");
    return ring->acquire_async(options.get(), std::move(callback), where);
  };
  return awaitable(std::make_unique<AcquireRequestObject>(ask, self.device()));
}

py::object acquire_async_in_sequence(const SequenceObject& self, const Limit& timeout,
                                     const py::object& priority, const Label& label) {
  const OwnedAcquireOptions options{acquire_options(timeout.value, priority, std::nullopt, ""),
                                    label.value};
  const auto ask = [options, sequence = self.sequence,
                    where = python_place()](AcquireRequestObject::Callback callback) mutable {
    return sequence.acquire_async(options.get(), std::move(callback), where);
  };
  return awaitable(std::make_unique<AcquireRequestObject>(ask, self.device));
}

/// Calls a function of the ring without the GIL.
template <typename Result>
auto released(Result (CommandBufferRing::*function)()) {
  return [function](const RingObject& self) {
    const auto ring = self.ring();
    return without_gil([&] { return (ring.get()->*function)(); });
  };
}
template <typename Result>
auto released(Result (CommandBufferRing::*function)() const) {
  return [function](const RingObject& self) {
    const auto ring = self.ring();
    return without_gil([&] { return (ring.get()->*function)(); });
  };
}

py::list leaks_of(const RingObject& self) {
  const auto ring = self.ring();
  py::list texts;
  for (const Leak& leak : without_gil([&] { return ring->leaked(); })) texts.append(leak.text);
  return texts;
}

std::string ring_repr(const RingObject& self) {
  if (self.closed()) return "<cbr.CommandBufferRing, closed>";
  const auto ring = self.ring();
  const RingStatistics statistics = without_gil([&] { return ring->statistics(); });
  return fmt::format("<cbr.CommandBufferRing \"{}\": {} slots, {} leased, {} in flight>",
                     ring->name(), ring->ring_size(), statistics.leased, statistics.in_flight);
}

void bind_sequence(py::module_& module) {
  py::class_<SequenceObject>(module, "Sequence",
                             "Leases that run in the order of their acquisition.")
      .def("acquire", &acquire_in_sequence, py::arg("timeout") = std::nullopt, py::kw_only(),
           py::arg("priority") = py::none(), py::arg("label") = "",
           "Takes a slot of the sequence's queue for the next part, as CommandBufferRing.acquire() "
           "does.")
      .def("acquire_async", &acquire_async_in_sequence, py::arg("timeout") = std::nullopt,
           py::kw_only(), py::arg("priority") = py::none(), py::arg("label") = "",
           "The same as CommandBufferRing.acquire_async() does.")
      .def_property_readonly(
          "queue", [](const SequenceObject& self) { return to_number(self.sequence.queue()); },
          "The queue that all parts are submitted to.")
      .def("__repr__", [](const SequenceObject& self) {
        return fmt::format("<cbr.Sequence on queue {}>", to_number(self.sequence.queue()));
      });
}

}  // namespace

RingObject::RingObject(BackendObject backend, RingOptions options)
    : options_(std::move(options)),
      log_sink_(function_of(options_.log_sink)),
      observer_(object_of(options_.observer)),
      ring_(make_ring(std::move(backend.backend), options_)),
      device_(std::move(backend.device)) {
  live_rings().insert(this);
}

RingObject::~RingObject() {
  live_rings().erase(this);
}

std::shared_ptr<CommandBufferRing> RingObject::ring() const {
  if (ring_ == nullptr) throw InvalidUsage("the ring is closed");
  return ring_;
}

void RingObject::close() {
  const auto ring = ring_;
  if (ring == nullptr) return;
  drain_before_the_end(*ring);
  // Unless another thread has reset the ring meanwhile.
  if (ring_ == ring) ring_ = nullptr;
}

void RingObject::set_ring_size(std::uint32_t ring_size) {
  const auto ring = this->ring();
  without_gil([&] { ring->set_ring_size(ring_size); });
  options_.auto_ring_size.reset();
}

void RingObject::reset(BackendObject backend) {
  const auto old = ring();
  RingOptions options = options_;
  options.ring_size = old->ring_size();
  auto fresh = make_ring(std::move(backend.backend), std::move(options));
  drain_before_the_end(*old);
  if (ring_ != old) throw InvalidUsage("the ring was closed or reset by another thread meanwhile");
  ring_ = std::move(fresh);
  device_ = std::move(backend.device);
}

void RingObject::close_all() noexcept {
  const std::set<RingObject*> rings = live_rings();
  for (RingObject* ring : rings) {
    try {
      ring->close();
    } catch (py::error_already_set& error) {
      // Ctrl-C: the user wants to leave now. What the GPU may still be using is left to the system.
      error.discard_as_unraisable("the end of a ring");
      new std::shared_ptr<CommandBufferRing>(std::exchange(ring->ring_, nullptr));
    } catch (const std::exception& error) {
      PySys_WriteStderr("cbr: closing a ring failed: %s\n", error.what());
    }
  }
}

void bind_ring(py::module_& module) {
  bind_sequence(module);
  py::class_<RingObject>(module, "Ring", collectable<RingObject>(),
                         "What cbr.CommandBufferRing is made of.")
      .def(py::init([](const py::dict& options, const py::object& backend, const Config* config) {
             RingOptions parsed = options_from(options, config ? config->ring : RingOptions{});
             const bool configured = config != nullptr && backend.is_none();
             return std::make_unique<RingObject>(
                 configured ? configured_backend(*config) : backend_from(backend),
                 std::move(parsed));
           }),
           py::arg("options"), py::arg("backend"), py::arg("config") = py::none())
      .def("acquire", &acquire, py::arg("timeout") = std::nullopt, py::kw_only(),
           py::arg("priority") = py::none(), py::arg("queue") = std::nullopt, py::arg("label") = "",
           "Takes a free slot, at the latest after `timeout` seconds (None: the ring's "
           "timeout_ms), else raises AcquireTimeout.")
      .def("acquire_async", &acquire_async, py::arg("timeout") = std::nullopt, py::kw_only(),
           py::arg("priority") = py::none(), py::arg("queue") = std::nullopt, py::arg("label") = "",
           "A request for a slot that blocks no thread: `lease = await ring.acquire_async()`, "
           "`async with ring.acquire_async() as lease:`, or with a callback. Stands in one queue "
           "with acquire(), and raises what that raises.")
      .def("try_acquire", &try_acquire, py::arg("timeout") = std::nullopt, py::kw_only(),
           py::arg("priority") = py::none(), py::arg("queue") = std::nullopt, py::arg("label") = "",
           "Takes a slot if one is free, or gets free within `timeout` seconds; else returns None.")
      .def(
          "sequence",
          [](const RingObject& self, const Queue& queue) {
            const auto ring = self.ring();
            return SequenceObject{
                queue.value ? ring->sequence(QueueIndex{*queue.value}) : ring->sequence(),
                self.device()};
          },
          py::arg("queue") = std::nullopt,
          "Starts a sequence, on the least busy queue if none is named.")
      .def("drain", released(&CommandBufferRing::drain),
           "Waits until all work submitted before has ended, well or not.")
      .def(
          "set_ring_size",
          [](RingObject& self, const Argument<"ring_size", std::uint32_t>& ring_size) {
            self.set_ring_size(ring_size.value);
          },
          py::arg("ring_size"),
          "Changes the number of slots while work is in flight. A ring that chose its size keeps "
          "this one.")
      .def(
          "reset",
          [](RingObject& self, const py::object& backend) { self.reset(backend_from(backend)); },
          py::arg("backend") = "vulkan", "Starts afresh on another backend after a lost device.")
      .def("statistics", released(&CommandBufferRing::statistics), "The counters at one moment.")
      .def("get_statistics", released(&CommandBufferRing::statistics), "The same as statistics().")
      .def("reset_statistics", released(&CommandBufferRing::reset_statistics),
           "Starts counting anew.")
      .def("diagnose", released(&CommandBufferRing::diagnose),
           "What the counters mean, a Diagnosis: whether the GPU stood idle, why, and what to do "
           "about it.")
      .def("leaked", &leaks_of,
           "What the program has lost track of, one line each: leases dropped, failures unseen.")
      .def("close", &RingObject::close,
           "Waits for the work in flight and ends the ring. Leaving a with block does it too.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](RingObject& self, const py::args&) { self.close(); })
      .def_property_readonly(
          "ring_size", [](const RingObject& self) { return self.ring()->ring_size(); },
          "How many slots there are.")
      .def_property_readonly(
          "queue_count", [](const RingObject& self) { return self.ring()->queue_count(); },
          "How many queues the backend has; slots take turns on them.")
      .def_property_readonly(
          "name", [](const RingObject& self) { return self.ring()->name(); },
          "The name that messages have.")
      .def_property_readonly(
          "spin_limit",
          [](const RingObject& self) { return seconds_of(self.ring()->spin_limit()); },
          "How long a wait spins before it blocks, in seconds.")
      .def_property_readonly(
          "device", [](const RingObject& self) { return self.device(); },
          "The Device that it runs on; None on the simulated GPU.")
      .def_property_readonly("closed", &RingObject::closed, "True after close().")
      .def("__repr__", &ring_repr);
}

}  // namespace cbr::python
