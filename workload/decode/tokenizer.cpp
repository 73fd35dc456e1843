#include "decode/tokenizer.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/byte_alphabet.h"
#include "decode/nfc.h"
#include "decode/split_budget.h"
#include "decode/utf8_stream.h"

namespace cbr::decode {
namespace {

ByteTokens find_byte_tokens(const TokenizerFile& file) {
  ByteTokens tokens;
  for (std::size_t byte = 0; byte < tokens.size(); ++byte) {
    tokens[byte] = file.vocabulary.id_of(entry_of_byte(static_cast<unsigned char>(byte)));
  }
  return tokens;
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(TokenizerFile::read(path));
}

Tokenizer::Tokenizer(TokenizerFile file)
    : prompt_prefix_(std::move(file.prompt_prefix)),
      bpe_(find_byte_tokens(file), file.merges),
      has_nfc_(file.has_nfc) {
  for (const std::uint32_t i : file.vocabulary.by_id()) {
    const auto& [entry, id] = file.vocabulary.entries()[i];
    std::string bytes = bytes_of_entry(entry);
    if (file.ignores_merges) whole_words_.emplace(bytes, id);
    tokens_.emplace_hint(tokens_.end(), id, Token{.bytes = std::move(bytes)});
  }
  std::vector<Literal> raw;
  std::vector<Literal> normalized;
  for (AddedToken& token : file.added_tokens) {
    if (token.is_normalized && has_nfc_) {
      normalized.push_back({to_nfc(token.content), token.id});
    } else {
      raw.push_back({token.content, token.id});
    }
    added_.emplace(token.content, token.id);
    // Text as it stands, not in the byte alphabet.
    tokens_[token.id] = {.bytes = token.is_special ? std::string() : std::move(token.content),
                         .is_special = token.is_special};
  }
  raw_tokens_ = AddedTokens(std::move(raw));
  normalized_tokens_ = AddedTokens(std::move(normalized));
  for (SplitRule& rule : file.splits) {
    splits_.emplace_back(rule.pattern, rule.is_literal, std::move(rule.place));
  }
  if (!tokens_.empty()) size_ = std::size_t{tokens_.rbegin()->first} + 1;
  vocabulary_ = std::move(file.vocabulary);
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  if (const auto offset = find_invalid_utf8(text)) {
    throw InputError(fmt::format("text: byte {} is 0x{:02x}; expected valid UTF-8", *offset,
                                 static_cast<unsigned char>(text[*offset])));
  }
  std::deque<std::string> normalized;
  std::vector<TextSpan> spans = find_added_tokens(text, normalized);
  SplitBudget budget(text.size());
  for (const SplitPattern& pattern : splits_) spans = pattern.split(spans, budget);
  std::vector<TokenId> tokens;
  for (const TextSpan& span : spans) {
    if (span.token) {
      tokens.push_back(*span.token);
    } else {
      encode_word(span.text, tokens);
    }
  }
  return tokens;
}

std::string_view Tokenizer::decode(TokenId token) const {
  const auto found = tokens_.find(token);
  return found != tokens_.end() ? std::string_view(found->second.bytes) : std::string_view();
}

bool Tokenizer::is_special(TokenId token) const {
  const auto found = tokens_.find(token);
  return found != tokens_.end() && found->second.is_special;
}

std::optional<TokenId> Tokenizer::find(std::string_view text) const {
  const auto added = added_.find(text);
  return added != added_.end() ? added->second : vocabulary_.id_of(text);
}

// `normalized` keeps the texts that the spans lie in and that are not part of `text`.
std::vector<TextSpan> Tokenizer::find_added_tokens(std::string_view text,
                                                   std::deque<std::string>& normalized) const {
  std::vector<TextSpan> raw = raw_tokens_.split(text);
  if (!has_nfc_) return raw;
  std::vector<TextSpan> spans;
  for (const TextSpan& span : raw) {
    if (span.token) {
      spans.push_back(span);
      continue;
    }
    const std::vector<TextSpan> parts =
        normalized_tokens_.split(normalized.emplace_back(to_nfc(span.text)));
    spans.insert(spans.end(), parts.begin(), parts.end());
  }
  return spans;
}

void Tokenizer::encode_word(std::string_view word, std::vector<TokenId>& tokens) const {
  const auto whole = whole_words_.find(word);
  if (whole != whole_words_.end()) {
    tokens.push_back(whole->second);
  } else {
    bpe_.encode(word, tokens);
  }
}

}  // namespace cbr::decode
