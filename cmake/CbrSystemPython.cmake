# The packages of packages/ are the system's Python's, whatever other Python PATH holds. Include it
# before find_package(Python) or find_package(Python3); -D Python_EXECUTABLE, as pip gives it, goes first.
foreach(name IN ITEMS Python Python3)
  if(NOT DEFINED ${name}_EXECUTABLE AND EXISTS /usr/bin/python3)
    set(${name}_EXECUTABLE /usr/bin/python3)
  endif()
endforeach()
