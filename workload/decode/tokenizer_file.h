// What a tokenizer.json says, checked and free of JSON.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "decode/bpe.h"
#include "decode/token_id.h"
#include "decode/vocabulary.h"

namespace cbr::decode {

/// A token that is found in text as it stands.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool is_special = false;     ///< a control token: no text when decoded
  bool is_normalized = false;  ///< looked for in the normalized text, not in the raw one
};

/// A pattern that cuts text into words.
struct SplitRule {
  std::string pattern;
  bool is_literal = false;
  std::string place;  ///< for error messages: file and place in it
};

/// The parts of a byte-level BPE tokenizer.
struct TokenizerFile {
  Vocabulary vocabulary;
  std::vector<Merge> merges;  ///< in order of rank
  std::vector<AddedToken> added_tokens;
  std::vector<SplitRule> splits;       ///< each applies to the pieces of the one before
  bool has_nfc = false;                ///< text is put in normalization form C first
  std::vector<TokenId> prompt_prefix;  ///< tokens that a text as a whole begins with
  bool ignores_merges = false;         ///< a word that is itself a token is not merged up

  /// Reads a tokenizer.json. Throws InputError naming the file, the place, the value and what is
  /// allowed: if the file is broken, contradicts itself or asks for what is not supported.
  [[nodiscard]] static TokenizerFile read(const std::filesystem::path& path);
};

}  // namespace cbr::decode
