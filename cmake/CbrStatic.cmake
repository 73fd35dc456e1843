# With CBR_STATIC_DEPENDENCIES the program and the Python module run where nothing but the C and the C++ library is
# installed. What has no static library here is linked as ever.
#
# Archives are looked for first, and what was found before stays: a build folder keeps to what it was configured with.
option(CBR_STATIC_DEPENDENCIES
       "Link the libraries of others statically into the program and the Python module" OFF)
if(CBR_STATIC_DEPENDENCIES)
  # For find_library, and so for pkg_check_modules and OpenSSL's.
  list(PREPEND CMAKE_FIND_LIBRARY_SUFFIXES ${CMAKE_STATIC_LIBRARY_SUFFIX})
endif()

# What a program links of a library that find_package knows as `target`: an imported target names one file, whatever
# find_library prefers. A module gets the target: Debian's archive of yaml-cpp is fit for programs alone.
function(cbr_choose_library result target)
  set(${result} ${target} PARENT_SCOPE)
  if(CBR_STATIC_DEPENDENCIES)
    find_library(archive ${target} NO_CACHE)
    if(archive MATCHES "${CMAKE_STATIC_LIBRARY_SUFFIX}$")
      set(${result} $<IF:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>,${archive},${target}> PARENT_SCOPE)
    endif()
  endif()
endfunction()

# What a module holds of archives does not show: it can't get in the way of another copy in the process.
function(cbr_hide_archives target)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL)
  endif()
endfunction()

# Whoever passes on a copy of another's work passes on its terms. Debian's packages have them.
set(CBR_PROGRAM_PACKAGES
    libcli11-dev libfmt-dev libpcre2-dev libssl-dev libutf8proc-dev libyaml-cpp-dev nlohmann-json3-dev)
function(cbr_install_foreign_terms)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "DESTINATION;COMPONENT" "PACKAGES")
  if(NOT CBR_STATIC_DEPENDENCIES)
    return()
  endif()
  foreach(package IN LISTS arg_PACKAGES)
    install(FILES /usr/share/doc/${package}/copyright RENAME ${package}
            DESTINATION ${arg_DESTINATION} COMPONENT ${arg_COMPONENT} EXCLUDE_FROM_ALL OPTIONAL)
  endforeach()
endfunction()
