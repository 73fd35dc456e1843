#include "decode/tokenizer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/byte_alphabet.h"
#include "decode/nfc.h"
#include "decode/utf8_stream.h"

namespace cbr::decode {
namespace {

ByteTokens find_byte_tokens(const TokenizerFile& file) {
  ByteTokens tokens;
  for (std::size_t byte = 0; byte < tokens.size(); ++byte) {
    const auto found = file.vocabulary.find(entry_of_byte(static_cast<unsigned char>(byte)));
    if (found != file.vocabulary.end()) tokens[byte] = found->second;
  }
  return tokens;
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(TokenizerFile::read(path));
}

Tokenizer::Tokenizer(TokenizerFile file)
    : bpe_(find_byte_tokens(file), file.merges), has_nfc_(file.has_nfc) {
  for (const auto& [entry, id] : file.vocabulary) {
    std::string bytes = bytes_of_entry(entry);
    if (file.ignores_merges) whole_words_.emplace(bytes, id);
    bytes_of_.emplace(id, std::move(bytes));
    size_ = std::max(size_, std::size_t{id} + 1);
  }
  for (const AddedToken& token : file.added_tokens) {
    const bool is_normalized = token.is_normalized && has_nfc_;
    if (is_normalized) {
      normalized_tokens_.add(to_nfc(token.content), token.id);
    } else {
      raw_tokens_.add(token.content, token.id);
    }
    if (token.is_special) special_.insert(token.id);
    // Text as it stands, not in the byte alphabet.
    bytes_of_.insert_or_assign(token.id, token.is_special ? std::string() : token.content);
    size_ = std::max(size_, std::size_t{token.id} + 1);
  }
  for (SplitRule& rule : file.splits) {
    splits_.emplace_back(rule.pattern, rule.is_literal, std::move(rule.place));
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  if (const auto offset = find_invalid_utf8(text)) {
    throw InputError(fmt::format("text: byte {} is 0x{:02x}; expected valid UTF-8", *offset,
                                 static_cast<unsigned char>(text[*offset])));
  }
  std::vector<TokenId> tokens;
  for (const TextSpan& span : raw_tokens_.split(text)) {
    if (span.token) {
      tokens.push_back(*span.token);
    } else {
      encode_raw(span.text, tokens);
    }
  }
  return tokens;
}

std::string_view Tokenizer::decode(TokenId token) const {
  const auto found = bytes_of_.find(token);
  return found != bytes_of_.end() ? std::string_view(found->second) : std::string_view();
}

void Tokenizer::encode_raw(std::string_view text, std::vector<TokenId>& tokens) const {
  const std::string normalized = has_nfc_ ? to_nfc(text) : std::string(text);
  for (const TextSpan& span : normalized_tokens_.split(normalized)) {
    if (span.token) {
      tokens.push_back(*span.token);
    } else {
      encode_words(span.text, tokens);
    }
  }
}

void Tokenizer::encode_words(std::string_view text, std::vector<TokenId>& tokens) const {
  std::vector<std::string_view> words{text};
  for (const SplitPattern& pattern : splits_) {
    std::vector<std::string_view> pieces;
    for (const std::string_view word : words) {
      const std::vector<std::string_view> parts = pattern.split(word);
      pieces.insert(pieces.end(), parts.begin(), parts.end());
    }
    words = std::move(pieces);
  }
  for (const std::string_view word : words) {
    const auto whole =
        whole_words_.empty() ? whole_words_.end() : whole_words_.find(std::string(word));
    if (whole != whole_words_.end()) {
      tokens.push_back(whole->second);
    } else {
      bpe_.encode(word, tokens);
    }
  }
}

}  // namespace cbr::decode
