// Text on its way to tokens.
#pragma once

#include <optional>
#include <string_view>

#include "decode/token_id.h"

namespace cbr::decode {

/// A stretch of text: a token, or text that is still to be cut.
struct TextSpan {
  std::string_view text;
  std::optional<TokenId> token;
};

}  // namespace cbr::decode
