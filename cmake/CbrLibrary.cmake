# The libraries that get installed: each static, and from the same objects shared.
# The tests and the tools use parts that are nobody else's, so in this project `cbr` and `cbr::cbr` are
# the static library, whatever else is built. `cbr::cbr` of an installed package is either; see
# cmake/cbr-config.cmake.in.
set(shared_default OFF)
if((PROJECT_IS_TOP_LEVEL AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT CBR_SANITIZE)
   OR BUILD_SHARED_LIBS)
  set(shared_default ON)
endif()
option(CBR_BUILD_SHARED "Build shared libraries beside the static ones" ${shared_default})
# Before 1.0 each minor version may change the binary interface.
set(CBR_SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")

# cbr_add_library(name [COMPONENT component] SOURCES a.cpp …): `name`, and `name_shared` where shared
# libraries are built. In CMake others call it cbr::<component>; without a component, cbr::cbr.
# packaging/abi/lib<name>.map.in says what the shared one exports.
function(cbr_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMPONENT" "SOURCES")
  if(NOT arg_COMPONENT)
    set(arg_COMPONENT cbr)
  endif()
  # The build on the fake of Metal is for the tests.
  add_library(${name} STATIC ${arg_SOURCES})
  cbr_configure_target(${name})
  set_target_properties(${name} PROPERTIES
    EXPORT_NAME ${arg_COMPONENT} VISIBILITY_INLINES_HIDDEN ON)
  if(NOT CBR_BUILD_SHARED OR (arg_COMPONENT STREQUAL "metal" AND NOT APPLE))
    add_library(cbr::${arg_COMPONENT} ALIAS ${name})
    return()
  endif()
  add_library(${name}_shared SHARED $<TARGET_OBJECTS:${name}>)
  target_link_libraries(${name}_shared PRIVATE $<BUILD_INTERFACE:cbr_fmt>)
  set_target_properties(${name}_shared PROPERTIES
    OUTPUT_NAME ${name} EXPORT_NAME ${arg_COMPONENT} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${CBR_SOVERSION})
  if(CBR_STATIC_DEPENDENCIES AND NOT APPLE)
    # They find each other wherever the archive was unpacked.
    set_target_properties(${name}_shared PROPERTIES INSTALL_RPATH "$ORIGIN")
  endif()
  target_compile_features(${name}_shared PUBLIC cxx_std_20)
  set(map ${PROJECT_SOURCE_DIR}/packaging/abi/lib${name}.map.in)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND EXISTS ${map})
    configure_file(${map} ${CMAKE_CURRENT_BINARY_DIR}/lib${name}.map @ONLY)
    target_link_options(${name}_shared PRIVATE
      LINKER:--version-script=${CMAKE_CURRENT_BINARY_DIR}/lib${name}.map)
    set_property(TARGET ${name}_shared APPEND PROPERTY
      LINK_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/lib${name}.map)
  endif()
  if(PROJECT_IS_TOP_LEVEL OR NOT BUILD_SHARED_LIBS)
    add_library(cbr::${arg_COMPONENT} ALIAS ${name})
  else()
    add_library(cbr::${arg_COMPONENT} ALIAS ${name}_shared)
  endif()
endfunction()

# The static library and, where it is built, the shared one.
function(cbr_library_forms result name)
  set(forms ${name})
  if(TARGET ${name}_shared)
    list(APPEND forms ${name}_shared)
  endif()
  set(${result} ${forms} PARENT_SCOPE)
endfunction()
