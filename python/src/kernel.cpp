#include "kernel.h"

#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "backends.h"
#include "gil.h"

namespace cbr::python {
namespace {

/// Drivers trust what they get, and some crash on what is no SPIR-V.
std::vector<std::uint32_t> words_of(const std::string& name, std::string_view bytes) {
  constexpr std::uint32_t magic = 0x07230203;
  constexpr std::size_t header_size = 20;
  std::vector<std::uint32_t> words(bytes.size() / sizeof(std::uint32_t));
  std::memcpy(words.data(), bytes.data(), words.size() * sizeof(std::uint32_t));
  if (bytes.size() % sizeof(std::uint32_t) != 0 || bytes.size() < header_size ||
      words.front() != magic) {
    throw InvalidOption(fmt::format(
        "kernel {}: the {} bytes given are no SPIR-V, which is whole 32-bit words that start with "
        "0x{:08x}",
        name, bytes.size(), magic));
  }
  return words;
}

py::object layout_of(const std::string& name, const std::string& push) {
  const py::module_ structs = py::module_::import("struct");
  try {
    // Native alignment is what std430 demands of scalars and addresses.
    return structs.attr("Struct")("@" + push);
  } catch (const py::error_already_set& error) {
    if (!error.matches(structs.attr("error"))) throw;
    throw InvalidOption(fmt::format("kernel {}: push is \"{}\": {}", name, push,
                                    py::str(error.value()).cast<std::string>()));
  }
}

}  // namespace

KernelObject::KernelObject(const py::bytes& spirv, const std::string& push, const std::string& name,
                           const std::vector<std::uint32_t>& constants,
                           std::shared_ptr<vulkan::Device> device)
    : device_(std::move(device)), push_(push), layout_(layout_of(name, push)) {
  const auto words = words_of(name, std::string_view(spirv));
  const auto size = layout_.attr("size").cast<std::uint32_t>();
  if (size % 4 != 0) {
    throw InvalidOption(
        fmt::format("kernel {}: push constants \"{}\" take {} bytes, a multiple of 4 is needed",
                    name, push, size));
  }
  kernel_ = without_gil([&] {
    return std::make_shared<compute::Kernel>(
        device_, words,
        compute::KernelOptions{.name = name, .push_constant_size = size, .constants = constants});
  });
}

void KernelObject::require_device(const std::shared_ptr<vulkan::Device>& device) const {
  if (device_ != device) {
    throw InvalidUsage(fmt::format("kernel {} belongs to another Device (\"{}\") than the ring",
                                   kernel_->name(), device_->info().name));
  }
}

std::string KernelObject::pack(const py::list& values) const {
  try {
    return layout_.attr("pack")(*values).cast<std::string>();
  } catch (const py::error_already_set& error) {
    if (!error.matches(py::module_::import("struct").attr("error"))) throw;
    throw InvalidUsage(fmt::format("kernel {}: {} values for the push constants \"{}\": {}",
                                   kernel_->name(), values.size(), push_,
                                   py::str(error.value()).cast<std::string>()));
  }
}

void bind_kernel(py::module_& module) {
  py::class_<KernelObject>(module, "Kernel")
      .def(py::init([](const py::bytes& spirv, const std::string& push, const std::string& name,
                       const std::vector<std::uint32_t>& constants, const py::object& device) {
             return KernelObject(spirv, push, name, constants, device_from(device));
           }),
           py::arg("spirv"), py::arg("push") = "", py::kw_only(), py::arg("name") = "kernel",
           py::arg("constants") = std::vector<std::uint32_t>(), py::arg("device") = py::none())
      .def_property_readonly("name", [](const KernelObject& self) { return self.kernel()->name(); })
      .def_property_readonly("push", &KernelObject::push)
      .def("__repr__", [](const KernelObject& self) {
        return fmt::format("<cbr.Kernel \"{}\", push constants \"{}\">", self.kernel()->name(),
                           self.push());
      });
}

}  // namespace cbr::python
