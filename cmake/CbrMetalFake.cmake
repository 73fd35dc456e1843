# Objective-C++ on Linux, where the Metal backend runs on a fake of Metal (verification/metal_fake).
# Clang 16 compiles the .mm sources, whatever compiles the rest. Defines CBR_BUILD_METAL_FAKE.
find_program(CBR_CLANGXX NAMES clang++-16 DOC "The compiler of Objective-C++ for the fake of Metal")
set(metal_fake_default OFF)
if(PROJECT_IS_TOP_LEVEL AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CBR_CLANGXX
   AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(metal_fake_default ON)
endif()
option(CBR_BUILD_METAL_FAKE "Build the Metal backend on a fake of Metal, with its tests"
       ${metal_fake_default})

if(CBR_BUILD_METAL_FAKE)
  if(NOT CMAKE_OBJCXX_COMPILER)
    set(CMAKE_OBJCXX_COMPILER "${CBR_CLANGXX}" CACHE FILEPATH "Objective-C++ compiler")
  endif()
  if(CMAKE_CXX_COMPILER_LAUNCHER AND NOT CMAKE_OBJCXX_COMPILER_LAUNCHER)
    set(CMAKE_OBJCXX_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
  endif()
  enable_language(OBJCXX)
endif()
