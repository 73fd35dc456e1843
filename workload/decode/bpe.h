// Byte-pair encoding of one word.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "decode/token_id.h"

namespace cbr::decode {

/// One rule: `left` followed by `right` becomes `merged`.
struct Merge {
  TokenId left = 0;
  TokenId right = 0;
  TokenId merged = 0;
};

/// The token of each single byte, where there is one.
using ByteTokens = std::array<std::optional<TokenId>, 256>;

/// Applies merges to words. Immutable, so several threads may encode at once.
class Bpe {
 public:
  /// Earlier merges go first. Of two for the same pair the later one counts.
  Bpe(const ByteTokens& byte_tokens, const std::vector<Merge>& merges);

  /// Appends the tokens of `word` to `tokens`: always applies the earliest merge that fits, the
  /// leftmost first. Takes O(n log n) time for n bytes.
  /// Throws InputError if a byte of `word` has no token.
  void encode(std::string_view word, std::vector<TokenId>& tokens) const;

 private:
  struct Rule {
    std::uint32_t rank = 0;
    TokenId merged = 0;
  };

  [[nodiscard]] const Rule* find(TokenId left, TokenId right) const;

  ByteTokens byte_tokens_;
  // Each pair's two tokens as one number, in order, and the rule of each. Not hashed: whoever
  // writes a tokenizer chooses its ids, and could choose such as all fall into one bucket.
  std::vector<std::uint64_t> pairs_;
  std::vector<Rule> rules_;
};

}  // namespace cbr::decode
