# Translates GLSL compute shaders, by way of SPIR-V, to Metal's language and embeds them.
# cbr_add_metal_kernels(target SHADERS a.comp …) compiles into the target the table that
# workload/metal_kernels/kernel_sources.h declares. Beside each a.metal lies a.json, what spirv-cross
# tells of the SPIR-V; CBR_METAL_KERNEL_DIR of the target says where.
find_program(GLSLANG_VALIDATOR glslangValidator REQUIRED)
find_program(SPIRV_CROSS spirv-cross REQUIRED)

function(cbr_add_metal_kernels target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SHADERS;DEPENDS")
  set(output_dir ${CMAKE_CURRENT_BINARY_DIR}/kernels)
  file(MAKE_DIRECTORY ${output_dir})
  foreach(shader IN LISTS arg_SHADERS)
    get_filename_component(name ${shader} NAME_WE)
    set(base ${output_dir}/${name})
    # Metal 3.0, the first with pointers in a kernel's arguments (MTLBuffer.gpuAddress). The entry
    # point gets the kernel's name: Metal has no "main".
    add_custom_command(
      OUTPUT ${base}.metal ${base}.json
      COMMAND ${GLSLANG_VALIDATOR} --quiet -V --target-env vulkan1.2 -o ${base}.spv ${shader}
      COMMAND ${SPIRV_CROSS} ${base}.spv --msl --msl-version 30000
              --rename-entry-point main ${name} comp --output ${base}.metal
      COMMAND ${SPIRV_CROSS} ${base}.spv --reflect --output ${base}.json
      DEPENDS ${shader} ${arg_DEPENDS}
      BYPRODUCTS ${base}.spv
      COMMENT "Translating ${name}.comp to Metal"
      VERBATIM)
    list(APPEND translated ${base}.metal)
  endforeach()
  set(table ${output_dir}/kernel_table.cpp)
  string(REPLACE ";" "," sources "${translated}")
  add_custom_command(
    OUTPUT ${table}
    COMMAND ${CMAKE_COMMAND} -D OUTPUT=${table} -D SOURCES=${sources}
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedMetalKernels.cmake
    DEPENDS ${translated} ${PROJECT_SOURCE_DIR}/cmake/EmbedMetalKernels.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${table})
  set_target_properties(${target} PROPERTIES CBR_METAL_KERNEL_DIR ${output_dir})
endfunction()
