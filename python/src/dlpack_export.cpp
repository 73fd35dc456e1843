#include "dlpack_export.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "argument.h"
#include "dlpack.h"

namespace cbr::python {
namespace {

/// What stands behind a tensor that was handed out. Whoever has it may let go of it on any thread:
/// it knows nothing of Python, and memory that is an array's takes the GIL by itself.
struct Exported {
  std::shared_ptr<compute::Buffer> buffer;
  /// Where a copy was asked for: its bytes, and no buffer.
  std::vector<std::byte> copy;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

template <typename Managed>
struct Handed : Managed {
  Exported exported;
};

dlpack::Tensor tensor_of(const BufferObject& self, Exported& exported) {
  for (const py::ssize_t length : self.shape()) exported.shape.push_back(length);
  std::int64_t stride = 1;
  exported.strides.resize(exported.shape.size());
  for (std::size_t i = exported.shape.size(); i-- > 0;) {
    exported.strides[i] = stride;
    stride *= exported.shape[i];
  }
  return {.data = exported.copy.empty() ? exported.buffer->bytes().data() : exported.copy.data(),
          .device = {.type = dlpack::cpu, .id = 0},
          .dimensions = static_cast<std::int32_t>(exported.shape.size()),
          .type = self.element().dlpack,
          .shape = exported.shape.data(),
          .strides = exported.strides.data(),
          .byte_offset = 0};
}

Exported export_of(const BufferObject& self, bool copies) {
  Exported exported;
  if (copies) {
    const auto bytes = self.buffer()->bytes();
    exported.copy.assign(bytes.begin(), bytes.end());
  } else {
    exported.buffer = self.buffer();
  }
  return exported;
}

/// Ends a tensor that nobody has taken over.
template <typename Managed>
void drop_unused(PyObject* capsule, const char* name) {
  if (PyCapsule_IsValid(capsule, name) == 0) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

py::object capsule_of(void* managed, const char* name, PyCapsule_Destructor destructor) {
  PyObject* capsule = PyCapsule_New(managed, name, destructor);
  if (capsule == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(capsule);
}

py::object export_unversioned(const BufferObject& self, bool copies) {
  using Made = Handed<dlpack::ManagedTensor>;
  auto made = std::make_unique<Made>();
  made->exported = export_of(self, copies);
  made->tensor = tensor_of(self, made->exported);
  made->context = made.get();
  made->deleter = [](dlpack::ManagedTensor* tensor) { delete static_cast<Made*>(tensor); };
  dlpack::ManagedTensor* const managed = made.get();
  py::object capsule = capsule_of(managed, dlpack::name, [](PyObject* dropped) {
    drop_unused<dlpack::ManagedTensor>(dropped, dlpack::name);
  });
  (void)made.release();
  return capsule;
}

py::object export_versioned(const BufferObject& self, bool copies) {
  using Made = Handed<dlpack::VersionedTensor>;
  auto made = std::make_unique<Made>();
  made->exported = export_of(self, copies);
  made->version = dlpack::version;
  made->flags = copies ? dlpack::copied_flag : 0;
  made->tensor = tensor_of(self, made->exported);
  made->context = made.get();
  made->deleter = [](dlpack::VersionedTensor* tensor) { delete static_cast<Made*>(tensor); };
  dlpack::VersionedTensor* const managed = made.get();
  py::object capsule = capsule_of(managed, dlpack::versioned_name, [](PyObject* dropped) {
    drop_unused<dlpack::VersionedTensor>(dropped, dlpack::versioned_name);
  });
  (void)made.release();
  return capsule;
}

[[noreturn]] void refuse(const std::string& text) {
  PyErr_SetString(PyExc_BufferError, text.c_str());
  throw py::error_already_set();
}

void require_host_visible(const BufferObject& self) {
  if (self.placement() == compute::Placement::host_visible) return;
  refuse("the host can't see a device-local buffer: use read() and write()");
}

using Pair = std::optional<std::pair<std::uint32_t, std::uint32_t>>;

py::object export_dlpack(const BufferObject& self, const py::object& stream,
                         const Argument<"max_version", Pair>& max_version,
                         const Argument<"dl_device", Pair>& dl_device,
                         const Argument<"copy", std::optional<bool>>& copy) {
  require_host_visible(self);
  if (!stream.is_none()) refuse("stream has to be None: the memory is the CPU's");
  if (dl_device.value && dl_device.value->first != dlpack::cpu) {
    refuse(fmt::format("dl_device is of type {}, the memory can be handed to the CPU (1) alone",
                       dl_device.value->first));
  }
  const bool copies = copy.value.value_or(false);
  const bool versioned = max_version.value && max_version.value->first >= dlpack::version.major;
  return versioned ? export_versioned(self, copies) : export_unversioned(self, copies);
}

}  // namespace

void bind_dlpack_export(py::class_<BufferObject>& type) {
  type.def("__dlpack__", &export_dlpack, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none(),
           "The memory for another library of arrays, which calls this itself: "
           "numpy.from_dlpack(buffer), torch.from_dlpack(buffer). No copy, unless `copy` is True; "
           "what is made of it keeps the memory alive. Host-visible buffers only: BufferError for "
           "another.");
  type.def(
      "__dlpack_device__",
      [](const BufferObject& self) {
        require_host_visible(self);
        return py::make_tuple(dlpack::cpu, 0);
      },
      "Where the memory is, in DLPack's numbers: (1, 0), the CPU.");
}

}  // namespace cbr::python
