#include "decode/half.h"

#include <bit>
#include <cmath>

namespace cbr::decode {
namespace {

constexpr std::uint32_t half_mantissa_bits = 10;
constexpr std::uint32_t float_mantissa_bits = 23;
constexpr std::uint32_t mantissa_shift = float_mantissa_bits - half_mantissa_bits;
constexpr std::uint32_t exponent_shift = 127 - 15;
constexpr float smallest_half = 0x1p-24F;

}  // namespace

float float_from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> half_mantissa_bits) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * smallest_half;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1f ? 0xff : exponent + exponent_shift;
  return std::bit_cast<float>(sign | (wide_exponent << float_mantissa_bits) |
                              (mantissa << mantissa_shift));
}

float float_from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

std::uint16_t half_from_float(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  // 65520 lies half-way between the largest half and the next power of two; the tie goes up.
  if (magnitude >= 65520.0F) return sign | 0x7c00;
  // Below 2^-14 a half counts in steps of 2^-24.
  if (magnitude < 0x1p-14F) {
    return sign | static_cast<std::uint16_t>(std::nearbyint(magnitude / smallest_half));
  }
  const auto wide = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t odd = (wide >> mantissa_shift) & 1U;
  const std::uint32_t rounded = wide + (1U << (mantissa_shift - 1)) - 1 + odd;
  return sign | static_cast<std::uint16_t>((rounded >> mantissa_shift) -
                                           (exponent_shift << half_mantissa_bits));
}

std::uint16_t bfloat16_from_float(float value) {
  const auto wide = std::bit_cast<std::uint32_t>(value);
  // Rounding could carry a NaN into an infinity, so a NaN only keeps its upper half.
  if (std::isnan(value)) return static_cast<std::uint16_t>((wide >> 16U) | 0x40U);
  return static_cast<std::uint16_t>((wide + 0x7fffU + ((wide >> 16U) & 1U)) >> 16U);
}

}  // namespace cbr::decode
