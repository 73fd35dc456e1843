# cmake --install: what find_package(cbr CONFIG) and pkg-config find.
# Install components: `library` is what programs need that link a shared library, `development` what
# their builds need, `program` the command line. cmake/CbrPackage.cmake makes Debian packages of them.
option(CBR_INSTALL "Install the library, and the program where it is built" ${PROJECT_IS_TOP_LEVEL})
if(NOT CBR_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cbr)
set(kinds static)
if(CBR_BUILD_SHARED)
  list(APPEND kinds shared)
endif()
set(CBR_BUILT_COMPONENTS ${kinds})

# The library and its pkg-config file. `set` is "config", say, for what has a set of CMake targets of its own.
function(cbr_install_library name set)
  install(TARGETS ${name} EXPORT cbr_static${set}_targets ARCHIVE COMPONENT development)
  if(CBR_BUILD_SHARED)
    install(TARGETS ${name}_shared EXPORT cbr_shared${set}_targets
            LIBRARY COMPONENT library NAMELINK_COMPONENT development)
  endif()
  string(REPLACE "_" "-" package ${name})
  # Relocatable: the prefix is found from where the file lies.
  if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(CBR_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
    set(CBR_PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
    set(CBR_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  else()
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(CBR_PC_PREFIX "\${pcfiledir}/${up}")
    set(CBR_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(CBR_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  endif()
  list(JOIN CMAKE_DL_LIBS " -l" dl)
  if(dl)
    set(CBR_PC_DL "-l${dl}")
  endif()
  set(CBR_PC_THREADS "${CMAKE_THREAD_LIBS_INIT}")
  if(NOT CBR_PC_THREADS)
    set(CBR_PC_THREADS -pthread)
  endif()
  configure_file(packaging/pkgconfig/${package}.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/${package}.pc
                 @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/${package}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

install(DIRECTORY include/cbr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        PATTERN config.h EXCLUDE
        PATTERN metal.h EXCLUDE
        PATTERN recording_file.h EXCLUDE
        PATTERN report.h EXCLUDE
        PATTERN vulkan.h EXCLUDE)
cbr_install_library(cbr "")
if(CBR_BUILD_VULKAN)
  list(APPEND CBR_BUILT_COMPONENTS vulkan)
  install(FILES include/cbr/vulkan.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr
          COMPONENT development)
  cbr_install_library(cbr_vulkan "")
endif()
if(CBR_BUILD_METAL AND APPLE)
  list(APPEND CBR_BUILT_COMPONENTS metal)
  install(FILES include/cbr/metal.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr
          COMPONENT development)
  cbr_install_library(cbr_metal "")
endif()
if(CBR_BUILD_CONFIG)
  list(APPEND CBR_BUILT_COMPONENTS config)
  install(FILES include/cbr/config.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr
          COMPONENT development)
  # A set of its own, which needs yaml-cpp: programs without configuration must not.
  cbr_install_library(cbr_config _config)
  install(FILES docs/reference/config.schema.json docs/reference/config.example.yaml
          DESTINATION ${CMAKE_INSTALL_DATADIR}/cbr COMPONENT development)
endif()
if(CBR_BUILD_RECORDING)
  list(APPEND CBR_BUILT_COMPONENTS recording)
  install(FILES include/cbr/recording_file.h include/cbr/report.h
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr COMPONENT development)
  # A set of its own too: linked statically it needs utf8proc.
  cbr_install_library(cbr_recording _recording)
endif()

foreach(kind IN LISTS kinds)
  install(EXPORT cbr_${kind}_targets NAMESPACE cbr:: DESTINATION ${cmake_dir} COMPONENT development)
  if(CBR_BUILD_CONFIG)
    install(EXPORT cbr_${kind}_config_targets NAMESPACE cbr:: DESTINATION ${cmake_dir}
            COMPONENT development)
  endif()
  if(CBR_BUILD_RECORDING)
    install(EXPORT cbr_${kind}_recording_targets NAMESPACE cbr:: DESTINATION ${cmake_dir}
            COMPONENT development)
  endif()
endforeach()
configure_package_config_file(cmake/cbr-config.cmake.in ${PROJECT_BINARY_DIR}/cbr-config.cmake
                              INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cbr-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cbr-config.cmake ${PROJECT_BINARY_DIR}/cbr-config-version.cmake
        DESTINATION ${cmake_dir} COMPONENT development)
