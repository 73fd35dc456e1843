#include "decode/stream_decoder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

// The recorded text of every case, from its tokens one by one.
TEST(StreamDecoder, GivesTheRecordedTexts) {
  const Tokenizer tokenizer = Tokenizer::load(test::shipped_model() / "tokenizer.json");
  const nlohmann::json golden = test::read_json(test::shipped_model() / "golden.json");
  ASSERT_EQ(golden["cases"].size(), 16);
  for (const nlohmann::json& test_case : golden["cases"]) {
    StreamDecoder decoder(tokenizer);
    std::string text;
    for (const TokenId token : test_case["greedy_tokens"]) text += decoder.push(token);
    text += decoder.finish();
    EXPECT_EQ(text, test_case["text"].get<std::string>());
  }
}

class ByteStreamDecoderTest : public testing::Test {
 protected:
  ByteStreamDecoderTest() { build_model(directory.path(), test::ModelSpec()); }

  // The built tokenizer has no merges, so every byte comes alone.
  test::TemporaryDirectory directory;
};

TEST_F(ByteStreamDecoderTest, NeverGivesHalfAnEmoji) {
  const Tokenizer tokenizer = Tokenizer::load(directory.path() / "tokenizer.json");
  const std::string text = "a👩‍👩‍👧é\n";
  StreamDecoder decoder(tokenizer);
  std::string joined;
  for (const TokenId token : tokenizer.encode(text)) {
    const std::string part = decoder.push(token);
    EXPECT_FALSE(find_invalid_utf8(part).has_value());
    EXPECT_EQ(part.find("\xEF\xBF\xBD"), std::string::npos);
    joined += part;
  }
  EXPECT_EQ(joined + decoder.finish(), text);
}

TEST_F(ByteStreamDecoderTest, EndsABrokenTextWithAReplacement) {
  const Tokenizer tokenizer = Tokenizer::load(directory.path() / "tokenizer.json");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(1 + 0xF0), "");
  EXPECT_EQ(decoder.push(1 + 0x9F), "");
  EXPECT_EQ(decoder.push(0), "");
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD");
}

TEST_F(ByteStreamDecoderTest, GivesNoTextForSpecialAndUnknownTokens) {
  const Tokenizer tokenizer = Tokenizer::load(directory.path() / "tokenizer.json");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(0), "");
  EXPECT_EQ(decoder.push(100'000), "");
  EXPECT_EQ(decoder.push(1 + 'x'), "x");
}

}  // namespace
}  // namespace cbr::decode
