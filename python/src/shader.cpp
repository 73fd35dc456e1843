#include "shader.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::python {
namespace {

using Words = std::span<const std::uint32_t>;

// The names and numbers of the SPIR-V specification.
constexpr std::uint32_t magic = 0x07230203;
constexpr std::size_t header_size = 5;
constexpr std::uint32_t model_compute = 5;
constexpr std::uint32_t decoration_array_stride = 6;
constexpr std::uint32_t decoration_matrix_stride = 7;
constexpr std::uint32_t decoration_binding = 33;
constexpr std::uint32_t decoration_offset = 35;
constexpr std::uint32_t storage_push_constant = 9;

enum Op : std::uint16_t {
  op_entry_point = 15,
  op_type_int = 21,
  op_type_float = 22,
  op_type_vector = 23,
  op_type_matrix = 24,
  op_type_array = 28,
  op_type_struct = 30,
  op_type_pointer = 32,
  op_constant = 43,
  op_function_end = 56,
  op_variable = 59,
  op_decorate = 71,
  op_member_decorate = 72
};

struct Member {
  std::uint32_t offset = 0;
  std::uint32_t matrix_stride = 0;
};

/// What a module declares, by the numbers that it gives its types, constants and variables.
struct Module {
  /// Each with its first word.
  std::unordered_map<std::uint32_t, Words> types;
  std::unordered_map<std::uint32_t, std::uint32_t> constants;
  std::unordered_map<std::uint32_t, std::uint32_t> array_strides;
  std::unordered_map<std::uint32_t, std::vector<Member>> members;
  std::uint32_t push_constant_type = 0;
  bool has_compute_main = false;
  bool binds = false;
};

std::uint32_t word(Words instruction, std::size_t index) {
  return index < instruction.size() ? instruction[index] : 0;
}

/// Literal strings are zero-terminated bytes in words.
std::string_view text_at(Words instruction, std::size_t index) {
  if (index >= instruction.size()) return {};
  const auto rest = instruction.subspan(index);
  const std::string_view bytes(reinterpret_cast<const char*>(rest.data()), rest.size_bytes());
  return bytes.substr(0, bytes.find('\0'));
}

void decorate_member(Module& module, Words instruction) {
  // A struct has a few members; a damaged module must not ask for gigabytes.
  const std::uint32_t index = word(instruction, 2);
  if (index >= 4096) return;
  std::vector<Member>& members = module.members[word(instruction, 1)];
  members.resize(std::max<std::size_t>(members.size(), index + 1));
  const std::uint32_t value = word(instruction, 4);
  if (word(instruction, 3) == decoration_offset) members[index].offset = value;
  if (word(instruction, 3) == decoration_matrix_stride) members[index].matrix_stride = value;
}

void read_instruction(Module& module, Words instruction) {
  switch (static_cast<std::uint16_t>(instruction[0])) {
    case op_entry_point:
      if (word(instruction, 1) == model_compute && text_at(instruction, 3) == "main") {
        module.has_compute_main = true;
      }
      break;
    case op_type_int:
    case op_type_float:
    case op_type_vector:
    case op_type_matrix:
    case op_type_array:
    case op_type_struct:
    case op_type_pointer:
      module.types[word(instruction, 1)] = instruction;
      break;
    case op_constant:
      module.constants[word(instruction, 2)] = word(instruction, 3);
      break;
    case op_variable:
      if (word(instruction, 3) == storage_push_constant) {
        module.push_constant_type = word(instruction, 1);
      }
      break;
    case op_decorate:
      if (word(instruction, 2) == decoration_binding) module.binds = true;
      if (word(instruction, 2) == decoration_array_stride) {
        module.array_strides[word(instruction, 1)] = word(instruction, 3);
      }
      break;
    case op_member_decorate:
      decorate_member(module, instruction);
      break;
    default:
      break;
  }
}

/// The bytes of a type from its first to its last; 0 for what push constants can't hold. `depth`
/// bounds what a damaged module may nest.
std::uint32_t size_of(const Module& module, std::uint32_t type, std::uint32_t matrix_stride = 0,
                      int depth = 0) {
  const auto found = module.types.find(type);
  if (found == module.types.end() || depth > 16) return 0;
  const Words instruction = found->second;
  const std::uint32_t operand = word(instruction, 2);
  const std::uint32_t count = word(instruction, 3);
  switch (static_cast<std::uint16_t>(instruction[0])) {
    case op_type_int:
    case op_type_float:
      return operand / 8;
    case op_type_pointer:
      // Into a buffer, by its address.
      return 8;
    case op_type_vector:
      return size_of(module, operand, 0, depth + 1) * count;
    case op_type_matrix:
      return matrix_stride * count;
    case op_type_array: {
      const auto length = module.constants.find(count);
      const auto stride = module.array_strides.find(type);
      if (length == module.constants.end() || stride == module.array_strides.end()) return 0;
      if (length->second == 0) return 0;
      return stride->second * (length->second - 1) +
             size_of(module, operand, matrix_stride, depth + 1);
    }
    case op_type_struct: {
      const auto members = module.members.find(type);
      if (members == module.members.end()) return 0;
      std::uint32_t end = 0;
      for (std::size_t i = 0; i < members->second.size(); ++i) {
        const Member& member = members->second[i];
        end = std::max(end, member.offset + size_of(module, word(instruction, i + 2),
                                                    member.matrix_stride, depth + 1));
      }
      return end;
    }
    default:
      return 0;
  }
}

}  // namespace

Shader read_shader(const std::string& name, std::span<const std::uint32_t> words) {
  if (words.size() < header_size || words.front() != magic) {
    throw InvalidOption(
        fmt::format("kernel {}: the {} bytes given are no "
                    "SPIR-V, which starts with 0x{:08x}",
                    name, words.size_bytes(), magic));
  }
  Module module;
  std::uint16_t last = 0;
  for (std::size_t at = header_size; at < words.size();) {
    const std::size_t count = words[at] >> 16U;
    if (count == 0 || count > words.size() - at) {
      throw InvalidOption(
          fmt::format("kernel {}: the SPIR-V is cut short or damaged: the instruction at "
                      "byte {} has {} words, "
                      "{} are left",
                      name, at * sizeof(std::uint32_t), count, words.size() - at));
    }
    read_instruction(module, words.subspan(at, count));
    last = static_cast<std::uint16_t>(words[at]);
    at += count;
  }
  if (!module.has_compute_main) {
    throw InvalidOption(
        fmt::format("kernel {}: the SPIR-V has no compute entry point \"main\"", name));
  }
  if (last != op_function_end) {
    throw InvalidOption(
        fmt::format("kernel {}: the SPIR-V is cut short: it does not end with a function", name));
  }
  if (module.binds) {
    throw InvalidOption(
        fmt::format("kernel {}: the shader has a layout(binding = ...); a kernel finds its "
                    "data by addresses "
                    "among its push constants (GL_EXT_buffer_reference) and nothing else",
                    name));
  }
  Shader shader;
  const auto pointer = module.types.find(module.push_constant_type);
  if (pointer != module.types.end()) {
    shader.push_constant_size = size_of(module, word(pointer->second, 3));
  }
  return shader;
}

}  // namespace cbr::python
