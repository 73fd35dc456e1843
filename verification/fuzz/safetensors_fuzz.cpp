// Weights: every byte of every tensor lies in the file, whatever the header says.
#include <cstddef>
#include <cstdint>

#include <cbr/errors.h>

#include "decode/safetensors.h"
#include "fuzz/foreign_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const cbr::fuzz::ForeignDirectory directory;
  const auto path = directory.write("model.safetensors", cbr::fuzz::text_of(data, size));
  try {
    const cbr::decode::SafetensorsFile file(path);
    for (const cbr::decode::TensorView& tensor : file.tensors()) {
      std::uint64_t sum = 0;
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<std::uint64_t>(byte);
      cbr::fuzz::require(sum <= 255 * tensor.bytes.size(), "every byte can be read");
      cbr::fuzz::require(file.find(tensor.name) == &tensor, "a tensor is found by its name");
    }
  } catch (const cbr::InputError&) {
  }
  return 0;
}
