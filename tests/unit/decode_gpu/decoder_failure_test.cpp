// Failures of the ring and the device during decoding.
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/fault_injection.h>

#include "decode/decoder.h"
#include "support/model_builder.h"
#include "support/model_fixture.h"
#include "support/vulkan_fixture.h"

namespace cbr::decode {
namespace {

using test::validated_device;

class DecoderFailureTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  DecoderFailureTest() {
    test::build_model(directory.path(), {});
    decoder =
        std::make_unique<Decoder>(validated_device(), ModelDirectory::open(directory.path()), 64);
  }

  /// Makes the ring, on a backend that fails as the script says, once.
  void make_ring(std::vector<ScriptedFault> script) {
    ring = std::make_unique<CommandBufferRing>(
        inject_faults(vulkan::make_backend(validated_device()), {.script = std::move(script)}),
        RingOptions{.ring_size = GetParam()});
  }

  DecodeResult decode(CommandBufferRing& on, const TokenCallback& on_token = {}) {
    return decoder->decode(on, std::vector<TokenId>{1, 2, 3},
                           {.max_tokens = 20, .stop_at_end_of_text = false}, on_token);
  }

  // Nothing is left behind, no token that came out was wrong, and the next decode works as if
  // nothing had been.
  void expect_recovery(const std::vector<TokenId>& delivered = {}) {
    EXPECT_EQ(ring->statistics().in_flight, 0U);
    EXPECT_EQ(ring->statistics().leased, 0U);
    CommandBufferRing fresh(vulkan::make_backend(validated_device()), {.ring_size = 1});
    const std::vector<TokenId> expected = decode(fresh).tokens;
    ASSERT_LT(delivered.size(), expected.size());
    for (std::size_t i = 0; i < delivered.size(); ++i) EXPECT_EQ(delivered[i], expected[i]) << i;
    EXPECT_EQ(decode(*ring).tokens, expected);
  }

  test::TemporaryDirectory directory;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<CommandBufferRing> ring;
};

TEST_P(DecoderFailureTest, AFailedSubmitSurfaces) {
  make_ring({{Fault::fail_submit, 7}});
  EXPECT_THROW((void)decode(*ring), SubmitFailed);
  expect_recovery();
}

TEST_P(DecoderFailureTest, AFailedExecutionSurfacesAndNoTokenIsWrong) {
  make_ring({{Fault::fail_execution, 7}});
  std::vector<TokenId> delivered;
  const auto keep = [&](TokenId token) {
    delivered.push_back(token);
    return true;
  };
  EXPECT_THROW((void)decode(*ring, keep), ExecutionFailed);
  expect_recovery(delivered);
}

TEST_P(DecoderFailureTest, AnExceptionOfTheCallbackSurfaces) {
  make_ring({});
  EXPECT_THROW((void)decode(*ring, [](TokenId) -> bool { throw std::runtime_error("callback"); }),
               std::runtime_error);
  expect_recovery();
}

INSTANTIATE_TEST_SUITE_P(RingSizes, DecoderFailureTest, testing::Values(1U, 3U, 5U));

}  // namespace
}  // namespace cbr::decode
