# Finds Python and pybind11 for the Python package; pybind11_FOUND says whether both are there.
include(CbrSystemPython)
find_package(Python 3.9 QUIET COMPONENTS Interpreter Development.Module)
if(Python_FOUND)
  find_package(pybind11 2.10 CONFIG QUIET)
endif()
