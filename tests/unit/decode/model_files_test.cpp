#include "decode/model_files.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/model_builder.h"
#include "support/model_fixture.h"

namespace cbr::decode {
namespace {

using test::input_error_of;
using ::testing::HasSubstr;

/// A small model: a token for each byte, and a context of 128 positions.
class ModelFilesTest : public ::testing::Test {
 protected:
  ModelFilesTest() { test::build_model(directory_.path(), {}); }

  test::TemporaryDirectory directory_;
};

TEST_F(ModelFilesTest, RefuseMoreTokensThanTheVocabularyHas) {
  test::ModelSpec spec;
  spec.vocab_size = 257;
  const test::TemporaryDirectory other;
  test::build_model(other.path(), spec);
  EXPECT_EQ(ModelFiles::open(other.path()).tokenizer.size(), 257U);
  nlohmann::json tokenizer = test::read_json(other.path() / "tokenizer.json");
  tokenizer["added_tokens"].push_back({{"id", 257}, {"content", "<extra>"}, {"special", true}});
  (void)other.write("tokenizer.json", tokenizer.dump());
  EXPECT_THAT(input_error_of([&] { (void)ModelFiles::open(other.path()); }),
              HasSubstr("tokenizer.json: has 258 tokens; the model's vocabulary has 257"));
}

TEST_F(ModelFilesTest, TurnAPromptIntoTokens) {
  const ModelFiles files = ModelFiles::open(directory_.path());
  EXPECT_EQ(files.tokens_of("prompt", "AB"), (std::vector<TokenId>{66, 67}));
}

TEST_F(ModelFilesTest, NameTheSourceOfABadPrompt) {
  const ModelFiles files = ModelFiles::open(directory_.path());
  EXPECT_EQ(input_error_of([&] { (void)files.tokens_of("--prompt", ""); }),
            "--prompt: the prompt is empty");
  EXPECT_EQ(input_error_of([&] { (void)files.tokens_of("p.txt", std::string(129, 'a')); }),
            "p.txt: the prompt has 129 tokens; the model's context holds 128");
  EXPECT_EQ(files.tokens_of("p.txt", std::string(128, 'a')).size(), 128U);
  EXPECT_THAT(input_error_of([&] { (void)files.tokens_of("p.txt", "\xff"); }),
              ::testing::StartsWith("p.txt: "));
}

TEST_F(ModelFilesTest, NeedRoomForTheLongestPromptAndItsAnswer) {
  const ModelFiles files = ModelFiles::open(directory_.path());
  EXPECT_EQ(files.capacity_for({{1, 2}, {1, 2, 3}, {1}}, 10), 13U);
  EXPECT_EQ(files.capacity_for({{1, 2, 3}}, 1000), 128U);
}

TEST_F(ModelFilesTest, StopAtTheEndTokenOfTheTokenizersConfiguration) {
  const auto end_tokens = [this] {
    return ModelFiles::open(directory_.path()).directory.config().eos_token_ids;
  };
  (void)directory_.write("tokenizer_config.json", R"({"eos_token": "A"})");
  EXPECT_EQ(end_tokens(), (std::vector<TokenId>{0, 66}));
  (void)directory_.write("tokenizer_config.json",
                         R"({"eos_token": {"__type": "AddedToken", "content": "B"}})");
  EXPECT_EQ(end_tokens(), (std::vector<TokenId>{0, 67}));
  // A token that the vocabulary lacks never comes.
  (void)directory_.write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  EXPECT_EQ(end_tokens(), (std::vector<TokenId>{0}));
  (void)directory_.write("tokenizer_config.json", R"({"eos_token": null})");
  (void)directory_.write("special_tokens_map.json", R"({"eos_token": {"content": "C"}})");
  EXPECT_EQ(end_tokens(), (std::vector<TokenId>{0, 68}));
  (void)directory_.write("tokenizer_config.json", R"({"eos_token": 7})");
  EXPECT_THAT(input_error_of(end_tokens),
              HasSubstr("tokenizer_config.json: eos_token: is 7; expected a string"));
}

TEST_F(ModelFilesTest, PutTheBeginTokenBeforeAPromptWhereItIsAskedFor) {
  const auto tokens = [this](std::string_view prompt) {
    return ModelFiles::open(directory_.path()).tokens_of("prompt", prompt);
  };
  const auto error = [&](std::string_view config) {
    (void)directory_.write("tokenizer_config.json", config);
    return input_error_of([&] { (void)ModelFiles::open(directory_.path()); });
  };
  (void)directory_.write("tokenizer_config.json", R"({"bos_token": "<|endoftext|>"})");
  EXPECT_EQ(tokens("AB"), (std::vector<TokenId>{66, 67}));
  (void)directory_.write("tokenizer_config.json",
                         R"({"bos_token": "<|endoftext|>", "add_bos_token": true})");
  EXPECT_EQ(tokens("AB"), (std::vector<TokenId>{0, 66, 67}));
  // A prompt may bring its own.
  EXPECT_EQ(tokens("<|endoftext|>AB"), (std::vector<TokenId>{0, 66, 67}));
  EXPECT_THAT(input_error_of([&] { (void)tokens(std::string(128, 'a')); }),
              HasSubstr("the prompt has 129 tokens"));
  // Named in the other file.
  (void)directory_.write("special_tokens_map.json", R"({"bos_token": "A"})");
  (void)directory_.write("tokenizer_config.json", R"({"add_bos_token": true})");
  EXPECT_EQ(tokens("B"), (std::vector<TokenId>{66, 67}));
  std::filesystem::remove(directory_.path() / "special_tokens_map.json");
  EXPECT_THAT(
      error(R"({"add_bos_token": true})"),
      HasSubstr("tokenizer_config.json: add_bos_token: is true, but there is no bos_token"));
  EXPECT_THAT(error(R"({"add_bos_token": true, "bos_token": "<s>"})"),
              HasSubstr("tokenizer_config.json: bos_token: is \"<s>\", which every prompt is to "
                        "begin with, but tokenizer.json has no such token"));
  EXPECT_THAT(error(R"({"add_eos_token": true})"),
              HasSubstr("tokenizer_config.json: add_eos_token: is true, which is unsupported"));
  EXPECT_THAT(error(R"({"add_bos_token": 1})"), HasSubstr("add_bos_token: is 1; expected true or"));
}

TEST_F(ModelFilesTest, PutTheTokensOfATemplateBeforeAPrompt) {
  nlohmann::json tokenizer = test::read_json(directory_.path() / "tokenizer.json");
  const auto token = [](const char* id) -> nlohmann::json {
    return {{"SpecialToken", {{"id", id}, {"type_id", 0}}}};
  };
  const nlohmann::json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const nlohmann::json special_tokens = {
      {"<|endoftext|>", {{"id", "<|endoftext|>"}, {"ids", {0}}, {"tokens", {"<|endoftext|>"}}}},
      {"AB", {{"id", "AB"}, {"ids", {66, 67}}, {"tokens", {"A", "B"}}}},
      {"none", {{"id", "none"}, {"ids", {300}}, {"tokens", {"none"}}}}};
  const auto write = [&](const nlohmann::json& single) {
    tokenizer["post_processor"] = {{"type", "Sequence"},
                                   {"processors",
                                    {{{"type", "ByteLevel"}, {"trim_offsets", true}},
                                     {{"type", "TemplateProcessing"},
                                      {"single", single},
                                      {"special_tokens", special_tokens}}}}};
    (void)directory_.write("tokenizer.json", tokenizer.dump());
  };
  const auto tokens = [this](std::string_view prompt) {
    return ModelFiles::open(directory_.path()).tokens_of("prompt", prompt);
  };
  const auto error = [&] { return input_error_of([&] { (void)tokens("C"); }); };
  write({token("<|endoftext|>"), token("AB"), text});
  EXPECT_EQ(tokens("C"), (std::vector<TokenId>{0, 66, 67, 68}));
  EXPECT_EQ(tokens("<|endoftext|>ABC"), (std::vector<TokenId>{0, 66, 67, 68}));
  // Both files mostly ask for the same token.
  (void)directory_.write("tokenizer_config.json",
                         R"({"bos_token": "<|endoftext|>", "add_bos_token": true})");
  EXPECT_EQ(tokens("C"), (std::vector<TokenId>{0, 66, 67, 68}));
  write(nlohmann::json::array({text}));
  EXPECT_EQ(tokens("C"), (std::vector<TokenId>{0, 68}));
  write({text, token("<|endoftext|>")});
  EXPECT_THAT(error(),
              HasSubstr("single[1].SpecialToken.id: is \"<|endoftext|>\", behind the text, "
                        "which is unsupported"));
  write({token("none"), text});
  EXPECT_THAT(error(), HasSubstr("special_tokens.none.ids: holds 300; expected ids of tokens"));
  write({token("missing"), text});
  EXPECT_THAT(error(), HasSubstr("special_tokens.missing: is missing"));
  write(nlohmann::json::array());
  EXPECT_THAT(error(), HasSubstr("single: has no Sequence"));
}

}  // namespace
}  // namespace cbr::decode
