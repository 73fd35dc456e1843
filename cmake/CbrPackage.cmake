# cpack: Debian packages, or with CBR_STATIC_DEPENDENCIES one archive that runs wherever it is unpacked.
if(NOT PROJECT_IS_TOP_LEVEL OR NOT CBR_INSTALL OR NOT CBR_BUILD_TOOLS OR NOT CBR_BUILD_SHARED)
  return()
endif()

set(CPACK_PACKAGE_NAME cbr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL library development program)

# The archive: one folder with what an install has, the model that the program is tried with, and the documentation.
if(CBR_STATIC_DEPENDENCIES)
  list(APPEND CPACK_COMPONENTS_ALL archive)
  install(FILES README.md LICENSE CHANGELOG.md DESTINATION . COMPONENT archive EXCLUDE_FROM_ALL)
  install(DIRECTORY docs models DESTINATION . COMPONENT archive EXCLUDE_FROM_ALL)
  cbr_install_foreign_terms(DESTINATION licences COMPONENT archive PACKAGES ${CBR_PROGRAM_PACKAGES})
  set(CPACK_GENERATOR TGZ)
  set(CPACK_PACKAGE_FILE_NAME cbr-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
  set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
  include(CPack)
  return()
endif()

# cpack -G DEB: libcbr<soversion>, libcbr-dev, cbr and python3-cbr, from the install components.
# A package's terms lie where Debian looks for them.
function(cbr_install_licence component package)
  install(FILES packaging/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
          COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

set(CPACK_GENERATOR DEB)
# Each package has its own below; the project's would go before it, as the first line of all.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_PACKAGE_CONTACT "Command Buffer Ring <command-buffer-ring@users.noreply.github.com>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE ${PROJECT_HOMEPAGE_URL})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What the programs link decides what they depend on.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
    ${PROJECT_BINARY_DIR}/src/core ${PROJECT_BINARY_DIR}/src/backends/vulkan
    ${PROJECT_BINARY_DIR}/src/config ${PROJECT_BINARY_DIR}/src/observe)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libcbr${CBR_SOVERSION})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "ring of GPU command buffers: shared libraries
 Keeps a GPU busy: a program records a step while the GPU runs the one before.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS libvulkan1)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/triggers)
cbr_install_licence(library libcbr${CBR_SOVERSION})

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libcbr-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "ring of GPU command buffers: headers and static libraries
 With files for CMake and pkg-config.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libcbr${CBR_SOVERSION} (= ${PROJECT_VERSION}-1), libvulkan-dev, libyaml-cpp-dev, libutf8proc-dev")
cbr_install_licence(development libcbr-dev)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME cbr)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "ring of GPU command buffers: the command line
 Shows whether a ring of command buffers keeps a GPU busy on this machine.")
# The Vulkan library is loaded at run time; without it there is the simulated GPU.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "libvulkan1, mesa-vulkan-drivers")
cbr_install_licence(program cbr)

if(CBR_BUILD_PYTHON)
  list(APPEND CPACK_COMPONENTS_ALL python3)
  install(TARGETS cbr_python LIBRARY DESTINATION lib/python3/dist-packages/cbr
          COMPONENT python3 EXCLUDE_FROM_ALL)
  install(DIRECTORY python/cbr compat/krserve_native DESTINATION lib/python3/dist-packages
          COMPONENT python3 EXCLUDE_FROM_ALL
          FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed"
          PATTERN __pycache__ EXCLUDE)
  math(EXPR python_after "${Python_VERSION_MINOR} + 1")
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_NAME python3-cbr)
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_SECTION python)
  set(CPACK_DEBIAN_PYTHON3_DESCRIPTION "ring of GPU command buffers: Python package
 Submits work to a ring of slots from Python and asyncio.")
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_DEPENDS
      "python3 (>= 3.${Python_VERSION_MINOR}), python3 (<< 3.${python_after})")
  set(CPACK_DEBIAN_PYTHON3_PACKAGE_RECOMMENDS
      "libvulkan1, mesa-vulkan-drivers, python3-numpy, glslang-tools")
  cbr_install_licence(python3 python3-cbr)
endif()

include(CPack)
