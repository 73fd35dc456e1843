#include "buffer_binding.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "argument.h"
#include "backends_binding.h"
#include "buffer_view.h"
#include "compute/transfer.h"
#include "gil.h"

namespace cbr::python {
namespace {

compute::Placement placement_from(const std::string& name) {
  if (name == "host-visible") return compute::Placement::host_visible;
  if (name == "device-local") return compute::Placement::device_local;
  throw InvalidOption(
      fmt::format("placement is \"{}\", allowed are \"host-visible\" and \"device-local\"", name));
}

/// Kernels would see other numbers, or the addresses of Python objects.
void require_plain_numbers(std::string_view format) {
  // The names of a structure's fields stand between colons.
  bool in_name = false;
  for (const char letter : format) {
    if (letter == ':') in_name = !in_name;
    if (in_name) continue;
    if (letter == 'O') {
      throw py::type_error("data holds Python objects, numbers are needed");
    }
    if (letter == '>' || letter == '!') {
      throw py::type_error(
          fmt::format("data has the format \"{}\", another byte order than the GPU's: in NumPy, "
                      "array.astype(array.dtype.newbyteorder(\"=\")) converts it",
                      format));
    }
  }
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
  // The view holds a reference to `object`, and that the memory.
  return PyBuffer_FillInfo(view, object, bytes.data(), static_cast<Py_ssize_t>(bytes.size()), 0,
                           flags);
}

}  // namespace

BufferObject::BufferObject(std::uint64_t size, const std::string& placement,
                           std::shared_ptr<vulkan::Device> device)
    : device_(std::move(device)), placement_(placement_from(placement)) {
  if (size == 0) throw InvalidOption("the size of a buffer is 0 bytes, at least 1 is needed");
  buffer_ = without_gil([&] {
    auto buffer = std::make_shared<compute::Buffer>(device_, size, placement_);
    // Fresh memory holds whatever was there before.
    const auto bytes = buffer->bytes();
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    return buffer;
  });
}

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
  require_plain_numbers(view.format());
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
      std::memcpy(buffer_->bytes().data() + offset, bytes.data(), bytes.size());
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
  py::class_<BufferObject>(module, "Buffer", py::custom_type_setup([](PyHeapTypeObject* type) {
                             type->ht_type.tp_as_buffer = &type->as_buffer;
                             type->as_buffer.bf_getbuffer = get_buffer;
                             type->as_buffer.bf_releasebuffer = nullptr;
                           }))
      .def(py::init([](const Argument<"size", std::uint64_t>& size,
                       const Argument<"placement", std::string>& placement,
                       const py::object& device) {
             return BufferObject(size.value, placement.value, device_from(device));
           }),
           py::arg("size"), py::arg("placement") = "host-visible", py::arg("device") = py::none())
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
        return fmt::format("<cbr.compute.Buffer of {} bytes on \"{}\">", self.buffer()->size(),
                           self.device()->info().name);
      });
}

}  // namespace cbr::python
