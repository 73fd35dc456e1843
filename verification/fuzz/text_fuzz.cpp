// Text and bytes that are to become text.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "decode/nfc.h"
#include "decode/utf8_stream.h"
#include "fuzz/foreign_file.h"
#include "text/printable.h"

namespace {

// The bytes through a stream, in pieces of that size.
std::string streamed(std::string_view bytes, std::size_t piece) {
  cbr::decode::Utf8Stream stream;
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += piece) text += stream.push(bytes.substr(i, piece));
  return text + stream.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cbr;
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::string text = streamed(bytes, bytes.size() + 1);
  fuzz::require(!decode::find_invalid_utf8(text), "a stream gives valid UTF-8");
  fuzz::require(streamed(bytes, 1) == text && streamed(bytes, 3) == text,
                "it does not matter how a stream is cut");
  fuzz::require(decode::find_invalid_utf8(bytes) || text == bytes, "valid text stays as it is");

  const std::string normal = decode::to_nfc(text);
  fuzz::require(!decode::find_invalid_utf8(normal), "normalized text is valid UTF-8");
  fuzz::require(decode::to_nfc(normal) == normal, "normalized text stays as it is");

  const std::string shown = text::in_quotes(bytes);
  fuzz::require(!decode::find_invalid_utf8(shown), "a message is valid UTF-8");
  fuzz::require(std::none_of(shown.begin(), shown.end(),
                             [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
                "a message is one line");
  return 0;
}
