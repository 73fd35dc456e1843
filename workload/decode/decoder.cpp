#include "decode/decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "compute/recorder.h"
#include "compute/transfer.h"
#include "decode/dispatch_plan.h"
#include "decode/generation.h"

namespace cbr::decode {
namespace {

std::uint32_t checked_capacity(std::uint32_t capacity, const ModelConfig& config) {
  if (capacity >= 1 && capacity <= config.max_position_embeddings) return capacity;
  throw InputError(
      fmt::format("the context capacity is {}; the model allows 1 to {} (max_position_embeddings)",
                  capacity, config.max_position_embeddings));
}

void check_prompt(std::span<const TokenId> prompt, std::uint32_t capacity,
                  std::uint32_t vocab_size) {
  if (prompt.empty()) throw InputError("the prompt is empty; it must hold at least 1 token");
  if (prompt.size() > capacity) {
    throw InputError(
        fmt::format("the prompt has {} tokens; the context holds {}", prompt.size(), capacity));
  }
  const auto wrong = std::find_if(prompt.begin(), prompt.end(),
                                  [vocab_size](TokenId token) { return token >= vocab_size; });
  if (wrong == prompt.end()) return;
  throw InputError(fmt::format("token {} of the prompt is {}; the model's vocabulary has {}",
                               wrong - prompt.begin(), *wrong, vocab_size));
}

}  // namespace

Decoder::Decoder(std::shared_ptr<vulkan::Device> device, const ModelDirectory& model,
                 std::uint32_t context_capacity, const std::function<void()>& check)
    : Decoder(std::move(device), model.config(), model.weights(), context_capacity, check) {}

Decoder::Decoder(std::shared_ptr<vulkan::Device> device, const ModelConfig& config,
                 const QwenWeights& weights, std::uint32_t context_capacity,
                 const std::function<void()>& check)
    : device_(std::move(device)),
      model_(device_, config, weights, check),
      workspace_(device_, config, checked_capacity(context_capacity, config)),
      kernels_(device_),
      prompt_step_(make_dispatch_plan(config, model_.weights(), workspace_.addresses(),
                                      StepKind::prompt, tuning_for(device_->info())),
                   kernels_),
      choose_step_(make_dispatch_plan(config, model_.weights(), workspace_.addresses(),
                                      StepKind::choose, tuning_for(device_->info())),
                   kernels_) {}

std::uint32_t Decoder::context_capacity() const noexcept {
  return workspace_.addresses().capacity;
}

std::vector<float> Decoder::last_logits() const {
  const compute::Buffer& buffer = workspace_.logits();
  const std::vector<std::byte> bytes = compute::download(device_, buffer, 0, buffer.size());
  std::vector<float> logits(bytes.size() / sizeof(float));
  std::memcpy(logits.data(), bytes.data(), bytes.size());
  return logits;
}

DecodeResult Decoder::decode(CommandBufferRing& ring, std::span<const TokenId> prompt,
                             const DecodeOptions& options, const TokenCallback& on_token,
                             const std::atomic<bool>* stop) {
  check_prompt(prompt, context_capacity(), config().vocab_size);
  if (options.max_tokens == 0) throw InvalidOption("max_tokens is 0; it must be at least 1");
  // Nothing is in flight, so the host may write what the kernels read.
  std::copy(prompt.begin(), prompt.end(), workspace_.prompt().begin());
  return Generation(*this, ring, prompt, options, on_token, stop).run();
}

void Decoder::record_step(VkCommandBuffer commands, std::uint32_t position,
                          std::span<const TokenId> prompt) const {
  compute::Recorder recorder(*device_, commands);
  if (position == 0) {
    const StepState start{.token = prompt.front(),
                          .position = 0,
                          .prompt_length = static_cast<std::uint32_t>(prompt.size())};
    // After the reads of an earlier sequence, before those of this step.
    recorder.barrier_with_copies();
    recorder.update(workspace_.state(), 0, std::as_bytes(std::span(&start, 1)));
    recorder.barrier_with_copies();
  }
  const bool chooses = position + 1 >= prompt.size();
  (chooses ? choose_step_ : prompt_step_).record(recorder);
  if (chooses) recorder.barrier_to_host();
}

}  // namespace cbr::decode
