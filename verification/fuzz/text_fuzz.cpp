// Text and bytes that are to become text.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "decode/nfc.h"
#include "decode/utf8_stream.h"
#include "fuzz/harness.h"
#include "text/printable.h"

namespace cbr::fuzz {
namespace {

// The bytes through a stream, in pieces of that size.
std::string streamed(std::string_view bytes, std::size_t piece) {
  decode::Utf8Stream stream;
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += piece) text += stream.push(bytes.substr(i, piece));
  return text + stream.finish();
}

}  // namespace

void check(std::string_view input) {
  const std::string text = streamed(input, input.size() + 1);
  require(!decode::find_invalid_utf8(text), "a stream gives valid UTF-8");
  require(streamed(input, 1) == text && streamed(input, 3) == text,
          "it does not matter how a stream is cut");
  require(decode::find_invalid_utf8(input) || text == input, "valid text stays as it is");

  const std::string normal = decode::to_nfc(text);
  require(!decode::find_invalid_utf8(normal), "normalized text is valid UTF-8");
  require(decode::to_nfc(normal) == normal, "normalized text stays as it is");

  const std::string shown = text::in_quotes(input);
  require(!decode::find_invalid_utf8(shown), "a message is valid UTF-8");
  require(std::none_of(shown.begin(), shown.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
          "a message is one line");
}

}  // namespace cbr::fuzz
