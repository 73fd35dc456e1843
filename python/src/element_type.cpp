#include "element_type.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::python {
namespace {

namespace py = pybind11;

// DLPack's codes.
constexpr std::uint8_t signed_code = 0;
constexpr std::uint8_t unsigned_code = 1;
constexpr std::uint8_t float_code = 2;
constexpr std::uint8_t bfloat_code = 4;
constexpr std::uint8_t complex_code = 5;
constexpr std::uint8_t bool_code = 6;

constexpr ElementType type(const char* name, const char* format, std::uint8_t bytes,
                           std::uint8_t code) {
  return {.name = name,
          .format = format,
          .bytes = bytes,
          .dlpack = {.code = code, .bits = static_cast<std::uint8_t>(8 * bytes), .lanes = 1}};
}

constexpr std::array types = {
    type("uint8", "B", 1, unsigned_code),     type("int8", "b", 1, signed_code),
    type("uint16", "H", 2, unsigned_code),    type("int16", "h", 2, signed_code),
    type("uint32", "I", 4, unsigned_code),    type("int32", "i", 4, signed_code),
    type("uint64", "Q", 8, unsigned_code),    type("int64", "q", 8, signed_code),
    type("float16", "e", 2, float_code),      type("float32", "f", 4, float_code),
    type("float64", "d", 8, float_code),      type("bfloat16", nullptr, 2, bfloat_code),
    type("complex64", "Zf", 8, complex_code), type("complex128", "Zd", 16, complex_code),
    type("bool", "?", 1, bool_code),
};

template <typename Matches>
const ElementType* find(const Matches& matches) {
  const auto* const found = std::find_if(types.begin(), types.end(), matches);
  return found == types.end() ? nullptr : found;
}

}  // namespace

const ElementType& element_type(std::string_view name) {
  if (const auto* found = find([&](const ElementType& each) { return each.name == name; })) {
    return *found;
  }
  std::string names;
  for (const ElementType& each : types) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", each.name);
  }
  throw InvalidOption(fmt::format("dtype is \"{}\", allowed are {}", name, names));
}

const ElementType& element_type_from(const py::object& given) {
  constexpr std::string_view torch = "torch.";
  const py::object source = py::isinstance<py::str>(given) || !py::isinstance<py::type>(given)
                                ? given
                                : given.attr("__name__");
  auto name = py::str(source).cast<std::string>();
  if (name.starts_with(torch)) name.erase(0, torch.size());
  if (name == "float" || name == "int") name += "64";
  if (name == "complex") name = "complex128";
  return element_type(name);
}

const ElementType* type_of_format(std::string_view format, std::size_t bytes) {
  // The machine's order is little-endian on all that Vulkan runs on here.
  if (!format.empty() && std::string_view("@=<").find(format.front()) != std::string_view::npos) {
    format.remove_prefix(1);
  }
  // How long C's "long" is, and a byte of text.
  if (format == "l") format = bytes == sizeof(std::int32_t) ? "i" : "q";
  if (format == "L") format = bytes == sizeof(std::uint32_t) ? "I" : "Q";
  if (format == "c") format = "B";
  return find([&](const ElementType& each) {
    return each.format != nullptr && each.format == format && each.bytes == bytes;
  });
}

const ElementType* type_of_dlpack(const dlpack::DataType& given) {
  return find([&](const ElementType& each) {
    return each.dlpack.code == given.code && each.dlpack.bits == given.bits && given.lanes == 1;
  });
}

}  // namespace cbr::python
