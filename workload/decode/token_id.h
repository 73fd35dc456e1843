// The number of a token in a vocabulary.
#pragma once

#include <cstdint>

namespace cbr::decode {

using TokenId = std::uint32_t;

}  // namespace cbr::decode
