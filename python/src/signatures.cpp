#include "signatures.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cbr::python {
namespace {

namespace py = pybind11;

/// "a: Tuple[int, int], b: str = ', '" at the commas outside of brackets and quotes.
std::vector<std::string_view> parts_of(std::string_view parameters) {
  std::vector<std::string_view> parts;
  int depth = 0;
  char quote = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const char letter = parameters[i];
    if (quote != 0) {
      if (letter == quote) quote = 0;
    } else if (letter == '\'' || letter == '"') {
      quote = letter;
    } else if (std::strchr("([{", letter) != nullptr) {
      ++depth;
    } else if (std::strchr(")]}", letter) != nullptr) {
      --depth;
    } else if (letter == ',' && depth == 0) {
      parts.push_back(parameters.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (begin < parameters.size()) parts.push_back(parameters.substr(begin));
  return parts;
}

/// "timeout: Optional[float] = None" without the type, for which inspect has no place here.
std::string without_type(std::string_view parameter) {
  while (parameter.starts_with(' ')) parameter.remove_prefix(1);
  const std::size_t colon = parameter.find(':');
  if (colon == std::string_view::npos) return std::string(parameter);
  const std::size_t equals = parameter.find(" = ", colon);
  std::string text(parameter.substr(0, colon));
  if (equals != std::string_view::npos) text.append("=").append(parameter.substr(equals + 3));
  return text;
}

/// From "acquire(self: Ring, timeout: float = 1) -> Lease" and what follows: the parameters without
/// types. Empty where the docstring doesn't begin so.
std::vector<std::string> parameters_of(std::string_view name, std::string_view doc) {
  const std::string_view line = doc.substr(0, doc.find('\n'));
  const std::size_t end = line.rfind(") -> ");
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '(' ||
      end == std::string_view::npos) {
    return {};
  }
  std::vector<std::string> parameters;
  for (const std::string_view part :
       parts_of(line.substr(name.size() + 1, end - name.size() - 1))) {
    parameters.push_back(without_type(part));
  }
  return parameters;
}

std::string joined(const std::vector<std::string>& parameters, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < parameters.size(); ++i) {
    text.append(i > first ? ", " : "").append(parameters[i]);
  }
  return text;
}

/// What CPython takes for a signature at the front of a docstring, and doesn't show with it.
std::string with_signature(std::string_view name, const std::string& parameters,
                           std::string_view doc) {
  return std::string(name).append("(").append(parameters).append(")\n--\n\n").append(doc);
}

/// The compiled function of a module's or a class's member; null for other members.
PyCFunctionObject* function_of(const py::handle& member) {
  PyObject* object = member.ptr();
  if (PyInstanceMethod_Check(object) != 0) object = PyInstanceMethod_GET_FUNCTION(object);
  py::object inner;
  if (Py_TYPE(object) == &PyStaticMethod_Type) {
    inner = member.attr("__func__");
    object = inner.ptr();
  }
  return PyCFunction_Check(object) != 0 ? reinterpret_cast<PyCFunctionObject*>(object) : nullptr;
}

void sign_function(const py::handle& member) {
  PyCFunctionObject* function = function_of(member);
  if (function == nullptr || function->m_ml->ml_doc == nullptr) return;
  PyMethodDef& definition = *function->m_ml;
  const std::vector<std::string> parameters = parameters_of(definition.ml_name, definition.ml_doc);
  if (parameters.empty() && std::strstr(definition.ml_doc, "() -> ") == nullptr) return;
  // pybind11 has it from strdup(), and ends it by free().
  char* const text =
      strdup(with_signature(definition.ml_name, joined(parameters, 0), definition.ml_doc).c_str());
  if (text == nullptr) throw std::bad_alloc();
  std::free(const_cast<char*>(std::exchange(definition.ml_doc, text)));
}

/// A class is called with what its __init__ takes after self.
void sign_class(const py::handle& type) {
  auto* const object = reinterpret_cast<PyTypeObject*>(type.ptr());
  const py::object members = type.attr("__dict__");
  for (const py::handle& name : py::list(members)) sign_function(members[name]);
  if (!members.contains("__init__")) return;
  PyCFunctionObject* init = function_of(members["__init__"]);
  if (init == nullptr) return;
  const std::string doc = py::str(type.attr("__init__").attr("__doc__")).cast<std::string>();
  const std::vector<std::string> parameters = parameters_of("__init__", doc);
  if (parameters.empty()) return;
  const std::string text =
      with_signature(type.attr("__name__").cast<std::string>(), joined(parameters, 1),
                     object->tp_doc == nullptr ? "" : object->tp_doc);
  // As pybind11 makes it, and CPython ends it.
  auto* const copy = static_cast<char*>(PyObject_Malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  PyObject_Free(const_cast<char*>(std::exchange(object->tp_doc, copy)));
}

}  // namespace

void bind_signatures(const py::module_& module) {
  for (const auto& [name, member] : py::dict(module.attr("__dict__"))) {
    if (py::isinstance<py::type>(member)) {
      sign_class(member);
    } else {
      sign_function(member);
    }
  }
}

}  // namespace cbr::python
