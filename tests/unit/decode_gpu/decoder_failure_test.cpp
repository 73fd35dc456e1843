// Failures of the ring and the device during decoding.
#include <memory>
#include <stdexcept>
#include <utility>
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

/// Passes everything on to another backend, except for what is to fail.
class FaultyBackend final : public Backend {
 public:
  explicit FaultyBackend(std::shared_ptr<Backend> inner) : inner_(std::move(inner)) {}

  /// Serials to fail at; 0 for none.
  std::uint64_t fail_submit_at = 0;
  std::uint64_t fail_execution_at = 0;

  [[nodiscard]] Api api() const noexcept override { return inner_->api(); }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override {
    return inner_->queue_count();
  }
  void attach(const SlotLayout& layout) override { inner_->attach(layout); }
  void detach() noexcept override { inner_->detach(); }
  void* begin(SlotIndex slot) override { return inner_->begin(slot); }
  void submit(SlotIndex slot, Serial serial) override {
    if (serial.value() == fail_submit_at) {
      inner_->discard(slot);
      throw SubmitFailed("submit fails as the test wants");
    }
    inner_->submit(slot, serial);
  }
  void discard(SlotIndex slot) noexcept override { inner_->discard(slot); }
  Serial completed(QueueIndex queue) override { return inner_->completed(queue); }
  Completion finish(SlotIndex slot) override {
    Completion completion = inner_->finish(slot);
    ++finished_;
    if (finished_ == fail_execution_at) {
      completion.error = std::make_exception_ptr(ExecutionFailed("as the test wants"));
    }
    return completion;
  }
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    return inner_->wait(points, wake_number, deadline);
  }
  void wake(std::uint64_t wake_number) override { inner_->wake(wake_number); }

 private:
  std::shared_ptr<Backend> inner_;
  std::uint64_t finished_ = 0;
};

class DecoderFailureTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  DecoderFailureTest() {
    test::build_model(directory.path(), {});
    decoder =
        std::make_unique<Decoder>(validated_device(), ModelDirectory::open(directory.path()), 64);
    backend = std::make_shared<FaultyBackend>(vulkan::make_backend(validated_device()));
    ring = std::make_unique<CommandBufferRing>(backend, RingOptions{.ring_size = GetParam()});
  }

  DecodeResult decode(const TokenCallback& on_token = {}) {
    return decoder->decode(*ring, std::vector<TokenId>{1, 2, 3},
                           {.max_tokens = 20, .stop_at_end_of_text = false}, on_token);
  }

  // Nothing is left behind, and the next decode works as if nothing had been.
  void expect_recovery() {
    EXPECT_EQ(ring->statistics().in_flight, 0U);
    EXPECT_EQ(ring->statistics().leased, 0U);
    CommandBufferRing fresh(vulkan::make_backend(validated_device()), {.ring_size = 1});
    const DecodeResult expected = decoder->decode(fresh, std::vector<TokenId>{1, 2, 3},
                                                  {.max_tokens = 20, .stop_at_end_of_text = false});
    backend->fail_submit_at = 0;
    backend->fail_execution_at = 0;
    EXPECT_EQ(decode().tokens, expected.tokens);
  }

  test::TemporaryDirectory directory;
  std::unique_ptr<Decoder> decoder;
  std::shared_ptr<FaultyBackend> backend;
  std::unique_ptr<CommandBufferRing> ring;
};

TEST_P(DecoderFailureTest, AFailedSubmitSurfaces) {
  backend->fail_submit_at = 7;
  EXPECT_THROW((void)decode(), SubmitFailed);
  expect_recovery();
}

TEST_P(DecoderFailureTest, AFailedExecutionSurfaces) {
  backend->fail_execution_at = 7;
  EXPECT_THROW((void)decode(), ExecutionFailed);
  expect_recovery();
}

TEST_P(DecoderFailureTest, AnExceptionOfTheCallbackSurfaces) {
  EXPECT_THROW((void)decode([](TokenId) -> bool { throw std::runtime_error("callback"); }),
               std::runtime_error);
  expect_recovery();
}

INSTANTIATE_TEST_SUITE_P(RingSizes, DecoderFailureTest, testing::Values(1U, 3U, 5U));

}  // namespace
}  // namespace cbr::decode
