// Conversion between 32-bit floats and the two 16-bit formats of model files, as bit patterns.
#pragma once

#include <cstdint>

namespace cbr::decode {

/// IEEE binary16 to float. Exact, subnormals, infinities and NaN included.
[[nodiscard]] float float_from_half(std::uint16_t bits);

/// bfloat16 to float. Exact.
[[nodiscard]] float float_from_bfloat16(std::uint16_t bits);

/// float to IEEE binary16, to nearest, ties to even; too large a value becomes infinity.
[[nodiscard]] std::uint16_t half_from_float(float value);

/// float to bfloat16, to nearest, ties to even.
[[nodiscard]] std::uint16_t bfloat16_from_float(float value);

}  // namespace cbr::decode
