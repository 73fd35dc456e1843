// Text from tokens that arrive one by one.
#pragma once

#include <string>

#include "decode/token_id.h"
#include "decode/tokenizer.h"
#include "decode/utf8_stream.h"

namespace cbr::decode {

/// Joins the bytes of tokens to text that may be shown at once: never half a character.
/// It refers to the tokenizer, which must outlive it. Special tokens give no text.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  /// Adds a token and returns the text that is now complete; often nothing.
  [[nodiscard]] std::string push(TokenId token);
  /// Ends the text: returns U+FFFD if a character was cut short, else nothing.
  [[nodiscard]] std::string finish();

 private:
  const Tokenizer* tokenizer_;
  Utf8Stream stream_;
};

}  // namespace cbr::decode
