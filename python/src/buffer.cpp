#include "buffer.h"

#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "backends.h"
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

/// A contiguous view of any object with the buffer protocol, for reading.
class ContiguousView {
 public:
  explicit ContiguousView(const py::buffer& object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_C_CONTIGUOUS) != 0) {
      throw py::error_already_set();
    }
  }
  ContiguousView(const ContiguousView&) = delete;
  ContiguousView& operator=(const ContiguousView&) = delete;
  ~ContiguousView() { PyBuffer_Release(&view_); }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

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
  buffer_ =
      without_gil([&] { return std::make_shared<compute::Buffer>(device_, size, placement_); });
  // Fresh memory holds whatever was there before.
  if (!buffer_->bytes().empty()) std::memset(buffer_->bytes().data(), 0, buffer_->bytes().size());
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
  const ContiguousView view(data);
  const auto bytes = view.bytes();
  require_range("write", offset, bytes.size());
  if (bytes.empty()) return;
  without_gil([&] {
    if (placement_ == compute::Placement::host_visible) {
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
  if (count == 0) return {};
  if (placement_ == compute::Placement::host_visible) {
    return {reinterpret_cast<const char*>(buffer_->bytes().data()) + offset,
            static_cast<std::size_t>(count)};
  }
  const auto bytes =
      without_gil([&] { return compute::download(device_, *buffer_, offset, count); });
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void bind_buffer(py::module_& module) {
  py::class_<BufferObject>(module, "Buffer", py::custom_type_setup([](PyHeapTypeObject* type) {
                             type->ht_type.tp_as_buffer = &type->as_buffer;
                             type->as_buffer.bf_getbuffer = get_buffer;
                             type->as_buffer.bf_releasebuffer = nullptr;
                           }))
      .def(py::init([](std::uint64_t size, const std::string& placement, const py::object& device) {
             return BufferObject(size, placement, device_from(device));
           }),
           py::arg("size"), py::arg("placement") = "host-visible", py::arg("device") = py::none())
      .def_property_readonly("size", [](const BufferObject& self) { return self.buffer()->size(); })
      .def("__len__", [](const BufferObject& self) { return self.buffer()->size(); })
      .def_property_readonly("address",
                             [](const BufferObject& self) { return self.buffer()->address(); })
      .def_property_readonly("placement",
                             [](const BufferObject& self) {
                               return self.placement() == compute::Placement::host_visible
                                          ? "host-visible"
                                          : "device-local";
                             })
      .def_property_readonly("device", [](const BufferObject& self) { return self.device(); })
      .def("write", &BufferObject::write, py::arg("data"), py::arg("offset") = 0)
      .def("read", &BufferObject::read, py::arg("offset") = 0, py::arg("size") = std::nullopt)
      .def("__repr__", [](const BufferObject& self) {
        return fmt::format("<cbr.Buffer of {} bytes on \"{}\">", self.buffer()->size(),
                           self.device()->info().name);
      });
}

}  // namespace cbr::python
