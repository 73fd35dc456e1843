// Text to tokens and back, as a model's tokenizer.json says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "decode/added_tokens.h"
#include "decode/bpe.h"
#include "decode/split_pattern.h"
#include "decode/token_id.h"
#include "decode/tokenizer_file.h"

namespace cbr::decode {

/// A byte-level BPE tokenizer. Immutable, so several threads may use one at once. Move-only.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Throws InputError, in one line, as TokenizerFile::read() does.
  [[nodiscard]] static Tokenizer load(const std::filesystem::path& path);

  /// The tokens of `text`. Added tokens, special ones too, are recognised where their text stands.
  /// Throws InputError naming the byte offset if `text` is not valid UTF-8.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

  /// The bytes of one token, which may be part of a character: StreamDecoder joins them to text.
  /// Empty for special tokens, and for ids without a token: models may have more rows than the
  /// vocabulary has tokens. The bytes belong to the tokenizer.
  [[nodiscard]] std::string_view decode(TokenId token) const;

  /// Whether this is a control token such as the end of text.
  [[nodiscard]] bool is_special(TokenId token) const { return special_.contains(token); }

  /// One more than the highest token id; a model's vocab_size must be at least this.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  explicit Tokenizer(TokenizerFile file);

  void encode_raw(std::string_view text, std::vector<TokenId>& tokens) const;
  void encode_words(std::string_view text, std::vector<TokenId>& tokens) const;

  std::unordered_map<TokenId, std::string> bytes_of_;
  std::unordered_set<TokenId> special_;
  std::unordered_map<std::string, TokenId> whole_words_;  // only where merges are ignored for them
  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  std::vector<SplitPattern> splits_;
  Bpe bpe_;
  std::size_t size_ = 0;
  bool has_nfc_ = false;
};

}  // namespace cbr::decode
