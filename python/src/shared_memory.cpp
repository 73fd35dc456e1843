#include "shared_memory.h"

#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

#include "argument.h"
#include "buffer_view.h"
#include "compute/host_memory.h"
#include "device_binding.h"
#include "gil.h"

namespace cbr::python {
namespace {

/// A view that any thread may let go of: the last work in flight that uses the memory ends on the
/// ring's. What lends its memory out so neither frees nor moves it.
std::shared_ptr<const View> hold(const py::buffer& array) {
  return {new View(array), [](const View* held) {
            // Too late to give it back: the interpreter's memory goes as a whole.
            if (!with_gil([&] { delete held; })) (void)held;
          }};
}

/// Why an array's memory can't be a Buffer's, whatever the device; empty if nothing speaks against
/// it.
std::string refusal_of(const View& view) {
  if (view.is_read_only()) return "the array is read-only, and a kernel may write";
  if (!view.is_contiguous()) {
    return fmt::format(
        "the array is not contiguous in C's order: its shape is {}, its strides {} "
        "bytes",
        view.shape_text(), view.strides_text());
  }
  return {};
}

/// The memory, or why it can't be had.
std::variant<SharedMemory, std::string> share_memory(const Argument<"data", py::buffer>& data,
                                                     const py::object& device) {
  const auto view = hold(data.value);
  view->require_plain_numbers();
  if (view->size() == 0) {
    throw InvalidOption("the size of a buffer is 0 bytes, at least 1 is needed");
  }
  if (auto refusal = refusal_of(*view); !refusal.empty()) return refusal;
  auto opened = device_from(device);
  // Without the GIL: the driver pins pages, which takes its time.
  compute::SharedBuffer made = without_gil([&] {
    return compute::share_host_memory(opened, {.bytes = view->writable(), .owner = view});
  });
  if (!made.refusal.empty()) return std::move(made.refusal);
  return SharedMemory{.device = std::move(opened),
                      .buffer = std::make_shared<compute::Buffer>(std::move(made.buffer))};
}

}  // namespace

void bind_shared_memory(py::module_& module) {
  const py::class_<SharedMemory> type(
      module, "SharedMemory", "The memory of an array, for the cbr.compute.Buffer made of it.");
  module.def("share_memory", &share_memory, py::arg("data"), py::arg("device"),
             "The memory of an array for a Buffer, or the reason why it can't be had.");
}

}  // namespace cbr::python
