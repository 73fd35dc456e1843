#include "buffer_view.h"

#include <fmt/format.h>

namespace cbr::python {

namespace py = pybind11;

void View::require_plain_numbers() const {
  const std::string_view given = format();
  // The names of a structure's fields stand between colons.
  bool in_name = false;
  for (const char letter : given) {
    if (letter == ':') in_name = !in_name;
    if (in_name) continue;
    if (letter == 'O') {
      throw py::type_error("data holds Python objects, numbers are needed");
    }
    if (letter == '>' || letter == '!') {
      throw py::type_error(
          fmt::format("data has the format \"{}\", another byte order than the GPU's: in NumPy, "
                      "array.astype(array.dtype.newbyteorder(\"=\")) converts it",
                      given));
    }
  }
}

}  // namespace cbr::python
