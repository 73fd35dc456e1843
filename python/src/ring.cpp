#include "ring.h"

#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "config.h"
#include "durations.h"
#include "gil.h"
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

/// Parts of one step that run in the order of their acquisition.
struct SequenceObject {
  Sequence sequence;
  std::shared_ptr<vulkan::Device> device;
};

std::unique_ptr<LeaseObject> acquire(const RingObject& self, const std::optional<double>& timeout,
                                     const py::object& priority,
                                     const std::optional<std::uint32_t>& queue,
                                     const std::string& label) {
  const Request request{timeout, priority, queue, label};
  const AcquireOptions options = acquire_options(request);
  const std::source_location where = python_place();
  const auto ring = self.ring();
  return without_gil(
      [&] { return std::make_unique<LeaseObject>(ring->acquire(options, where), self.device()); });
}

std::unique_ptr<LeaseObject> try_acquire(const RingObject& self, const py::object& priority,
                                         const std::optional<std::uint32_t>& queue,
                                         const std::string& label) {
  const Request request{std::nullopt, priority, queue, label};
  const AcquireOptions options = acquire_options(request);
  const std::source_location where = python_place();
  const auto ring = self.ring();
  return without_gil([&]() -> std::unique_ptr<LeaseObject> {
    auto lease = ring->try_acquire(options, where);
    if (!lease) return nullptr;
    return std::make_unique<LeaseObject>(*std::move(lease), self.device());
  });
}

std::unique_ptr<LeaseObject> acquire_in_sequence(SequenceObject& self,
                                                 const std::optional<double>& timeout,
                                                 const py::object& priority,
                                                 const std::string& label) {
  const Request request{timeout, priority, std::nullopt, label};
  const AcquireOptions options = acquire_options(request);
  const std::source_location where = python_place();
  return without_gil([&] {
    return std::make_unique<LeaseObject>(self.sequence.acquire(options, where), self.device);
  });
}

/// Calls a function of the ring without the GIL.
template <typename Result, typename... Arguments>
auto released(Result (CommandBufferRing::*function)(Arguments...)) {
  return [function](const RingObject& self, Arguments... arguments) {
    const auto ring = self.ring();
    return without_gil([&] { return (ring.get()->*function)(arguments...); });
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

std::string describe(const RingObject& self) {
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
           py::arg("priority") = py::none(), py::arg("label") = "")
      .def_property_readonly(
          "queue", [](const SequenceObject& self) { return to_number(self.sequence.queue()); });
}

}  // namespace

RingObject::RingObject(BackendObject backend, RingOptions options)
    : device_(std::move(backend.device)) {
  ring_ = without_gil([&] {
    return std::shared_ptr<CommandBufferRing>(
        new CommandBufferRing(std::move(backend.backend), std::move(options)), destroy);
  });
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
  // What can be interrupted comes first: the end of the ring can't.
  try {
    without_gil([&] { ring->drain(); });
  } catch (const DeviceLost&) {    // NOLINT(bugprone-empty-catch): there is nothing to wait for
  } catch (const InvalidUsage&) {  // NOLINT(bugprone-empty-catch): a forked child's
  }
  ring_ = nullptr;
}

void RingObject::reset(BackendObject backend) {
  const auto same_ring = ring();
  without_gil([&] { same_ring->reset(std::move(backend.backend)); });
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

AcquireOptions acquire_options(const Request& request) {
  AcquireOptions options;
  options.priority = priority_from(request.priority);
  if (request.queue) options.queue = QueueIndex{*request.queue};
  options.label = request.label;
  if (request.timeout) options.timeout = from_seconds(*request.timeout);
  return options;
}

void bind_ring(py::module_& module) {
  bind_sequence(module);
  py::class_<RingObject>(module, "Ring")
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
      .def("try_acquire", &try_acquire, py::kw_only(), py::arg("priority") = py::none(),
           py::arg("queue") = std::nullopt, py::arg("label") = "",
           "Takes a slot if one is free now, else returns None.")
      .def(
          "sequence",
          [](const RingObject& self, const std::optional<std::uint32_t>& queue) {
            const auto ring = self.ring();
            return SequenceObject{queue ? ring->sequence(QueueIndex{*queue}) : ring->sequence(),
                                  self.device()};
          },
          py::arg("queue") = std::nullopt,
          "Starts a sequence, on the least busy queue if none is named.")
      .def("drain", released(&CommandBufferRing::drain),
           "Waits until all work submitted before has ended, well or not.")
      .def("set_ring_size", released(&CommandBufferRing::set_ring_size), py::arg("ring_size"),
           "Changes the number of slots while work is in flight.")
      .def(
          "reset",
          [](RingObject& self, const py::object& backend) { self.reset(backend_from(backend)); },
          py::arg("backend") = "vulkan", "Starts afresh on another backend after a lost device.")
      .def("statistics", released(&CommandBufferRing::statistics), "The counters at one moment.")
      .def("get_statistics", released(&CommandBufferRing::statistics), "The same as statistics().")
      .def("reset_statistics", released(&CommandBufferRing::reset_statistics),
           "Starts counting anew.")
      .def("leaked", &leaks_of,
           "What the program has lost track of, one line each: leases dropped, failures unseen.")
      .def("close", &RingObject::close,
           "Waits for the work in flight and ends the ring. Leaving a with block does it too.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](RingObject& self, const py::args&) { self.close(); })
      .def_property_readonly("ring_size",
                             [](const RingObject& self) { return self.ring()->ring_size(); })
      .def_property_readonly("queue_count",
                             [](const RingObject& self) { return self.ring()->queue_count(); })
      .def_property_readonly("name", [](const RingObject& self) { return self.ring()->name(); })
      .def_property_readonly(
          "spin_limit",
          [](const RingObject& self) {
            return std::chrono::duration<double>(self.ring()->spin_limit()).count();
          },
          "How long a wait spins before it blocks, in seconds.")
      .def_property_readonly("device", [](const RingObject& self) { return self.device(); })
      .def_property_readonly("closed", &RingObject::closed)
      .def("__repr__", &describe);
}

}  // namespace cbr::python
