// Tokens that are found in text as they stand, before it is cut into words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/text_span.h"
#include "decode/token_id.h"

namespace cbr::decode {

/// A text that is a token wherever it stands.
struct Literal {
  std::string content;  ///< not empty
  TokenId token = 0;
};

/// A set of literal tokens, searched all at once. Immutable.
///
/// It is the automaton of Aho and Corasick over the tokens read backwards. Run over a text from its
/// end, it knows at each byte the longest token that begins there, after a time in proportion to
/// the text whatever the tokens are. A search from the front would have to look again at what it
/// has passed whenever a long token breaks off.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// Of several with one content the last counts. Takes 13 bytes for each byte of the tokens.
  explicit AddedTokens(std::vector<Literal> literals);

  /// Cuts `text` at the tokens in it: from left to right, and of several that begin at one place
  /// the longest. Text spans between tokens are not empty.
  [[nodiscard]] std::vector<TextSpan> split(std::string_view text) const;

 private:
  struct Match {
    std::uint32_t length = 0;
    TokenId token = 0;
  };

  // The child of `node` along `byte`; 0, the root, if there is none.
  [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const;
  // The node after `byte`, of the longest beginning of a token that the text ends in.
  [[nodiscard]] std::uint32_t next(std::uint32_t node, unsigned char byte) const;
  void make_nodes(const std::vector<Literal>& backwards);
  void link_nodes();

  // Nodes are numbered level by level, so that the children of one stand together, by their bytes:
  // from first_child_[node] to first_child_[node + 1].
  std::vector<unsigned char> bytes_;
  std::vector<std::uint32_t> first_child_;
  // The node of the longest proper suffix that is a node.
  std::vector<std::uint32_t> suffix_;
  // The longest token that the node ends in, by its number in matches_.
  std::vector<std::uint32_t> match_;
  std::vector<Match> matches_;
  // child() of the root, where most of a text is.
  std::array<std::uint32_t, 256> first_level_{};
};

}  // namespace cbr::decode
