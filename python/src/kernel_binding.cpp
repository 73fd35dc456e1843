#include "kernel_binding.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "argument.h"
#include "buffer_binding.h"
#include "buffer_view.h"
#include "device_binding.h"
#include "gil.h"
#include "shader.h"

namespace cbr::python {
namespace {

std::vector<std::uint32_t> words_of(const std::string& name, const py::buffer& spirv) {
  const View view(spirv);
  if (view.size() % sizeof(std::uint32_t) != 0) {
    throw InvalidOption(
        fmt::format("kernel {}: the {} bytes given are no SPIR-V, which is whole 32-bit words",
                    name, view.size()));
  }
  std::vector<std::uint32_t> words(view.size() / sizeof(std::uint32_t));
  view.copy_to(reinterpret_cast<std::byte*>(words.data()));
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

/// The letter of each value of a layout that struct has accepted: "2If" is "IIf".
std::string letters_of(std::string_view push) {
  std::string letters;
  std::size_t count = 0;
  bool counted = false;
  for (const char letter : push) {
    if (letter >= '0' && letter <= '9') {
      count = 10 * count + static_cast<std::size_t>(letter - '0');
      counted = true;
      continue;
    }
    // Padding has no value, and a string is one however long.
    if (letter == 's' || letter == 'p') count = 1;
    if (letter != 'x' && letter != ' ') letters.append(counted ? count : 1, letter);
    count = 0;
    counted = false;
  }
  return letters;
}

bool is_address(char letter) {
  return std::string_view("QqNnP").find(letter) != std::string_view::npos;
}

}  // namespace

KernelObject::KernelObject(const py::buffer& spirv, const std::string& push,
                           const std::string& name, const std::vector<std::uint32_t>& constants,
                           std::shared_ptr<vulkan::Device> device)
    : device_(std::move(device)),
      push_(push),
      layout_(layout_of(name, push)),
      letters_(letters_of(push)) {
  const auto words = words_of(name, spirv);
  const auto size = layout_.attr("size").cast<std::uint32_t>();
  if (size % 4 != 0) {
    throw InvalidOption(
        fmt::format("kernel {}: push constants \"{}\" take {} bytes, a multiple of 4 is needed",
                    name, push, size));
  }
  const std::uint32_t used = read_shader(name, words).push_constant_size;
  if (size < used) {
    throw InvalidOption(fmt::format(
        "kernel {}: push is \"{}\", which takes {} bytes; the shader's push constants take {}",
        name, push, size, used));
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

std::string KernelObject::pack(const py::args& values) const {
  if (values.size() != letters_.size()) {
    throw InvalidUsage(fmt::format("kernel {} takes {} push constants (\"{}\"), {} are given",
                                   kernel_->name(), letters_.size(), push_, values.size()));
  }
  py::list plain;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!py::isinstance<BufferObject>(values[i])) {
      plain.append(values[i]);
    } else if (is_address(letters_[i])) {
      plain.append(values[i].cast<const BufferObject&>().buffer()->address());
    } else {
      throw InvalidUsage(
          fmt::format("kernel {}: push constant {} is a Buffer, which stands for an address "
                      "(\"Q\"); push \"{}\" "
                      "has \"{}\" there",
                      kernel_->name(), i, push_, letters_[i]));
    }
  }
  try {
    return layout_.attr("pack")(*plain).cast<std::string>();
  } catch (const py::error_already_set&) {
    throw_first_wrong(plain);
    throw;
  }
}

void KernelObject::throw_first_wrong(const py::list& values) const {
  const py::object pack = py::module_::import("struct").attr("pack");
  for (std::size_t i = 0; i < values.size(); ++i) {
    try {
      pack(py::str(std::string("@") + letters_[i]), values[i]);
    } catch (const py::error_already_set& error) {
      throw InvalidUsage(fmt::format("kernel {}: push constant {} (\"{}\") is {}: {}",
                                     kernel_->name(), i, letters_[i], text_of(values[i]),
                                     py::str(error.value()).cast<std::string>()));
    }
  }
}

void bind_kernel(py::module_& module) {
  py::class_<KernelObject>(module, "Kernel")
      .def(py::init([](const Argument<"spirv", py::buffer>& spirv,
                       const Argument<"push", std::string>& push,
                       const Argument<"name", std::string>& name,
                       const Argument<"constants", std::vector<std::uint32_t>>& constants,
                       const py::object& device) {
             return KernelObject(spirv.value, push.value, name.value, constants.value,
                                 device_from(device));
           }),
           py::arg("spirv"), py::arg("push") = "", py::kw_only(), py::arg("name") = "kernel",
           py::arg("constants") = std::vector<std::uint32_t>(), py::arg("device") = py::none())
      .def_property_readonly(
          "name", [](const KernelObject& self) { return self.kernel()->name(); },
          "The name that messages have.")
      .def_property_readonly("push", &KernelObject::push,
                             "The layout of the push constants, in the letters of struct.")
      .def("__repr__", [](const KernelObject& self) {
        return fmt::format("<cbr.compute.Kernel \"{}\", push constants \"{}\">",
                           self.kernel()->name(), self.push());
      });
}

}  // namespace cbr::python
