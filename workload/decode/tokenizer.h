// Text to tokens and back, as a model's tokenizer.json says.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decode/added_tokens.h"
#include "decode/bpe.h"
#include "decode/split_pattern.h"
#include "decode/text_span.h"
#include "decode/token_id.h"
#include "decode/tokenizer_file.h"
#include "decode/vocabulary.h"

namespace cbr::decode {

/// A byte-level BPE tokenizer. Immutable, so several threads may use one at once. Move-only.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Throws InputError, in one line, as TokenizerFile::read() does.
  [[nodiscard]] static Tokenizer load(const std::filesystem::path& path);

  /// The tokens of `text`. Added tokens, special ones too, are recognised where their text stands.
  /// Takes time and memory in proportion to the text.
  /// Throws InputError naming the byte offset if `text` is not valid UTF-8, and if the file's
  /// patterns take more steps than SplitBudget allows for a text of that length.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

  /// The bytes of one token, which may be part of a character: StreamDecoder joins them to text.
  /// Empty for special tokens, and for ids without a token: models may have more rows than the
  /// vocabulary has tokens. The bytes belong to the tokenizer.
  [[nodiscard]] std::string_view decode(TokenId token) const;

  /// Whether this is a control token such as the end of text.
  [[nodiscard]] bool is_special(TokenId token) const;

  /// The token with that text: an added token, or an entry of the vocabulary as the file writes it.
  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;

  /// The tokens that the file puts before a text as a whole, which encode() does not.
  [[nodiscard]] const std::vector<TokenId>& prompt_prefix() const { return prompt_prefix_; }

  /// One more than the highest token id; a model's vocab_size must be at least this.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  explicit Tokenizer(TokenizerFile file);

  struct Token {
    std::string bytes;
    bool is_special = false;
  };

  [[nodiscard]] std::vector<TextSpan> find_added_tokens(std::string_view text,
                                                        std::deque<std::string>& normalized) const;
  void encode_word(std::string_view word, std::vector<TokenId>& tokens) const;

  // Ordered, not hashed: ids and words are the file's choice.
  std::map<TokenId, Token> tokens_;
  std::map<std::string, TokenId, std::less<>> added_;
  Vocabulary vocabulary_;
  std::map<std::string, TokenId, std::less<>>
      whole_words_;  // only where merges are ignored for them
  std::vector<TokenId> prompt_prefix_;
  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  std::vector<SplitPattern> splits_;
  Bpe bpe_;
  std::size_t size_ = 0;
  bool has_nfc_ = false;
};

}  // namespace cbr::decode
