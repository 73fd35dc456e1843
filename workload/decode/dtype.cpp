#include "decode/dtype.h"

#include <array>
#include <cstddef>

namespace cbr::decode {
namespace {

struct DtypeFacts {
  Dtype dtype;
  std::string_view name;
  std::uint64_t size;
};

// In the order of the enumeration, which indexes it.
constexpr std::array<DtypeFacts, 13> dtypes{{
    {Dtype::boolean, "BOOL", 1},
    {Dtype::u8, "U8", 1},
    {Dtype::i8, "I8", 1},
    {Dtype::i16, "I16", 2},
    {Dtype::u16, "U16", 2},
    {Dtype::f16, "F16", 2},
    {Dtype::bf16, "BF16", 2},
    {Dtype::i32, "I32", 4},
    {Dtype::u32, "U32", 4},
    {Dtype::f32, "F32", 4},
    {Dtype::f64, "F64", 8},
    {Dtype::i64, "I64", 8},
    {Dtype::u64, "U64", 8},
}};

}  // namespace

std::uint64_t size_of(Dtype dtype) {
  return dtypes.at(static_cast<std::size_t>(dtype)).size;
}

std::string_view name_of(Dtype dtype) {
  return dtypes.at(static_cast<std::size_t>(dtype)).name;
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (const DtypeFacts& facts : dtypes) {
    if (facts.name == name) return facts.dtype;
  }
  return std::nullopt;
}

}  // namespace cbr::decode
