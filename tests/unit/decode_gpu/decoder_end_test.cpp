// How decoding ends.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "decode/decoder.h"
#include "support/model_builder.h"
#include "support/model_fixture.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {
namespace {

using test::validated_device;

const std::vector<TokenId> prompt = {40, 41, 42};

class DecoderEndTest : public testing::Test {
 protected:
  DecoderEndTest() {
    test::ModelSpec spec;
    spec.eos_token_ids = {};
    test::build_model(directory.path(), spec);
  }

  // A decoder whose end-of-text token is the one that the model is to choose at `index`. That token
  // must not come earlier.
  std::unique_ptr<Decoder> decoder_ending_at(std::size_t index, std::uint32_t capacity = 128) {
    const ModelDirectory model = ModelDirectory::open(directory.path());
    Decoder plain(validated_device(), model, capacity);
    all_tokens = plain.decode(*make_ring(1), prompt, {.max_tokens = 40}).tokens;
    ModelConfig config = model.config();
    config.eos_token_ids = {all_tokens.at(index)};
    first_end = static_cast<std::size_t>(
        std::find(all_tokens.begin(), all_tokens.end(), all_tokens[index]) - all_tokens.begin());
    return std::make_unique<Decoder>(validated_device(), config, model.weights(), capacity);
  }

  static std::unique_ptr<CommandBufferRing> make_ring(std::uint32_t ring_size) {
    return std::make_unique<CommandBufferRing>(vulkan::make_backend(validated_device()),
                                               RingOptions{.ring_size = ring_size});
  }

  std::unique_ptr<Decoder> plain_decoder(std::uint32_t capacity) {
    return std::make_unique<Decoder>(validated_device(), ModelDirectory::open(directory.path()),
                                     capacity);
  }

  test::TemporaryDirectory directory;
  std::vector<TokenId> all_tokens;
  std::size_t first_end = 0;
};

TEST_F(DecoderEndTest, EndOfTextInMidStreamDropsTheSurplus) {
  const auto decoder = decoder_ending_at(10);
  ASSERT_GE(first_end, 5U) << "the stream must be longer than the largest ring";
  const std::vector<TokenId> expected(all_tokens.begin(),
                                      all_tokens.begin() + static_cast<std::ptrdiff_t>(first_end));
  for (const std::uint32_t ring_size : {1U, 2U, 3U, 5U}) {
    const auto ring = make_ring(ring_size);
    std::vector<TokenId> seen;
    const DecodeResult result =
        decoder->decode(*ring, prompt, {.max_tokens = 100}, [&seen](TokenId token) {
          seen.push_back(token);
          return true;
        });
    EXPECT_EQ(result.stop_reason, StopReason::end_of_text);
    EXPECT_EQ(result.tokens, expected);
    EXPECT_EQ(seen, expected);
    EXPECT_LT(result.surplus_steps, ring_size);
    EXPECT_EQ(result.steps.size(), prompt.size() + expected.size());
    EXPECT_EQ(ring->statistics().in_flight, 0U);
    EXPECT_EQ(ring->statistics().leased, 0U);
  }
}

TEST_F(DecoderEndTest, OnRequestTheEndOfTextIsATokenLikeOthers) {
  const auto decoder = decoder_ending_at(3);
  const DecodeResult result =
      decoder->decode(*make_ring(2), prompt, {.max_tokens = 40, .stop_at_end_of_text = false});
  EXPECT_EQ(result.stop_reason, StopReason::max_tokens);
  EXPECT_EQ(result.tokens, all_tokens);
}

TEST_F(DecoderEndTest, MaxTokensSubmitsNoSurplus) {
  const auto decoder = plain_decoder(128);
  const auto ring = make_ring(4);
  const DecodeResult result = decoder->decode(*ring, prompt, {.max_tokens = 6});
  EXPECT_EQ(result.stop_reason, StopReason::max_tokens);
  EXPECT_EQ(result.prompt_tokens, 3U);
  EXPECT_EQ(result.tokens.size(), 6U);
  EXPECT_EQ(result.surplus_steps, 0U);
  EXPECT_EQ(ring->statistics().submissions, 8U);
}

TEST_F(DecoderEndTest, TheContextsEndComesFirst) {
  const auto decoder = plain_decoder(10);
  const DecodeResult result = decoder->decode(*make_ring(3), prompt, {.max_tokens = 100});
  EXPECT_EQ(result.stop_reason, StopReason::context_full);
  EXPECT_EQ(result.tokens.size(), 8U);
  const DecodeResult exact = decoder->decode(*make_ring(3), prompt, {.max_tokens = 8});
  EXPECT_EQ(exact.stop_reason, StopReason::max_tokens);
  EXPECT_EQ(exact.tokens, result.tokens);
}

TEST_F(DecoderEndTest, APromptThatFillsTheContextYieldsOneToken) {
  const auto decoder = plain_decoder(3);
  const DecodeResult result = decoder->decode(*make_ring(2), prompt, {.max_tokens = 5});
  EXPECT_EQ(result.stop_reason, StopReason::context_full);
  EXPECT_EQ(result.tokens.size(), 1U);
}

TEST_F(DecoderEndTest, TheCallbackStops) {
  const auto decoder = plain_decoder(128);
  std::size_t calls = 0;
  const DecodeResult result = decoder->decode(*make_ring(3), prompt, {.max_tokens = 50},
                                              [&calls](TokenId) { return ++calls < 4; });
  EXPECT_EQ(result.stop_reason, StopReason::stopped);
  EXPECT_EQ(calls, 4U);
  EXPECT_EQ(result.tokens.size(), 4U);
}

TEST_F(DecoderEndTest, TheFlagStops) {
  const auto decoder = plain_decoder(128);
  std::atomic<bool> stop = false;
  const DecodeResult result = decoder->decode(
      *make_ring(2), prompt, {.max_tokens = 50},
      [&stop](TokenId) {
        stop = true;
        return true;
      },
      &stop);
  EXPECT_EQ(result.stop_reason, StopReason::stopped);
  EXPECT_LE(result.tokens.size(), 3U);
}

TEST_F(DecoderEndTest, TimingsCoverEveryStep) {
  const auto decoder = plain_decoder(128);
  const DecodeResult result = decoder->decode(*make_ring(2), prompt, {.max_tokens = 5});
  ASSERT_EQ(result.steps.size(), 7U);
  std::chrono::nanoseconds last{0};
  for (std::size_t i = 0; i < result.steps.size(); ++i) {
    const StepTiming& step = result.steps[i];
    EXPECT_EQ(step.chose_token, i >= 2);
    EXPECT_GT(step.encode.count(), 0);
    EXPECT_GT(step.known_at, last);
    last = step.known_at;
    if (step.gpu) {
      EXPECT_GT(step.gpu->end, step.gpu->start);
    }
  }
  EXPECT_EQ(result.time_to_first_token, result.steps[2].known_at);
  EXPECT_GE(result.total_time, last);
}

TEST_F(DecoderEndTest, NamesWhatIsWrongWithTheRequest) {
  const auto decoder = plain_decoder(8);
  const auto ring = make_ring(1);
  const auto error_of = [&](const std::vector<TokenId>& tokens) {
    return test::input_error_of([&] { (void)decoder->decode(*ring, tokens, {}); });
  };
  EXPECT_EQ(error_of({}), "the prompt is empty; it must hold at least 1 token");
  EXPECT_EQ(error_of(std::vector<TokenId>(9, 1)), "the prompt has 9 tokens; the context holds 8");
  EXPECT_EQ(error_of({1, 320}), "token 1 of the prompt is 320; the model's vocabulary has 320");
  EXPECT_THROW((void)decoder->decode(*ring, prompt, {.max_tokens = 0}), InvalidOption);
  EXPECT_EQ(test::input_error_of([&] { (void)plain_decoder(129); }),
            "the context capacity is 129; the model allows 1 to 128 (max_position_embeddings)");
}

}  // namespace
}  // namespace cbr::decode
