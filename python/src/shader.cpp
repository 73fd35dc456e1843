#include "shader.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <spirv-tools/libspirv.h>
#include <spirv_cross_c.h>

#include <cbr/errors.h>

namespace cbr::python {
namespace {

using Words = std::span<const std::uint32_t>;

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using ToolsContext =
    std::unique_ptr<std::remove_pointer_t<spv_context>, Destroy<spvContextDestroy>>;
using Diagnostic =
    std::unique_ptr<std::remove_pointer_t<spv_diagnostic>, Destroy<spvDiagnosticDestroy>>;
using ValidatorOptions = std::unique_ptr<std::remove_pointer_t<spv_validator_options>,
                                         Destroy<spvValidatorOptionsDestroy>>;
using CrossContext =
    std::unique_ptr<std::remove_pointer_t<spvc_context>, Destroy<spvc_context_destroy>>;

/// Whatever a shader can bind; push constants are none of it.
constexpr std::array bound_resources = {
    SPVC_RESOURCE_TYPE_UNIFORM_BUFFER,        SPVC_RESOURCE_TYPE_STORAGE_BUFFER,
    SPVC_RESOURCE_TYPE_SUBPASS_INPUT,         SPVC_RESOURCE_TYPE_STORAGE_IMAGE,
    SPVC_RESOURCE_TYPE_SAMPLED_IMAGE,         SPVC_RESOURCE_TYPE_ATOMIC_COUNTER,
    SPVC_RESOURCE_TYPE_SEPARATE_IMAGE,        SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS,
    SPVC_RESOURCE_TYPE_ACCELERATION_STRUCTURE};

/// Throws InvalidOption if it is no SPIR-V that Vulkan takes.
void validate(const std::string& name, Words words) {
  const ToolsContext context(spvContextCreate(SPV_ENV_VULKAN_1_2));
  const ValidatorOptions options(spvValidatorOptionsCreate());
  // The device decides whether it takes this.
  spvValidatorOptionsSetScalarBlockLayout(options.get(), true);
  spv_const_binary_t binary{words.data(), words.size()};
  spv_diagnostic raw = nullptr;
  const spv_result_t result = spvValidateWithOptions(context.get(), options.get(), &binary, &raw);
  const Diagnostic diagnostic(raw);
  if (result == SPV_SUCCESS) return;
  throw InvalidOption(fmt::format(
      "kernel {}: the {} bytes given are no SPIR-V that Vulkan 1.2 takes: {}", name,
      words.size_bytes(), diagnostic == nullptr ? "it can't be read" : diagnostic->error));
}

/// What SPIRV-Cross tells of a module.
class Reflection {
 public:
  Reflection(const std::string& name, Words words) : name_(name) {
    spvc_context context = nullptr;
    if (spvc_context_create(&context) != SPVC_SUCCESS) {
      throw InvalidOption(fmt::format("kernel {}: no memory to read the SPIR-V", name));
    }
    context_.reset(context);
    spvc_parsed_ir module = nullptr;
    check(spvc_context_parse_spirv(context, words.data(), words.size(), &module));
    check(spvc_context_create_compiler(context, SPVC_BACKEND_NONE, module,
                                       SPVC_CAPTURE_MODE_TAKE_OWNERSHIP, &compiler_));
    if (!has_compute_main()) {
      throw InvalidOption(
          fmt::format("kernel {}: the SPIR-V has no compute entry point \"main\"", name));
    }
    check(spvc_compiler_set_entry_point(compiler_, "main", SpvExecutionModelGLCompute));
    check(spvc_compiler_create_shader_resources(compiler_, &resources_));
  }

  [[nodiscard]] std::span<const spvc_reflected_resource> resources(spvc_resource_type type) const {
    const spvc_reflected_resource* list = nullptr;
    std::size_t count = 0;
    check(spvc_resources_get_resource_list_for_type(resources_, type, &list, &count));
    return {list, count};
  }

  /// The bytes of a block, from its first to its last.
  [[nodiscard]] std::uint32_t size(const spvc_reflected_resource& block) const {
    std::size_t bytes = 0;
    check(spvc_compiler_get_declared_struct_size(
        compiler_, spvc_compiler_get_type_handle(compiler_, block.base_type_id), &bytes));
    return static_cast<std::uint32_t>(bytes);
  }

 private:
  /// Asked first: SPIRV-Cross throws through its C interface where there is none.
  [[nodiscard]] bool has_compute_main() const {
    const spvc_entry_point* list = nullptr;
    std::size_t count = 0;
    check(spvc_compiler_get_entry_points(compiler_, &list, &count));
    return std::ranges::any_of(std::span(list, count), [](const spvc_entry_point& entry) {
      return entry.execution_model == SpvExecutionModelGLCompute &&
             std::string_view(entry.name) == "main";
    });
  }

  void check(spvc_result result) const {
    if (result == SPVC_SUCCESS) return;
    throw InvalidOption(fmt::format("kernel {}: the SPIR-V can't be read: {}", name_,
                                    spvc_context_get_last_error_string(context_.get())));
  }

  const std::string& name_;
  /// Owns the others.
  CrossContext context_;
  spvc_compiler compiler_ = nullptr;
  spvc_resources resources_ = nullptr;
};

}  // namespace

Shader read_shader(const std::string& name, std::span<const std::uint32_t> words) {
  // SPIRV-Cross, as drivers, trusts what it reads.
  validate(name, words);
  const Reflection reflection(name, words);
  for (const spvc_resource_type type : bound_resources) {
    if (reflection.resources(type).empty()) continue;
    throw InvalidOption(
        fmt::format("kernel {}: the shader has a layout(binding = ...); a kernel finds its data by "
                    "addresses among its push constants (GL_EXT_buffer_reference) and nothing else",
                    name));
  }
  Shader shader;
  for (const auto& block : reflection.resources(SPVC_RESOURCE_TYPE_PUSH_CONSTANT)) {
    shader.push_constant_size = reflection.size(block);
  }
  return shader;
}

}  // namespace cbr::python
