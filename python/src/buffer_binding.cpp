#include "buffer_binding.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "argument.h"
#include "buffer_view.h"
#include "compute/transfer.h"
#include "device_binding.h"
#include "dlpack_export.h"
#include "gil.h"

namespace cbr::python {
namespace {

compute::Placement placement_from(const std::string& name) {
  if (name == "host-visible") return compute::Placement::host_visible;
  if (name == "device-local") return compute::Placement::device_local;
  throw InvalidOption(
      fmt::format("placement is \"{}\", allowed are \"host-visible\" and \"device-local\"", name));
}

// Not pybind11's own buffer protocol: that cannot say no, and device-local memory has to.
int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const auto& self = py::handle(object).cast<const BufferObject&>();
  const auto bytes = self.buffer()->bytes();
  if (self.placement() != compute::Placement::host_visible) {
    view->obj = nullptr;
    PyErr_SetString(PyExc_BufferError,
                    "the host can't see a device-local buffer: use read() and write()");
    return -1;
  }
  if (self.element().format == nullptr && (flags & PyBUF_FORMAT) != 0) {
    view->obj = nullptr;
    PyErr_Format(PyExc_BufferError,
                 "Python's buffers have no format for %s: use from_dlpack() of a library that has "
                 "it, or read() and write()",
                 self.element().name);
    return -1;
  }
  const auto dimensions = self.shape().size();
  const bool wants_fortran = (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS;
  if (wants_fortran && dimensions > 1) {
    view->obj = nullptr;
    PyErr_SetString(PyExc_BufferError, "the buffer is in C's order, and not in Fortran's");
    return -1;
  }
  const bool has_shape = (flags & PyBUF_ND) != 0;
  const bool has_strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  view->buf = bytes.data();
  view->len = static_cast<Py_ssize_t>(bytes.size());
  view->readonly = 0;
  view->itemsize = self.element().bytes;
  view->format = (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(self.element().format) : nullptr;
  view->ndim = has_shape ? static_cast<int>(dimensions) : 1;
  view->shape = has_shape ? const_cast<Py_ssize_t*>(self.shape().data()) : nullptr;
  view->strides = has_strides ? const_cast<Py_ssize_t*>(self.strides().data()) : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  // The view holds a reference to `object`, and that the memory.
  view->obj = py::handle(object).inc_ref().ptr();
  return 0;
}

std::string text_of_shape(const std::vector<py::ssize_t>& shape) {
  return py::str(py::tuple(py::cast(shape))).cast<std::string>();
}

/// The shape given, or a row. Throws InvalidOption if it does not take `size` bytes.
std::vector<py::ssize_t> shape_of(std::uint64_t size, const ElementType& element,
                                  const std::optional<std::vector<std::uint64_t>>& given) {
  if (size == 0) throw InvalidOption("the size of a buffer is 0 bytes, at least 1 is needed");
  if (!given) {
    if (size % element.bytes == 0) return {static_cast<py::ssize_t>(size / element.bytes)};
    throw InvalidOption(
        fmt::format("the size of a buffer is {} bytes, a multiple of {} is needed "
                    "for dtype \"{}\"",
                    size, static_cast<int>(element.bytes), element.name));
  }
  std::vector<py::ssize_t> shape;
  std::uint64_t bytes = element.bytes;
  bool fits = true;
  for (const std::uint64_t length : *given) {
    shape.push_back(static_cast<py::ssize_t>(length));
    fits = fits && length > 0 && length <= size;
    // Both are checked to be small enough for the product.
    fits = fits && !__builtin_mul_overflow(bytes, length, &bytes);
  }
  if (fits && bytes == size) return shape;
  throw InvalidOption(fmt::format("shape is {}, which does not take {} bytes of dtype \"{}\"",
                                  text_of_shape(shape), size, element.name));
}

std::vector<py::ssize_t> strides_of(const std::vector<py::ssize_t>& shape,
                                    const ElementType& element) {
  std::vector<py::ssize_t> strides(shape.size());
  py::ssize_t stride = element.bytes;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

}  // namespace

BufferObject::BufferObject(std::uint64_t size, const std::string& placement,
                           std::shared_ptr<vulkan::Device> device, const ElementType& element,
                           const std::optional<std::vector<std::uint64_t>>& shape)
    : device_(std::move(device)),
      placement_(placement_from(placement)),
      element_(&element),
      shape_(shape_of(size, element, shape)),
      strides_(strides_of(shape_, element)) {
  buffer_ = without_gil([&] {
    auto buffer = std::make_shared<compute::Buffer>(device_, size, placement_);
    // Fresh memory holds whatever was there before.
    const auto bytes = buffer->bytes();
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    return buffer;
  });
}

BufferObject::BufferObject(const SharedMemory& shared, const ElementType& element,
                           const std::optional<std::vector<std::uint64_t>>& shape)
    : device_(shared.device),
      placement_(compute::Placement::host_visible),
      element_(&element),
      shape_(shape_of(shared.buffer->size(), element, shape)),
      strides_(strides_of(shape_, element)),
      buffer_(shared.buffer) {}

void BufferObject::require_device(const std::shared_ptr<vulkan::Device>& device) const {
  if (device_ != device) {
    throw InvalidUsage(fmt::format("the buffer belongs to another Device (\"{}\") than the ring",
                                   device_->info().name));
  }
}

void BufferObject::require_range(const char* what, std::uint64_t offset, std::uint64_t size) const {
  if (offset <= buffer_->size() && size <= buffer_->size() - offset) return;
  throw InvalidUsage(fmt::format("{}: {} bytes from byte {} on lie outside the buffer's {}", what,
                                 size, offset, buffer_->size()));
}

void BufferObject::write(const py::buffer& data, std::uint64_t offset) const {
  const View view(data);
  view.require_plain_numbers();
  require_range("write", offset, view.size());
  if (view.size() == 0) return;
  const bool is_mapped = placement_ == compute::Placement::host_visible;
  std::vector<std::byte> packed;
  if (!view.is_contiguous()) {
    if (is_mapped) {
      view.copy_to(buffer_->bytes().data() + offset);
      return;
    }
    packed.resize(view.size());
    view.copy_to(packed.data());
  }
  const auto bytes = packed.empty() ? view.bytes() : std::span<const std::byte>(packed);
  without_gil([&] {
    if (is_mapped) {
      // It may be the array that the buffer is on.
      std::memmove(buffer_->bytes().data() + offset, bytes.data(), bytes.size());
      return;
    }
    compute::Uploader uploader(device_);
    uploader.write(*buffer_, offset, bytes);
    uploader.finish();
  });
}

py::bytes BufferObject::read(std::uint64_t offset, std::optional<std::uint64_t> size) const {
  const std::uint64_t count = size.value_or(buffer_->size() - std::min(offset, buffer_->size()));
  require_range("read", offset, count);
  auto result = py::reinterpret_steal<py::bytes>(
      PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(count)));
  if (!result) throw py::error_already_set();
  // Nobody else knows of the object yet.
  char* const target = PyBytes_AS_STRING(result.ptr());
  without_gil([&] {
    if (count == 0) return;
    if (placement_ == compute::Placement::host_visible) {
      std::memcpy(target, buffer_->bytes().data() + offset, count);
      return;
    }
    const auto bytes = compute::download(device_, *buffer_, offset, count);
    std::memcpy(target, bytes.data(), count);
  });
  return result;
}

void bind_buffer(py::module_& module) {
  module.def(
      "dtype_of_format",
      [](const std::string& format, std::size_t bytes) -> std::optional<std::string> {
        const ElementType* type = type_of_format(format, bytes);
        return type == nullptr ? std::nullopt : std::optional<std::string>(type->name);
      },
      py::arg("format"), py::arg("bytes"),
      "The dtype of a Buffer for a memoryview's format and item size; None if it has none.");
  module.def(
      "array_size",
      [](const Argument<"shape", std::vector<std::uint64_t>>& shape, const py::object& dtype) {
        const ElementType& element = element_type_from(dtype);
        std::uint64_t bytes = element.bytes;
        for (const std::uint64_t length : shape.value) {
          if (!__builtin_mul_overflow(bytes, length, &bytes)) continue;
          throw InvalidOption(fmt::format("an array of shape {} has more bytes than can be counted",
                                          py::str(py::cast(shape.value)).cast<std::string>()));
        }
        return bytes;
      },
      py::arg("shape"), py::arg("dtype"), "The bytes of an array.");
  py::class_<BufferObject> type(module, "Buffer",
                                py::custom_type_setup([](PyHeapTypeObject* heap_type) {
                                  heap_type->ht_type.tp_as_buffer = &heap_type->as_buffer;
                                  heap_type->as_buffer.bf_getbuffer = get_buffer;
                                  heap_type->as_buffer.bf_releasebuffer = nullptr;
                                }));
  bind_dlpack_export(type);
  type.def(py::init([](const py::object& size, const Argument<"placement", std::string>& placement,
                       const py::object& device, const py::object& dtype,
                       const Argument<"shape", std::optional<std::vector<std::uint64_t>>>& shape) {
             const ElementType& element = element_type_from(dtype);
             // Not an overload, which would take the signature's place in help().
             if (py::isinstance<SharedMemory>(size)) {
               return BufferObject(size.cast<const SharedMemory&>(), element, shape.value);
             }
             return BufferObject(value_from<std::uint64_t>("size", size), placement.value,
                                 device_from(device), element, shape.value);
           }),
           py::arg("size"), py::arg("placement") = "host-visible", py::arg("device") = py::none(),
           py::kw_only(), py::arg("dtype") = "uint8", py::arg("shape") = py::none(),
           "`size` bytes, zeroed if the host can see them. `dtype` says what they are: a name such "
           "as \"float32\", or NumPy's or PyTorch's type of that name. `shape` has the elements "
           "along each axis; without one they stand in a row.")
      .def_property_readonly(
          "dtype", [](const BufferObject& self) { return self.element().name; },
          "What its elements are: \"float32\", say, which is equal to NumPy's dtype of that name.")
      .def_property_readonly(
          "shape", [](const BufferObject& self) { return py::tuple(py::cast(self.shape())); },
          "How many elements there are along each axis.")
      .def_property_readonly(
          "size", [](const BufferObject& self) { return self.buffer()->size(); }, "Bytes.")
      .def("__len__", [](const BufferObject& self) { return self.buffer()->size(); })
      .def_property_readonly(
          "address", [](const BufferObject& self) { return self.buffer()->address(); },
          "Where kernels find the first byte; a multiple of 16. A whole number for \"Q\" among the "
          "push constants reaches into a buffer: `buffer.address + 64`; keep_alive() keeps that "
          "buffer.")
      .def_property_readonly(
          "placement",
          [](const BufferObject& self) {
            return self.placement() == compute::Placement::host_visible ? "host-visible"
                                                                        : "device-local";
          },
          "\"host-visible\" or \"device-local\".")
      .def_property_readonly(
          "device", [](const BufferObject& self) { return self.device(); },
          "The device whose memory it is.")
      .def(
          "write",
          [](const BufferObject& self, const Argument<"data", py::buffer>& data,
             const Argument<"offset", std::uint64_t>& offset) {
            self.write(data.value, offset.value);
          },
          py::arg("data"), py::arg("offset") = 0,
          "Copies the bytes of an array, contiguous or not, to byte `offset` on. Blocks until they "
          "are there. Work in flight that uses them is not waited for.")
      .def(
          "read",
          [](const BufferObject& self, const Argument<"offset", std::uint64_t>& offset,
             const Argument<"size", std::optional<std::uint64_t>>& size) {
            return self.read(offset.value, size.value);
          },
          py::arg("offset") = 0, py::arg("size") = std::nullopt,
          "A copy of `size` bytes from byte `offset` on, by default of all. Blocks until it is "
          "there. Read what the GPU wrote after the ticket's wait().")
      .def("__repr__", [](const BufferObject& self) {
        return fmt::format("<cbr.compute.Buffer of {} {} on \"{}\">", self.element().name,
                           text_of_shape(self.shape()), self.device()->info().name);
      });
}

}  // namespace cbr::python
