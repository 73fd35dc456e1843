# Compiles GLSL compute shaders to SPIR-V and embeds them.
# cbr_add_shaders(target SHADERS a.comp …) makes each available as #include <shaders/a.h>, which
# defines `const uint32_t a_spv[]`.
find_program(GLSLANG_VALIDATOR glslangValidator REQUIRED)

function(cbr_add_shaders target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SHADERS;DEPENDS")
  set(output_dir ${CMAKE_CURRENT_BINARY_DIR}/shaders/shaders)
  file(MAKE_DIRECTORY ${output_dir})
  foreach(shader IN LISTS arg_SHADERS)
    get_filename_component(name ${shader} NAME_WE)
    set(header ${output_dir}/${name}.h)
    add_custom_command(
      OUTPUT ${header}
      COMMAND ${GLSLANG_VALIDATOR} --quiet -V --target-env vulkan1.2 --vn ${name}_spv
              -o ${header} ${CMAKE_CURRENT_SOURCE_DIR}/${shader}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${shader} ${arg_DEPENDS}
      COMMENT "Compiling ${shader} to SPIR-V"
      VERBATIM)
    list(APPEND headers ${header})
  endforeach()
  target_sources(${target} PRIVATE ${headers})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/shaders)
endfunction()
