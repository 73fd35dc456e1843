#include "python_place.h"

#include <bit>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <pybind11/pybind11.h>

namespace cbr::python {
namespace {

namespace py = pybind11;

/// What a std::source_location points to in GCC's and Clang's libraries alike, which both take it
/// from __builtin_source_location.
struct Place {
  const char* file_name;
  const char* function_name;
  unsigned line;
  unsigned column;
};
static_assert(sizeof(std::source_location) == sizeof(const Place*));

/// A place with its texts. Never destroyed: messages may come as late as anything.
struct KeptPlace {
  std::string file_name;
  std::string function_name;
  Place place{};
  /// A line of this package that acts for the program: what its caller does is of interest.
  bool acts_for_caller = false;
};

using Key = std::pair<PyCodeObject*, int>;
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return std::hash<const void*>()(key.first) * 31U + static_cast<std::size_t>(key.second);
  }
};

std::string text_of(PyObject* object, const char* attribute) {
  return py::handle(object).attr(attribute).cast<std::string>();
}

const KeptPlace* keep(PyCodeObject* code, int line) {
  // Guarded by the GIL. Holds a reference to each code object, so that no other gets its address.
  static auto& places = *new std::unordered_map<Key, const KeptPlace*, KeyHash>();
  const auto [found, is_new] = places.try_emplace({code, line}, nullptr);
  if (!is_new) return found->second;
  Py_INCREF(code);
  auto* object = reinterpret_cast<PyObject*>(code);
  auto* kept = new KeptPlace{text_of(object, "co_filename"), text_of(object, "co_name"), {}, false};
  kept->acts_for_caller = std::string_view(kept->file_name).ends_with("cbr/_asyncio.py");
  kept->place = {kept->file_name.c_str(), kept->function_name.c_str(), static_cast<unsigned>(line),
                 0};
  return found->second = kept;
}

/// Whether this standard library has its source_location as we think.
bool layout_is_known() {
  static const Place place{"file", "function", 12345, 0};
  const auto location = std::bit_cast<std::source_location>(&place);
  return location.line() == place.line && location.file_name() == place.file_name;
}

}  // namespace

std::source_location python_place(std::source_location fallback) {
  static const bool is_known = layout_is_known();
  if (!is_known || PyEval_GetFrame() == nullptr) return fallback;
  auto frame = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  const KeptPlace* kept = nullptr;
  while (frame) {
    auto* const native = reinterpret_cast<PyFrameObject*>(frame.ptr());
    PyCodeObject* code = PyFrame_GetCode(native);
    kept = keep(code, PyFrame_GetLineNumber(native));
    Py_DECREF(code);
    if (!kept->acts_for_caller) break;
    frame = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetBack(native)));
  }
  return std::bit_cast<std::source_location>(&kept->place);
}

}  // namespace cbr::python
