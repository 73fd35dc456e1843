#include "device_info_binding.h"

#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/vulkan.h>

#include "html_table.h"

namespace cbr::python {
namespace {

namespace py = pybind11;
using vulkan::ComputeFamily;
using vulkan::DeviceInfo;

/// Calls `visit(name, get, documentation)` for every member, in the order of vulkan.h.
template <typename Visit>
void for_each_member(const Visit& visit) {
  const auto member = [](auto pointer) {
    return [pointer](const DeviceInfo& self) { return self.*pointer; };
  };
  visit("index", member(&DeviceInfo::index), "Its place in Vulkan's list.");
  visit("name", member(&DeviceInfo::name), "As the driver calls it.");
  visit("driver", member(&DeviceInfo::driver), "The driver's name and version.");
  visit("api_version", member(&DeviceInfo::api_version), "The version of Vulkan: \"1.3.224\".");
  visit("type", member(&DeviceInfo::type),
        "\"discrete GPU\", \"integrated GPU\", \"virtual GPU\", \"CPU\" or \"other\".");
  visit("timeline_semaphores", member(&DeviceInfo::timeline_semaphores),
        "Whether it has them: a ring needs them.");
  visit("compute_queue", member(&DeviceInfo::compute_queue),
        "Whether it has a queue that computes: a ring needs one.");
  visit("timestamps", member(&DeviceInfo::timestamps),
        "Whether that queue writes timestamps; without, there are no GPU intervals.");
  visit("compute_families", member(&DeviceInfo::compute_families),
        "The families of queues that compute, a ComputeFamily each.");
  visit("buffer_device_address", member(&DeviceInfo::buffer_device_address),
        "Whether buffers have addresses: cbr.compute and cbr.decode need them.");
  visit("device_fault", member(&DeviceInfo::device_fault),
        "Whether the driver tells what lost a device.");
  visit("external_memory_host", member(&DeviceInfo::external_memory_host),
        "Whether memory of the host's can be imported: a Buffer shares an array's memory then.");
  visit(
      "why_unusable", [](const DeviceInfo& self) { return self.why_unusable(); },
      "What a ring misses; empty if it can use the device.");
}

py::dict to_dict(const DeviceInfo& self) {
  py::dict dict;
  for_each_member([&](const char* name, const auto& get, const char*) { dict[name] = get(self); });
  return dict;
}

std::string device_info_html(const DeviceInfo& self) {
  HtmlTable table({"device", self.name});
  for_each_member([&](const char* name, const auto& get, const char*) {
    table.add_row({name, py::str(py::cast(get(self))).cast<std::string>()});
  });
  return table.text();
}

auto fields_of(const ComputeFamily& family) {
  return std::make_tuple(family.family, family.queue_count, family.graphics, family.timestamps);
}

void bind_compute_family(py::module_& module) {
  py::class_<ComputeFamily>(module, "ComputeFamily", "The queues of a family that computes.")
      .def_readonly("family", &ComputeFamily::family, "Its place in the device's list of families.")
      .def_readonly("queue_count", &ComputeFamily::queue_count, "How many queues it has.")
      .def_readonly("graphics", &ComputeFamily::graphics, "Whether they draw as well.")
      .def_readonly("timestamps", &ComputeFamily::timestamps, "Whether they write timestamps.")
      .def("__eq__",
           [](const ComputeFamily& self, const py::object& other) {
             return py::isinstance<ComputeFamily>(other) &&
                    fields_of(self) == fields_of(other.cast<const ComputeFamily&>());
           })
      .def("__hash__", [](const ComputeFamily& self) { return self.family; })
      .def("__repr__", [](const ComputeFamily& self) {
        return fmt::format("<cbr.ComputeFamily {}: {} queue{}>", self.family, self.queue_count,
                           self.queue_count == 1 ? "" : "s");
      });
}

}  // namespace

void bind_device_info(py::module_& module) {
  bind_compute_family(module);
  py::class_<DeviceInfo> type(
      module, "DeviceInfo",
      "What a Vulkan device is and can do. A mapping of the same names as well: info[\"name\"] is "
      "info.name.");
  for_each_member([&](const char* name, const auto& get, const char* documentation) {
    type.def_property_readonly(name, get, documentation);
  });
  type.def_property_readonly(
          "usable", [](const DeviceInfo& self) { return self.why_unusable().empty(); },
          "Whether a ring can use the device.")
      .def("to_dict", &to_dict, "The attributes by name, for JSON and the like.")
      .def(
          "keys", [](const DeviceInfo& self) { return to_dict(self).attr("keys")(); },
          "The names of the attributes.")
      .def(
          "values", [](const DeviceInfo& self) { return to_dict(self).attr("values")(); },
          "Their values.")
      .def(
          "items", [](const DeviceInfo& self) { return to_dict(self).attr("items")(); },
          "Names and values.")
      .def(
          "get",
          [](const DeviceInfo& self, const py::object& name, const py::object& otherwise) {
            return to_dict(self).attr("get")(name, otherwise);
          },
          py::arg("name"), py::arg("default") = py::none(),
          "The attribute of that name, or `default`.")
      .def("__getitem__",
           [](const DeviceInfo& self, const py::object& name) -> py::object {
             return to_dict(self)[name];
           })
      .def("__contains__", [](const DeviceInfo& self,
                              const py::object& name) { return to_dict(self).contains(name); })
      .def("__iter__", [](const DeviceInfo& self) { return py::iter(to_dict(self)); })
      .def("__len__", [](const DeviceInfo& self) { return py::len(to_dict(self)); })
      .def("__repr__",
           [](const DeviceInfo& self) {
             const std::string why = self.why_unusable();
             return fmt::format("<cbr.DeviceInfo {}: \"{}\", {}{}>", self.index, self.name,
                                self.type, why.empty() ? "" : ", unusable");
           })
      .def("_repr_html_", &device_info_html);
}

}  // namespace cbr::python
