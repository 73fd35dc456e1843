#include "device_binding.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "argument.h"
#include "gil.h"

namespace cbr::python {
namespace {

/// One device for all that ask for "vulkan": opening one takes up to a second, and buffers and
/// rings have to agree on it. Not to be shared with a forked child, whose driver would not work.
struct DefaultDevice {
  std::mutex mutex;
  pid_t process = 0;
  std::shared_ptr<vulkan::Device> device;
};
DefaultDevice& default_device_slot() {
  static auto& slot = *new DefaultDevice();
  return slot;
}

std::shared_ptr<vulkan::Device> default_device() {
  return without_gil([] {
    DefaultDevice& slot = default_device_slot();
    const std::lock_guard lock(slot.mutex);
    if (slot.process != getpid()) {
      // The parent's is left as it lies: destroying it would call the driver.
      if (slot.device) new std::shared_ptr<vulkan::Device>(std::move(slot.device));
      slot.device = nullptr;
      slot.process = getpid();
    }
    if (!slot.device) slot.device = vulkan::Device::open();
    return slot.device;
  });
}

std::string device_name_from(const py::object& device) {
  if (py::isinstance<py::str>(device)) return device.cast<std::string>();
  if (py::isinstance<py::int_>(device) && !py::isinstance<py::bool_>(device)) {
    return py::str(device).cast<std::string>();
  }
  if (py::isinstance<vulkan::DeviceInfo>(device)) {
    return fmt::format("{}", device.cast<const vulkan::DeviceInfo&>().index);
  }
  wrong_type("device", device, "an index or a part of a name or a DeviceInfo");
}

std::shared_ptr<vulkan::Device> open_device(const py::object& device,
                                            const Argument<"queues", std::vector<double>>& queues,
                                            const Argument<"validation", bool>& validation) {
  vulkan::OpenOptions options;
  options.device = device_name_from(device);
  for (const double priority : queues.value) {
    options.queues.push_back({.family = std::nullopt, .priority = static_cast<float>(priority)});
  }
  options.validation = validation.value;
  return without_gil([&] { return vulkan::Device::open(options); });
}

/// An address as a Vulkan handle, and back. All that a Device has are pointers.
template <typename Handle>
Handle handle_from(std::uintptr_t address) {
  // Python has it as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<Handle>(address);
}
template <typename Handle>
std::uintptr_t address_of(Handle handle) {
  return reinterpret_cast<std::uintptr_t>(handle);
}

/// A function of the user's for Vulkan's threads. What it raises goes to sys.unraisablehook.
std::function<void()> lock_function(const std::optional<py::function>& given) {
  if (!given) return nullptr;
  return [function = share(*given)] { with_gil([&] { (*function)(); }); };
}

vulkan::WrappedQueue wrapped_queue_from(std::size_t index, const py::handle& given,
                                        const vulkan::WrapOptions& options) {
  const std::string name = fmt::format("more_queues[{}]", index);
  if (!py::isinstance<py::sequence>(given) || py::len(given) < 2 || py::len(given) > 3) {
    wrong_type(name, given, "(queue, queue_family) or (queue, queue_family, priority)");
  }
  const auto parts = py::reinterpret_borrow<py::sequence>(given);
  vulkan::WrappedQueue queue;
  queue.queue = handle_from<VkQueue>(value_from<std::uintptr_t>(name + "[0]", parts[0]));
  queue.queue_family = value_from<std::uint32_t>(name + "[1]", parts[1]);
  if (py::len(given) == 3) {
    queue.priority = static_cast<float>(value_from<double>(name + "[2]", parts[2]));
  }
  queue.lock_queue = options.lock_queue;
  queue.unlock_queue = options.unlock_queue;
  return queue;
}

using Function = std::optional<py::function>;

std::shared_ptr<vulkan::Device> wrap_device(
    const Argument<"instance", std::uintptr_t>& instance,
    const Argument<"physical_device", std::uintptr_t>& physical_device,
    const Argument<"device", std::uintptr_t>& device,
    const Argument<"queue", std::uintptr_t>& queue,
    const Argument<"queue_family", std::uint32_t>& queue_family,
    const Argument<"queue_priority", double>& queue_priority, const py::iterable& more_queues,
    const Argument<"get_instance_proc_addr", std::uintptr_t>& get_instance_proc_addr,
    const Argument<"lock_queue", Function>& lock_queue,
    const Argument<"unlock_queue", Function>& unlock_queue,
    const Argument<"buffer_device_address", bool>& buffer_device_address,
    const Argument<"device_fault", bool>& device_fault,
    const Argument<"synchronization2", bool>& synchronization2,
    const Argument<"calibrated_timestamps", bool>& calibrated_timestamps,
    const Argument<"external_memory_host", bool>& external_memory_host,
    const py::object& keep_alive) {
  vulkan::WrapOptions options;
  options.instance = handle_from<VkInstance>(instance.value);
  options.physical_device = handle_from<VkPhysicalDevice>(physical_device.value);
  options.device = handle_from<VkDevice>(device.value);
  options.queue = handle_from<VkQueue>(queue.value);
  options.queue_family = queue_family.value;
  options.queue_priority = static_cast<float>(queue_priority.value);
  options.get_instance_proc_addr =
      handle_from<PFN_vkGetInstanceProcAddr>(get_instance_proc_addr.value);
  options.lock_queue = lock_function(lock_queue.value);
  options.unlock_queue = lock_function(unlock_queue.value);
  options.buffer_device_address = buffer_device_address.value;
  options.device_fault = device_fault.value;
  options.synchronization2 = synchronization2.value;
  options.calibrated_timestamps = calibrated_timestamps.value;
  options.external_memory_host = external_memory_host.value;
  for (const py::handle& each : more_queues) {
    options.more_queues.push_back(wrapped_queue_from(options.more_queues.size(), each, options));
  }
  auto wrapped = without_gil([&] { return vulkan::Device::wrap(options); });
  if (keep_alive.is_none()) return wrapped;
  vulkan::Device* const pointer = wrapped.get();
  // What the user keeps goes after the last of this library's references.
  return {pointer, [wrapped = std::move(wrapped), kept = share(keep_alive)](void*) mutable {
            wrapped.reset();
            kept.reset();
          }};
}

/// The queue of that number. Throws InvalidOption if there is none.
QueueIndex queue_of(const vulkan::Device& device, std::uint32_t index) {
  if (index < device.queue_count()) return QueueIndex{index};
  throw InvalidOption(
      fmt::format("queue is {}, the device was opened with {}", index, device.queue_count()));
}

void bind_opened_device(py::module_& module) {
  using Index = Argument<"index", std::uint32_t>;
  py::class_<vulkan::Device, std::shared_ptr<vulkan::Device>>(
      module, "Device", "An open Vulkan device; rings and buffers of one device work together.")
      .def(py::init(&open_device), py::arg("device") = "", py::kw_only(),
           py::arg("queues") = std::vector<double>(), py::arg("validation") = false,
           "Opens a device: an index or a part of a name as list_devices() has them, or one of "
           "what that returns; empty for the best. `queues` holds a priority from 0 to 1 for each "
           "queue.")
      .def_static(
          "wrap", &wrap_device, py::kw_only(), py::arg("instance"), py::arg("physical_device"),
          py::arg("device"), py::arg("queue"), py::arg("queue_family"),
          py::arg("queue_priority") = 1.0, py::arg("more_queues") = py::tuple(),
          py::arg("get_instance_proc_addr") = 0, py::arg("lock_queue") = py::none(),
          py::arg("unlock_queue") = py::none(), py::arg("buffer_device_address") = false,
          py::arg("device_fault") = false, py::arg("synchronization2") = false,
          py::arg("calibrated_timestamps") = false, py::arg("external_memory_host") = false,
          py::arg("keep_alive") = py::none(),
          "Uses a device that another library opened. Handles are whole numbers: the addresses "
          "that VkInstance, VkPhysicalDevice, VkDevice and VkQueue hold. The device needs the "
          "feature timelineSemaphore; the switches say what else it was created with, "
          "bufferDeviceAddress for cbr.compute, VK_EXT_external_memory_host for its buffers "
          "without a copy. It stays its owner's and must outlive this object: "
          "`keep_alive` is held until then. `more_queues` has (queue, family) or (queue, family, "
          "priority) for each. Where others submit to these queues too, `lock_queue` and "
          "`unlock_queue` are called before and after each submission, on the thread that submits; "
          "don't hold that lock while you wait for a ring. What they raise goes to "
          "sys.unraisablehook. `get_instance_proc_addr` is the address of the function; 0 is "
          "that of the system's Vulkan library. InvalidUsage for a handle of 0.")
      .def_property_readonly(
          "info", [](const vulkan::Device& self) { return self.info(); },
          "What the device is and can do, as list_devices() has it.")
      .def_property_readonly(
          "name", [](const vulkan::Device& self) { return self.info().name; },
          "As the driver says.")
      .def_property_readonly(
          "queue_count", [](const vulkan::Device& self) { return self.queue_count(); },
          "How many queues it was opened with.")
      .def_property_readonly(
          "instance", [](const vulkan::Device& self) { return address_of(self.instance()); },
          "The VkInstance, as an address, for other libraries; valid as long as this object.")
      .def_property_readonly(
          "physical_device",
          [](const vulkan::Device& self) { return address_of(self.physical_device()); },
          "The VkPhysicalDevice, as an address.")
      .def_property_readonly(
          "handle", [](const vulkan::Device& self) { return address_of(self.handle()); },
          "The VkDevice, as an address; valid as long as this object.")
      .def(
          "queue",
          [](const vulkan::Device& self, const Index& index) {
            return address_of(self.queue(queue_of(self, index.value)));
          },
          py::arg("index") = 0,
          "A VkQueue, as an address. Vulkan forbids two threads at once in one queue: leave those "
          "of an opened device to its rings.")
      .def(
          "queue_family",
          [](const vulkan::Device& self, const Index& index) {
            return self.queue_family(queue_of(self, index.value));
          },
          py::arg("index") = 0, "The family of that queue.")
      .def("__repr__", [](const vulkan::Device& self) {
        return fmt::format("<cbr.Device \"{}\", {} queue(s)>", self.info().name,
                           self.queue_count());
      });
}

}  // namespace

std::shared_ptr<vulkan::Device> device_from(const py::object& given) {
  if (given.is_none()) return default_device();
  if (py::isinstance<vulkan::Device>(given)) return given.cast<std::shared_ptr<vulkan::Device>>();
  wrong_type("device", given, "a Device or None");
}

void drop_default_device() noexcept {
  DefaultDevice& slot = default_device_slot();
  const std::lock_guard lock(slot.mutex);
  if (slot.process == getpid()) slot.device.reset();
}

void bind_device(py::module_& module) {
  bind_opened_device(module);
  module.def(
      "list_devices", [] { return without_gil([] { return vulkan::list_devices(); }); },
      "The Vulkan devices of this machine, a DeviceInfo each. Takes milliseconds to seconds: "
      "drivers are loaded. BackendError if there is no Vulkan library or driver.");
  module.def("default_device", &default_device,
             "The device that backend=\"vulkan\" and device=None stand for.");
}

}  // namespace cbr::python
