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

}  // namespace
}  // namespace cbr::decode
