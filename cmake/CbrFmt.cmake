# {fmt}, which the library uses inside and shows nobody: `cbr_fmt` is to be linked PRIVATE.
#
# Compiled once, into a namespace of this library's own, so that neither a program with another {fmt} nor
# its linker ever sees it. (As a header-only library, as packages have it for static linking, it would be
# compiled anew in each file that formats a text, and make up more than half of the whole build.)
set(CBR_FMT auto CACHE STRING
    "Where {fmt} comes from: found (by find_package, so fmt_DIR names a copy of your own), fetched (by FetchContent, so FETCHCONTENT_SOURCE_DIR_FMT names one), or auto: found, else fetched")
set_property(CACHE CBR_FMT PROPERTY STRINGS auto found fetched)
if(NOT CBR_FMT MATCHES "^(auto|found|fetched)$")
  message(FATAL_ERROR "CBR_FMT is \"${CBR_FMT}\", but must be auto, found or fetched")
endif()

# A project around this one may have it already.
if(NOT TARGET fmt::fmt-header-only AND NOT CBR_FMT STREQUAL "fetched")
  find_package(fmt QUIET)
  if(NOT fmt_FOUND AND CBR_FMT STREQUAL "found")
    message(FATAL_ERROR
      "{fmt} is not there (Debian: libfmt-dev). With CBR_FMT=fetched, CMake downloads it.")
  endif()
endif()
if(NOT TARGET fmt::fmt-header-only)
  message(STATUS "Fetching {fmt}")
  include(FetchContent)
  FetchContent_Declare(fmt GIT_REPOSITORY https://github.com/fmtlib/fmt GIT_TAG 9.1.0 GIT_SHALLOW ON)
  FetchContent_MakeAvailable(fmt)
  # Its headers alone are needed.
  set_property(DIRECTORY ${fmt_SOURCE_DIR} PROPERTY EXCLUDE_FROM_ALL ON)
endif()

get_target_property(cbr_fmt_headers fmt::fmt-header-only INTERFACE_INCLUDE_DIRECTORIES)
add_library(cbr_fmt STATIC ${PROJECT_SOURCE_DIR}/src/core/fmt.cpp)
target_include_directories(cbr_fmt SYSTEM PUBLIC ${cbr_fmt_headers})
cbr_configure_target(cbr_fmt)
set_target_properties(cbr_fmt PROPERTIES CXX_VISIBILITY_PRESET hidden)
string(REGEX REPLACE "[$]<BUILD_INTERFACE:([^>]*)>" "\\1" cbr_fmt_folders "${cbr_fmt_headers}")
find_file(CBR_FMT_VERSION_HEADER NAMES fmt/base.h fmt/core.h PATHS ${cbr_fmt_folders}
          NO_DEFAULT_PATH NO_CACHE REQUIRED)
file(STRINGS ${CBR_FMT_VERSION_HEADER} cbr_fmt_version REGEX "^#define FMT_VERSION [0-9]+")
string(REGEX MATCH "[0-9]+" cbr_fmt_version "${cbr_fmt_version}")
if(cbr_fmt_version GREATER_EQUAL 90000 AND cbr_fmt_version LESS 100000)
  target_compile_definitions(cbr_fmt PUBLIC
    "FMT_BEGIN_NAMESPACE=namespace fmt { inline namespace cbr_v9 {" "FMT_END_NAMESPACE=} }")
else()
  # What has to be compiled differs from one version to the next; fmt.cpp knows that of 9.
  target_compile_definitions(cbr_fmt PUBLIC FMT_HEADER_ONLY=1)
endif()
