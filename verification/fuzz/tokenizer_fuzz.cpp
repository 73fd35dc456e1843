// A tokenizer.json and, behind a zero byte, a text for it. Tokens give the text back.
#include <string>
#include <string_view>

#include <cbr/errors.h>

#include "decode/tokenizer.h"
#include "decode/tokenizer_file.h"
#include "fuzz/foreign_file.h"
#include "fuzz/harness.h"

namespace cbr::fuzz {

void check(std::string_view input) {
  static const ForeignDirectory directory;
  const auto [file, text] = cut_at_zero(input);
  const auto path = directory.write("tokenizer.json", file);
  try {
    const decode::TokenizerFile parts = decode::TokenizerFile::read(path);
    const decode::Tokenizer tokenizer = decode::Tokenizer::load(path);
    std::string bytes;
    for (const decode::TokenId token : tokenizer.encode(text)) {
      require(token < tokenizer.size(), "a token is below the size");
      bytes += tokenizer.decode(token);
    }
    // Special tokens have no text, and an added token may stand for other bytes than the entry of
    // the vocabulary with its id.
    if (parts.added_tokens.empty() && !parts.has_nfc) {
      require(bytes == text, "tokens give the text back");
    }
  } catch (const InputError&) {
  }
}

}  // namespace cbr::fuzz
