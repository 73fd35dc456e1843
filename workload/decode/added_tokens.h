// Tokens that are found in text as they stand, before it is cut into words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "decode/token_id.h"

namespace cbr::decode {

/// A stretch of text: a token, or text between tokens.
struct TextSpan {
  std::string_view text;
  std::optional<TokenId> token;
};

/// A set of literal tokens, searched all at once. Immutable after the last add().
class AddedTokens {
 public:
  AddedTokens() : nodes_(1) {}

  /// Adds a token. `content` must not be empty.
  void add(std::string_view content, TokenId token);

  /// Cuts `text` at the tokens in it: from left to right, and of several that begin at one place
  /// the longest. Text spans between tokens are not empty.
  [[nodiscard]] std::vector<TextSpan> split(std::string_view text) const;

 private:
  // A node of a trie over bytes; an edge is the index of another node.
  struct Node {
    std::map<char, std::uint32_t> edges;
    std::optional<TokenId> token;
  };

  [[nodiscard]] TextSpan longest_at_front(std::string_view text) const;

  std::vector<Node> nodes_;
};

}  // namespace cbr::decode
