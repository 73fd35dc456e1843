#include "decode/stream_decoder.h"

namespace cbr::decode {

std::string StreamDecoder::push(TokenId token) {
  return stream_.push(tokenizer_->decode(token));
}

std::string StreamDecoder::finish() {
  return stream_.finish();
}

}  // namespace cbr::decode
