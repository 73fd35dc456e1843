# cmake --install, and what find_package(cbr CONFIG) finds.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/cbr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        PATTERN metal.h EXCLUDE
        PATTERN vulkan.h EXCLUDE)
install(TARGETS cbr EXPORT cbr_targets)
if(CBR_BUILD_VULKAN)
  install(FILES include/cbr/vulkan.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr)
  install(TARGETS cbr_vulkan EXPORT cbr_targets)
endif()
if(CBR_BUILD_METAL AND APPLE)
  install(FILES include/cbr/metal.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cbr)
  install(TARGETS cbr_metal EXPORT cbr_targets)
endif()
install(EXPORT cbr_targets NAMESPACE cbr:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cbr)
configure_package_config_file(cmake/cbr-config.cmake.in ${PROJECT_BINARY_DIR}/cbr-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cbr)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cbr-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cbr-config.cmake ${PROJECT_BINARY_DIR}/cbr-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cbr)
