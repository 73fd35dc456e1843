# The compile settings that every target of this project shares.
function(cbr_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies in "text" + std::string (GCC bug 105651).
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  endif()
  # Apple's compiler and SDK are not those that the project is linted with.
  if(PROJECT_IS_TOP_LEVEL AND NOT APPLE)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CBR_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${CBR_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${CBR_SANITIZE})
    # ThreadSanitizer does not know fences, as this warns. The recorder's order atomics, which it knows not to race.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CBR_SANITIZE MATCHES "thread")
      target_compile_options(${target} PRIVATE -Wno-tsan)
    endif()
  endif()
endfunction()

# cbr_label_tests(): the tests that this folder adds get the label CBR_TEST_LABEL, which `ctest -L` picks. Those of
# cbr_add_test have it anyway. (A folder's own property LABELS misses tests with a working directory.)
function(cbr_label_tests)
  cmake_language(DEFER CALL cbr_set_labels)
endfunction()
function(cbr_set_labels)
  get_property(tests DIRECTORY PROPERTY TESTS)
  if(tests)
    set_tests_properties(${tests} PROPERTIES LABELS "${CBR_TEST_LABEL}")
  endif()
endfunction()

# A GoogleTest executable whose cases CTest knows one by one.
# cbr_add_test(NAME SOURCES a.cpp … LIBRARIES x … [PROPERTIES …] [DISCOVER arguments of
# gtest_discover_tests …] [ON_METAL_FAKE])
# With ON_METAL_FAKE it is a test only where those of Metal alone are built, as metal-asan and
# metal-tsan do: without a sanitizer it would show nothing that they don't. It can be built by name.
function(cbr_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ON_METAL_FAKE" "" "SOURCES;LIBRARIES;PROPERTIES;DISCOVER")
  add_executable(${name} ${arg_SOURCES})
  cbr_configure_target(${name})
  target_include_directories(${name} PRIVATE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/verification)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(CBR_TEST_METAL_ONLY)
    # Quicker than a process for each case, with a sanitizer.
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
    return()
  endif()
  if(arg_ON_METAL_FAKE AND NOT APPLE)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 ${arg_DISCOVER}
    PROPERTIES TIMEOUT 300 LABELS "${CBR_TEST_LABEL}" ${arg_PROPERTIES})
endfunction()
