#include "decode/tokenizer.h"

#include <chrono>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using nlohmann::json;
using testing::ElementsAre;

class TokenizerTest : public testing::Test {
 protected:
  [[nodiscard]] Tokenizer load() const {
    return Tokenizer::load(directory.write("tokenizer.json", document.dump()));
  }

  // The text cut at the tokens of `tokenizer`, "a|b|c"; special tokens as "<id>".
  static std::string cut(const Tokenizer& tokenizer, std::string_view text) {
    std::string result;
    for (const TokenId token : tokenizer.encode(text)) {
      if (!result.empty()) result += '|';
      result += tokenizer.is_special(token) ? "<" + std::to_string(token) + ">"
                                            : std::string(tokenizer.decode(token));
    }
    return result;
  }

  // Joins the bytes of tokens of one word with merges for the given words, letter by letter.
  void add_word(const std::string& word) {
    json& vocabulary = document["model"]["vocab"];
    for (std::size_t size = 2; size <= word.size(); ++size) {
      const std::string longer = word.substr(0, size);
      if (vocabulary.contains(longer)) continue;
      vocabulary[longer] = 10'000 + vocabulary.size();
      document["model"]["merges"].push_back({word.substr(0, size - 1), word.substr(size - 1, 1)});
    }
  }

  json document = test::read_json(test::shipped_model() / "tokenizer.json");
  test::TemporaryDirectory directory;
};

TEST_F(TokenizerTest, EncodesTheRecordedPrompts) {
  const Tokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.size(), 4096);
  const json golden = test::read_json(test::shipped_model() / "golden.json");
  ASSERT_EQ(golden["cases"].size(), 16);
  for (const json& test_case : golden["cases"]) {
    EXPECT_EQ(tokenizer.encode(test_case["prompt"].get<std::string>()),
              test_case["prompt_tokens"].get<std::vector<TokenId>>());
  }
}

TEST_F(TokenizerTest, ReadsMergesWrittenAsText) {
  for (json& merge : document["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  EXPECT_THAT(load().encode("And God called the firmament"),
              ElementsAre(299, 390, 798, 261, 277, 2564, 3631));
}

TEST_F(TokenizerTest, GivesBackEveryText) {
  const Tokenizer tokenizer = load();
  for (const char* text :
       {"", " ", "don't I'LL we've", "a\r\nb\r\n\r\n", "  \t two   spaces \n\n x", "naïve 漢字 ١٢٣",
        "👩‍👩‍👧 ok", "e\u0301", "12345 6.7", "\u00A0\u2003x"}) {
    std::string bytes;
    for (const TokenId token : tokenizer.encode(text)) bytes += tokenizer.decode(token);
    EXPECT_EQ(bytes, text);
  }
}

TEST_F(TokenizerTest, CutsContractionsDigitsAndWhitespaceAsTheModelsPatternSays) {
  // Merges that would join over a cut, were there none.
  for (const char* word : {"n'", "12", "\u010A\u010A"}) {
    if (std::string_view(word).size() == 2) add_word(word);
  }
  const Tokenizer tokenizer = load();
  EXPECT_EQ(cut(tokenizer, "12"), "1|2");
  const std::string contraction = cut(tokenizer, "can't");
  EXPECT_EQ(contraction.find("n'"), std::string::npos) << contraction;
  // Of three spaces the last goes with the word.
  EXPECT_EQ(tokenizer.encode("   the").back(), tokenizer.encode(" the").front());
}

TEST_F(TokenizerTest, UsesTheGpt2PatternForByteLevelWithRegex) {
  document["pre_tokenizer"] = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  add_word("12");
  const Tokenizer tokenizer = load();
  EXPECT_EQ(cut(tokenizer, "12"), "12");
}

TEST_F(TokenizerTest, FindsAddedTokensLongestFirst) {
  const auto added = [](TokenId id, const char* content, bool special) {
    return json{{"id", id}, {"content", content}, {"special", special}, {"normalized", false}};
  };
  document["added_tokens"].push_back(added(5000, "<|im", true));
  document["added_tokens"].push_back(added(5001, "<tool>", false));
  const Tokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.size(), 5002);
  EXPECT_EQ(cut(tokenizer, "<|im_start|>a<|im|<tool>"), "<1>|a|<5000>|||<tool>");
  EXPECT_EQ(tokenizer.decode(5001), "<tool>");
  EXPECT_EQ(tokenizer.decode(5000), "");
  EXPECT_TRUE(tokenizer.is_special(5000));
  EXPECT_FALSE(tokenizer.is_special(5001));
}

TEST_F(TokenizerTest, NormalizesOnlyWhereTheFileSaysSo) {
  const std::string apart = "e\u0301";
  const std::string together = "\u00E9";
  const std::vector<TokenId> composed = load().encode(together);
  EXPECT_NE(load().encode(apart), composed);
  document["normalizer"] = {{"type", "NFC"}};
  EXPECT_EQ(load().encode(apart), composed);
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  EXPECT_EQ(load().encode(apart), composed);
}

TEST_F(TokenizerTest, LooksForNormalizedTokensInTheNormalizedText) {
  document["normalizer"] = {{"type", "NFC"}};
  document["added_tokens"].push_back({{"id", 5000}, {"content", "\u00E9!"}, {"normalized", true}});
  document["added_tokens"].push_back({{"id", 5001}, {"content", "\u00E9?"}, {"normalized", false}});
  const Tokenizer tokenizer = load();
  EXPECT_THAT(tokenizer.encode("e\u0301!"), ElementsAre(5000));
  EXPECT_THAT(tokenizer.encode("\u00E9?"), ElementsAre(5001));
  EXPECT_THAT(tokenizer.encode("e\u0301?"), testing::Not(testing::Contains(5001)));
}

TEST_F(TokenizerTest, TakesAWordThatIsATokenWholeWhereMergesAreIgnored) {
  document["model"]["vocab"]["zqzq"] = 6000;
  EXPECT_THAT(load().encode("zqzq"), testing::Not(ElementsAre(6000)));
  document["model"]["ignore_merges"] = true;
  EXPECT_THAT(load().encode("zqzq"), ElementsAre(6000));
}

TEST_F(TokenizerTest, NamesTheOffsetOfBrokenText) {
  const Tokenizer tokenizer = load();
  EXPECT_EQ(test::input_error_of([&] { static_cast<void>(tokenizer.encode("abc\xFFz")); }),
            "text: byte 3 is 0xff; expected valid UTF-8");
}

TEST_F(TokenizerTest, EncodesAMegabyteInGoodTime) {
  const Tokenizer tokenizer = load();
  std::string text;
  while (text.size() < 1'000'000) text += "And it came to pass in those days, that été 漢字 12.\n";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_GT(tokenizer.encode(text).size(), 100'000);
  const auto one_word = tokenizer.encode(std::string(1'000'000, 'a'));
  EXPECT_GT(one_word.size(), 1000);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace cbr::decode
