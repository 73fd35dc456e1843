#include "dlpack_tensor.h"

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "argument.h"
#include "gil.h"

namespace cbr::python {
namespace {

/// The type of the device that an array is on, and its number.
std::pair<int, int> device_of(const py::object& array) {
  const py::object given = array.attr("__dlpack_device__")();
  try {
    return given.cast<std::pair<int, int>>();
  } catch (const py::cast_error&) {
    wrong_type("what __dlpack_device__() returns", given, "a pair of whole numbers");
  }
}

/// Asks for a tensor with a version; those who know of none refuse the keyword.
py::object capsule_from(const py::object& array, bool may_copy) {
  const py::object method = array.attr("__dlpack__");
  py::dict arguments;
  arguments["max_version"] = py::make_tuple(dlpack::version.major, dlpack::version.minor);
  if (!may_copy) arguments["copy"] = false;
  try {
    return method(**arguments);
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return method();
}

/// Takes the tensor out of its capsule; null if there is none of that name.
template <typename Managed>
Managed* take(const py::object& capsule, const char* name, const char* used_name) {
  if (PyCapsule_IsValid(capsule.ptr(), name) == 0) return nullptr;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (managed == nullptr || PyCapsule_SetName(capsule.ptr(), used_name) != 0) {
    throw py::error_already_set();
  }
  return managed;
}

/// Its library may be one that needs the GIL for it.
template <typename Managed>
std::shared_ptr<const void> owner_of(Managed* managed) {
  return {managed, [](const void* held) {
            with_gil([&] {
              auto* tensor = static_cast<Managed*>(const_cast<void*>(held));
              if (tensor->deleter != nullptr) tensor->deleter(tensor);
            });
          }};
}

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const auto& self = py::handle(object).cast<const DlpackTensor&>();
  view->obj = nullptr;
  if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES) {
    PyErr_SetString(PyExc_BufferError, "the tensor may have gaps: strides have to be asked for");
    return -1;
  }
  if (self.is_read_only() && (flags & PyBUF_WRITABLE) != 0) {
    PyErr_SetString(PyExc_BufferError, "the tensor is read-only");
    return -1;
  }
  view->buf = self.data();
  view->len = static_cast<Py_ssize_t>(self.size());
  view->readonly = self.is_read_only() ? 1 : 0;
  view->itemsize = self.element().bytes;
  // What has no letter is copied as the bytes that it is made of.
  view->format = const_cast<char*>(self.element().format == nullptr ? "H" : self.element().format);
  view->ndim = static_cast<int>(self.shape().size());
  view->shape = const_cast<Py_ssize_t*>(self.shape().data());
  view->strides = const_cast<Py_ssize_t*>(self.strides().data());
  view->suboffsets = nullptr;
  view->internal = nullptr;
  view->obj = py::handle(object).inc_ref().ptr();
  return 0;
}

}  // namespace

DlpackTensor::DlpackTensor(const py::object& array, bool may_copy) {
  const auto device = device_of(array);
  if (device.first != dlpack::cpu) {
    throw py::type_error(fmt::format(
        "data is on a device of DLPack's type {}; only what is on the CPU (1) can be taken",
        device.first));
  }
  const py::object capsule = capsule_from(array, may_copy);
  if (auto* tensor = take<dlpack::VersionedTensor>(capsule, dlpack::versioned_name,
                                                   dlpack::used_versioned_name)) {
    owner_ = owner_of(tensor);
    if (tensor->version.major != dlpack::version.major) {
      throw py::type_error(fmt::format("data has version {}.{} of DLPack, {} is known",
                                       tensor->version.major, tensor->version.minor,
                                       dlpack::version.major));
    }
    if (!may_copy && (tensor->flags & dlpack::copied_flag) != 0) {
      PyErr_SetString(PyExc_BufferError, "__dlpack__(copy=False) gave a copy of data");
      throw py::error_already_set();
    }
    read_only_ = (tensor->flags & dlpack::read_only_flag) != 0;
    read(tensor->tensor);
  } else if (auto* old = take<dlpack::ManagedTensor>(capsule, dlpack::name, dlpack::used_name)) {
    owner_ = owner_of(old);
    read(old->tensor);
  } else {
    wrong_type("what __dlpack__() returns", capsule, "a capsule with a tensor");
  }
}

void DlpackTensor::read(const dlpack::Tensor& tensor) {
  element_ = type_of_dlpack(tensor.type);
  if (element_ == nullptr || tensor.device.type != dlpack::cpu) {
    throw py::type_error(fmt::format(
        "data has elements of DLPack's type {} with {} bits and {} lanes, which is none of those "
        "that a Buffer can have",
        tensor.type.code, tensor.type.bits, tensor.type.lanes));
  }
  py::ssize_t stride = element_->bytes;
  shape_.assign(tensor.shape, tensor.shape + tensor.dimensions);
  strides_.resize(shape_.size());
  for (std::size_t i = shape_.size(); i-- > 0;) {
    strides_[i] = tensor.strides == nullptr ? stride : tensor.strides[i] * element_->bytes;
    stride *= shape_[i];
  }
  data_ = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
}

std::size_t DlpackTensor::size() const {
  std::size_t bytes = element_->bytes;
  for (const py::ssize_t length : shape_) bytes *= static_cast<std::size_t>(length);
  return bytes;
}

bool DlpackTensor::is_contiguous() const {
  py::ssize_t stride = element_->bytes;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != stride) return false;
    stride *= shape_[i];
  }
  return true;
}

void bind_dlpack_tensor(py::module_& module) {
  py::class_<DlpackTensor>(module, "DlpackTensor",
                           py::custom_type_setup([](PyHeapTypeObject* type) {
                             type->ht_type.tp_as_buffer = &type->as_buffer;
                             type->as_buffer.bf_getbuffer = get_buffer;
                             type->as_buffer.bf_releasebuffer = nullptr;
                           }),
                           "An array of another library, for cbr.compute.Buffer.")
      .def(py::init<const py::object&, bool>(), py::arg("array"), py::arg("may_copy"))
      .def_property_readonly(
          "dtype", [](const DlpackTensor& self) { return self.element().name; },
          "The type of its elements.")
      .def_property_readonly(
          "shape", [](const DlpackTensor& self) { return py::tuple(py::cast(self.shape())); },
          "How many there are along each axis.");
}

}  // namespace cbr::python
