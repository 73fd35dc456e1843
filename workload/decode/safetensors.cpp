#include "decode/safetensors.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t longest_header = 100'000'000;
constexpr std::size_t most_dimensions = 16;

std::uint64_t read_header_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return length;
}

// Returns the header's JSON text. The length is bounded before anything is added to it.
std::string_view find_header(std::string_view text, std::span<const std::byte> bytes,
                             std::string_view file) {
  if (bytes.size() < length_bytes) {
    throw InputError(fmt::format("{}: has {} bytes; expected at least the {} of the header length",
                                 file, bytes.size(), length_bytes));
  }
  const std::uint64_t length = read_header_length(bytes);
  if (length > longest_header) {
    throw InputError(fmt::format("{}: the header length is {}; at most {} bytes are allowed", file,
                                 length, longest_header));
  }
  if (length > bytes.size() - length_bytes) {
    throw InputError(fmt::format("{}: the header length is {}, but only {} bytes follow", file,
                                 length, bytes.size() - length_bytes));
  }
  return text.substr(length_bytes, length);
}

Dtype read_dtype(const JsonObject& entry) {
  const std::string& name = entry.string("dtype");
  const auto dtype = dtype_from_name(name);
  if (!dtype) {
    entry.fail("dtype", fmt::format("is {}; expected BOOL, U8, I8, I16, U16, F16, BF16, I32, U32, "
                                    "F32, F64, I64 or U64",
                                    text::in_quotes(name)));
  }
  return *dtype;
}

std::uint64_t read_count(const JsonObject& entry, std::string_view key, const json& value) {
  if (!value.is_number_unsigned()) {
    entry.fail(key,
               fmt::format("holds {}; expected an integer from 0 to 2^64 - 1", describe(value)));
  }
  return value.get<std::uint64_t>();
}

std::vector<std::uint64_t> read_shape(const JsonObject& entry) {
  const json& list = entry.array("shape");
  if (list.size() > most_dimensions) {
    entry.fail("shape", fmt::format("has {} dimensions; at most {} are allowed", list.size(),
                                    most_dimensions));
  }
  std::vector<std::uint64_t> shape;
  for (const json& value : list) shape.push_back(read_count(entry, "shape", value));
  return shape;
}

// Bytes of a tensor, or an error when that exceeds 64 bits.
std::uint64_t byte_size(const JsonObject& entry, std::span<const std::uint64_t> shape,
                        Dtype dtype) {
  std::uint64_t size = size_of(dtype);
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(size, extent, &size)) {
      entry.fail("shape",
                 fmt::format("is {}, whose size in bytes exceeds 2^64 - 1", describe_shape(shape)));
    }
  }
  return size;
}

TensorView read_tensor(const std::string& name, const JsonObject& entry,
                       std::span<const std::byte> data) {
  TensorView tensor{name, read_dtype(entry), read_shape(entry), {}};
  const json& offsets = entry.array("data_offsets");
  if (offsets.size() != 2) {
    entry.fail("data_offsets", fmt::format("has {} values; expected 2", offsets.size()));
  }
  const std::uint64_t begin = read_count(entry, "data_offsets", offsets[0]);
  const std::uint64_t end = read_count(entry, "data_offsets", offsets[1]);
  if (begin > end || end > data.size()) {
    entry.fail("data_offsets", fmt::format("is [{}, {}]; expected a range within the file's {} "
                                           "bytes of data",
                                           begin, end, data.size()));
  }
  const std::uint64_t size = byte_size(entry, tensor.shape, tensor.dtype);
  if (end - begin != size) {
    entry.fail("data_offsets",
               fmt::format("is [{}, {}], {} bytes, but shape {} of {} takes {}", begin, end,
                           end - begin, describe_shape(tensor.shape), name_of(tensor.dtype), size));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

void check_overlap(const std::vector<TensorView>& tensors, std::span<const std::byte> data,
                   std::string_view file) {
  std::vector<const TensorView*> by_offset;
  for (const TensorView& tensor : tensors) {
    if (!tensor.bytes.empty()) by_offset.push_back(&tensor);
  }
  std::sort(by_offset.begin(), by_offset.end(), [](const TensorView* a, const TensorView* b) {
    return a->bytes.data() < b->bytes.data();
  });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const TensorView& before = *by_offset[i - 1];
    const TensorView& after = *by_offset[i];
    const auto end = before.bytes.data() + before.bytes.size() - data.data();
    const auto begin = after.bytes.data() - data.data();
    if (begin < end) {
      throw InputError(
          fmt::format("{}: tensor {} begins at byte {}, inside tensor {}, which ends "
                      "at {}",
                      file, text::in_quotes(after.name), begin, text::in_quotes(before.name), end));
    }
  }
}

}  // namespace

std::string describe_shape(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) {
  const std::string name = text::printable_path(path);
  const std::string_view header = find_header(file_.text(), file_.bytes(), name);
  const std::span<const std::byte> data = file_.bytes().subspan(length_bytes + header.size());
  const json document = parse_json_object(header, name);
  // The document's members are ordered by name, and so are the tensors: find() relies on it.
  for (const auto& [key, value] : document.items()) {
    const JsonObject entry(value, name, fmt::format("tensor {}", text::in_quotes(key)));
    if (key != "__metadata__") tensors_.push_back(read_tensor(key, entry, data));
  }
  check_overlap(tensors_, data, name);
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace cbr::decode
