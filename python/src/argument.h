// Values from Python, and what to say of a wrong one: its name, the value and what is needed.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>

namespace cbr::python {

namespace py = pybind11;

/// A value as it stands in a message: its repr, the start of the first line where that is long.
inline std::string text_of(const py::handle& value) {
  constexpr std::size_t most = 80;
  const py::str whole = py::repr(value);
  const py::object line = whole.attr("partition")("\n").attr("__getitem__")(0);
  const py::object text = line.attr("__getitem__")(py::slice(0, most, 1));
  return text.cast<std::string>() + (py::len(text) < py::len(whole) ? "..." : "");
}

[[noreturn]] inline void wrong_type(std::string_view name, const py::handle& value,
                                    std::string_view needed) {
  throw py::type_error(fmt::format("{} is {}, {} is needed", name, text_of(value), needed));
}

/// The value as a T. Throws TypeError for another type, InvalidOption for a number out of range. A
/// bound class is taken by pointer, as long as the Python object lives, or copied.
template <typename T>
struct ValueFrom {
  using Class = std::remove_cv_t<std::remove_pointer_t<T>>;
  static std::string needed() {
    return "a " + py::type::of<Class>().attr("__name__").template cast<std::string>();
  }
  static T get(std::string_view name, const py::handle& value) {
    if (!py::isinstance<Class>(value)) wrong_type(name, value, needed());
    return value.cast<T>();
  }
};

template <>
struct ValueFrom<bool> {
  static std::string needed() { return "True or False"; }
  static bool get(std::string_view name, const py::handle& value) {
    if (!py::isinstance<py::bool_>(value)) wrong_type(name, value, needed());
    return value.cast<bool>();
  }
};

template <std::unsigned_integral T>
struct ValueFrom<T> {
  static std::string needed() { return "a whole number"; }
  static T get(std::string_view name, const py::handle& value) {
    // pybind11 takes True for 1.
    if (py::isinstance<py::bool_>(value)) wrong_type(name, value, needed());
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!number) {
      PyErr_Clear();
      wrong_type(name, value, needed());
    }
    try {
      return number.cast<T>();
    } catch (const py::cast_error&) {
      throw InvalidOption(fmt::format("{} is {}, allowed are 0 to {}", name,
                                      py::str(number).cast<std::string>(),
                                      std::numeric_limits<T>::max()));
    }
  }
};

template <>
struct ValueFrom<double> {
  static std::string needed() { return "a number"; }
  static double get(std::string_view name, const py::handle& value) {
    try {
      return value.cast<double>();
    } catch (const py::cast_error&) {
      wrong_type(name, value, needed());
    }
  }
};

template <>
struct ValueFrom<std::string> {
  static std::string needed() { return "a string"; }
  static std::string get(std::string_view name, const py::handle& value) {
    // pybind11 takes bytes too.
    if (!py::isinstance<py::str>(value)) wrong_type(name, value, needed());
    return value.cast<std::string>();
  }
};

template <>
struct ValueFrom<py::function> {
  static std::string needed() { return "a function"; }
  static py::function get(std::string_view name, const py::handle& value) {
    if (PyCallable_Check(value.ptr()) == 0) wrong_type(name, value, needed());
    return py::reinterpret_borrow<py::function>(value);
  }
};

template <>
struct ValueFrom<py::buffer> {
  static std::string needed() { return "an object with the buffer protocol"; }
  static py::buffer get(std::string_view name, const py::handle& value) {
    if (PyObject_CheckBuffer(value.ptr()) == 0) wrong_type(name, value, needed());
    return py::reinterpret_borrow<py::buffer>(value);
  }
};

template <typename T>
struct ValueFrom<std::optional<T>> {
  static std::string needed() { return ValueFrom<T>::needed() + " or None"; }
  static std::optional<T> get(std::string_view name, const py::handle& value) {
    if (value.is_none()) return std::nullopt;
    try {
      return ValueFrom<T>::get(name, value);
    } catch (const py::type_error&) {
      wrong_type(name, value, needed());
    }
  }
};

template <typename T>
struct ValueFrom<std::vector<T>> {
  static std::string needed() { return "a sequence, each " + ValueFrom<T>::needed() + ","; }
  static std::vector<T> get(std::string_view name, const py::handle& value) {
    if (!py::isinstance<py::iterable>(value) || py::isinstance<py::str>(value)) {
      wrong_type(name, value, needed());
    }
    std::vector<T> values;
    for (const py::handle& each : value) {
      values.push_back(ValueFrom<T>::get(fmt::format("{}[{}]", name, values.size()), each));
    }
    return values;
  }
};

template <typename First, typename Second>
struct ValueFrom<std::pair<First, Second>> {
  static std::string needed() {
    return "a pair of " + ValueFrom<First>::needed() + " and " + ValueFrom<Second>::needed();
  }
  static std::pair<First, Second> get(std::string_view name, const py::handle& value) {
    if (!py::isinstance<py::sequence>(value) || py::len(value) != 2) {
      wrong_type(name, value, needed());
    }
    const auto pair = py::reinterpret_borrow<py::sequence>(value);
    return {ValueFrom<First>::get(fmt::format("{}[0]", name), pair[0]),
            ValueFrom<Second>::get(fmt::format("{}[1]", name), pair[1])};
  }
};

template <typename T>
T value_from(std::string_view name, const py::handle& value) {
  return ValueFrom<T>::get(name, value);
}

template <std::size_t size>
struct ArgumentName {
  // So that a literal can stand for it. NOLINTNEXTLINE(google-explicit-constructor)
  consteval ArgumentName(const char (&given)[size]) { std::copy_n(given, size, text); }
  char text[size]{};
};

/// A parameter of a bound function that is converted by value_from(). pybind11 itself would list
/// the function's signature, and not say which argument it means.
template <ArgumentName name, typename T>
struct Argument {
  T value;
};

}  // namespace cbr::python

namespace pybind11::detail {

template <cbr::python::ArgumentName argument, typename T>
struct type_caster<cbr::python::Argument<argument, T>> {
  using Value = cbr::python::Argument<argument, T>;
  static constexpr auto name = make_caster<T>::name;
  template <typename>
  using cast_op_type = const Value&;

  bool load(handle given, bool /*convert*/) {
    value_.emplace(Value{cbr::python::value_from<T>(argument.text, given)});
    return true;
  }
  // NOLINTNEXTLINE(google-explicit-constructor): pybind11 asks for it.
  operator const Value&() const { return *value_; }

 private:
  std::optional<Value> value_;
};

}  // namespace pybind11::detail
