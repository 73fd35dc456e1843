# Finds Python and pybind11 for the Python package; pybind11_FOUND says whether both are there.
# The packages of packages.txt are the system's Python's, whatever other Python PATH holds; pip names
# its own with -D Python_EXECUTABLE.
if(NOT DEFINED Python_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python 3.9 QUIET COMPONENTS Interpreter Development.Module)
if(Python_FOUND)
  find_package(pybind11 2.10 CONFIG QUIET)
endif()
