// Weights: every byte of every tensor lies in the file, whatever the header says.
#include <cstdint>
#include <string_view>

#include <cbr/errors.h>

#include "decode/safetensors.h"
#include "fuzz/foreign_file.h"
#include "fuzz/harness.h"

namespace cbr::fuzz {

void check(std::string_view input) {
  static const ForeignDirectory directory;
  const auto path = directory.write("model.safetensors", input);
  try {
    const decode::SafetensorsFile file(path);
    for (const decode::TensorView& tensor : file.tensors()) {
      std::uint64_t sum = 0;
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<std::uint64_t>(byte);
      require(sum <= 255 * tensor.bytes.size(), "every byte can be read");
      require(file.find(tensor.name) == &tensor, "a tensor is found by its name");
    }
  } catch (const InputError&) {
  }
}

}  // namespace cbr::fuzz
