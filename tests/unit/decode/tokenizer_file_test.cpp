#include "decode/tokenizer_file.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "decode/tokenizer.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class TokenizerFileTest : public testing::Test {
 protected:
  // The error for that content, without the file's name at its front.
  [[nodiscard]] std::string error_of_text(const std::string& content) const {
    const auto path = directory.write("tokenizer.json", content);
    const std::string text =
        test::input_error_of([&] { static_cast<void>(Tokenizer::load(path)); });
    const std::string front = path.string() + ": ";
    EXPECT_THAT(text, testing::StartsWith(front));
    return text.substr(std::min(front.size(), text.size()));
  }

  // The error after the value at `pointer` was set.
  [[nodiscard]] std::string error_with(const char* pointer, const json& value) const {
    json file = document;
    file[json::json_pointer(pointer)] = value;
    return error_of_text(file.dump());
  }

  // The same after a key was removed.
  [[nodiscard]] std::string error_without(const char* pointer, const char* key) const {
    json file = document;
    file[json::json_pointer(pointer)].erase(key);
    return error_of_text(file.dump());
  }

  json document = {
      {"added_tokens", {{{"id", 3}, {"content", "<s>"}, {"special", true}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", "\\s+"}}}, {"behavior", "Isolated"}},
          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}}},
      {"model",
       {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
  test::TemporaryDirectory directory;
};

TEST_F(TokenizerFileTest, ReadsASmallFile) {
  const TokenizerFile file =
      TokenizerFile::read(directory.write("tokenizer.json", document.dump()));
  EXPECT_EQ(file.vocabulary.size(), 3);
  ASSERT_EQ(file.merges.size(), 1);
  EXPECT_EQ(file.merges[0].merged, 2);
  ASSERT_EQ(file.added_tokens.size(), 1);
  EXPECT_TRUE(file.added_tokens[0].is_special);
  ASSERT_EQ(file.splits.size(), 1);
  EXPECT_EQ(file.splits[0].pattern, "\\s+");
}

TEST_F(TokenizerFileTest, RefusesWhatIsNotATokenizer) {
  EXPECT_THAT(error_of_text("hello"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(error_of_text(""), HasSubstr("is not valid JSON"));
  EXPECT_EQ(error_of_text("[]"), "is an array of 0; expected a JSON object");
  EXPECT_THAT(error_of_text("{\"model\":" + std::string(100'000, '[')), HasSubstr("64 levels"));
  EXPECT_THAT(error_of_text("{}"), HasSubstr("pre_tokenizer: has no steps"));
  EXPECT_EQ(error_without("", "model"), "model: is missing");
  EXPECT_EQ(error_without("/model", "vocab"), "model.vocab: is missing");
  EXPECT_EQ(error_without("/model", "merges"), "model.merges: is missing");
}

TEST_F(TokenizerFileTest, RefusesWrongTypes) {
  EXPECT_EQ(error_with("/model", 3), "model: is 3; expected an object");
  EXPECT_EQ(error_with("/model/vocab", json::array()),
            "model.vocab: is an array of 0; expected an object");
  EXPECT_EQ(error_with("/model/merges", "x"), "model.merges: is \"x\"; expected an array");
  EXPECT_EQ(error_with("/model/vocab/a", "0"),
            "model.vocab.a: is \"0\"; expected an integer from 0 to 2147483647");
  EXPECT_EQ(error_with("/added_tokens", 1), "added_tokens: is 1; expected an array");
  EXPECT_EQ(error_with("/added_tokens/0", 1), "added_tokens[0]: is 1; expected an object");
  EXPECT_EQ(error_with("/added_tokens/0/content", 1),
            "added_tokens[0].content: is 1; expected a string");
  EXPECT_EQ(error_with("/added_tokens/0/content", ""),
            "added_tokens[0].content: is \"\"; expected text");
}

TEST_F(TokenizerFileTest, RefusesBadIds) {
  EXPECT_THAT(error_with("/model/vocab/a", -1), HasSubstr("model.vocab.a: is -1; expected"));
  EXPECT_THAT(error_with("/model/vocab/a", 2147483648),
              HasSubstr("model.vocab.a: is 2147483648; expected an integer from 0 to 2147483647"));
  EXPECT_THAT(error_with("/added_tokens/0/id", 2147483648),
              HasSubstr("added_tokens[0].id: is 2147483648"));
  EXPECT_EQ(error_with("/model/vocab/b", 2),
            "model.vocab.b: is 2, the id of \"ab\" too; expected one id each");
  EXPECT_EQ(error_with("/added_tokens/0/id", 1),
            "added_tokens[0].id: is 1, the id of \"b\" too; expected one id each");
  EXPECT_EQ(error_with("/added_tokens/0/content", "b"),
            "added_tokens[0].id: is 3, but \"b\" has the id 1 already");
  const json again = document["added_tokens"][0];
  EXPECT_EQ(error_with("/added_tokens/1", again), "added_tokens[1].id: is 3, which is added twice");
}

TEST_F(TokenizerFileTest, RefusesBadMerges) {
  EXPECT_EQ(error_with("/model/merges/0", "a z"),
            "model.merges[0]: needs the token \"z\", which is not in the vocabulary");
  EXPECT_EQ(error_with("/model/merges/0", {"b", "a"}),
            "model.merges[0]: needs the token \"ba\", which is not in the vocabulary");
  for (const json& merge : {json("ab"), json("a b c"), json(3), json({"a"}), json({"a", 1})}) {
    EXPECT_THAT(error_with("/model/merges/0", merge), HasSubstr("; expected two tokens"));
  }
}

TEST_F(TokenizerFileTest, RefusesABadPattern) {
  EXPECT_THAT(error_with("/pre_tokenizer/pretokenizers/0/pattern/Regex", "a)"),
              HasSubstr("pre_tokenizer.pretokenizers[0].pattern.Regex: is \"a)\", a bad pattern"));
  EXPECT_THAT(error_without("/pre_tokenizer/pretokenizers/0/pattern", "Regex"),
              HasSubstr("pattern.Regex: is missing"));
}

TEST_F(TokenizerFileTest, RefusesUnsupportedFeatures) {
  for (const char* flag : {"lstrip", "rstrip", "single_word"}) {
    EXPECT_EQ(error_with((std::string("/added_tokens/0/") + flag).c_str(), true),
              std::string("added_tokens[0].") + flag + ": is true, which is unsupported");
  }
  EXPECT_THAT(error_with("/model/type", "Unigram"), HasSubstr("model.type: is \"Unigram\""));
  EXPECT_THAT(error_with("/model/byte_fallback", true), HasSubstr("model.byte_fallback: is true"));
  EXPECT_THAT(error_with("/model/dropout", 0.1), HasSubstr("model.dropout: is 0.1"));
  EXPECT_THAT(error_with("/model/end_of_word_suffix", "</w>"), HasSubstr("is \"</w>\""));
  EXPECT_THAT(error_with("/normalizer", {{"type", "NFKC"}}),
              HasSubstr("normalizer.type: is \"NFKC\", which is unsupported; expected \"NFC\""));
  EXPECT_THAT(error_with("/pre_tokenizer", {{"type", "Whitespace"}}),
              HasSubstr("pre_tokenizer.type: is \"Whitespace\""));
  EXPECT_THAT(error_with("/pre_tokenizer/pretokenizers/1/add_prefix_space", true),
              HasSubstr("pretokenizers[1].add_prefix_space: is true"));
  EXPECT_THAT(error_with("/pre_tokenizer/pretokenizers/0/behavior", "Removed"),
              HasSubstr("pretokenizers[0].behavior: is \"Removed\""));
  EXPECT_THAT(error_with("/pre_tokenizer/pretokenizers/0/invert", true),
              HasSubstr("invert: is true"));
  EXPECT_THAT(error_with("/post_processor", {{"type", "RobertaProcessing"}}),
              HasSubstr("post_processor.type: is \"RobertaProcessing\""));
  EXPECT_THAT(error_with("/decoder", {{"type", "WordPiece"}}),
              HasSubstr("decoder.type: is \"WordPiece\""));
}

TEST_F(TokenizerFileTest, RefusesMoreSplitsThanAnyoneNeeds) {
  json& list = document["pre_tokenizer"]["pretokenizers"];
  list = json::array();
  for (int i = 0; i < 17; ++i) {
    list.push_back({{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Isolated"}});
  }
  list.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  EXPECT_EQ(error_of_text(document.dump()), "pre_tokenizer: has 18 steps; at most 17 are allowed");
}

}  // namespace
}  // namespace cbr::decode
