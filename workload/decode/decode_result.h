// What decoding is asked for and what it gives back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <cbr/types.h>

#include "decode/token_id.h"

namespace cbr::decode {

struct DecodeOptions {
  /// New tokens at most, at least 1. The context's end may come first.
  std::uint32_t max_tokens = 128;
  /// Ends at the model's end-of-text tokens. Off, they count as tokens like others, which a
  /// benchmark wants.
  bool stop_at_end_of_text = true;
};

/// Why decoding ended.
enum class StopReason : std::uint8_t {
  end_of_text,
  max_tokens,
  /// Every position of the context is taken.
  context_full,
  /// The callback or the stop flag said so.
  stopped,
};

/// "end_of_text" and so on.
[[nodiscard]] std::string_view name_of(StopReason reason);

/// Receives each new token in order, end-of-text tokens excepted, on the thread that called
/// decode(), once the GPU has its next step. Returns whether to go on.
using TokenCallback = std::function<bool(TokenId token)>;

/// One step on the host's clock and on the GPU's.
struct StepTiming {
  /// The step chose a token; else it took in a token of the prompt.
  bool chose_token = false;
  /// Waited for a slot.
  std::chrono::nanoseconds acquire{};
  /// Recorded the commands.
  std::chrono::nanoseconds encode{};
  /// Handed them to the driver.
  std::chrono::nanoseconds submit{};
  /// When the GPU ran it, by the device's clock; empty where the device can't tell.
  std::optional<GpuInterval> gpu = std::nullopt;
  /// From the start of decode() until the host knew that the step had ended, and so its token.
  std::chrono::nanoseconds known_at{};
};

struct DecodeResult {
  std::uint32_t prompt_tokens = 0;
  /// The new tokens, without the end-of-text token.
  std::vector<TokenId> tokens;
  StopReason stop_reason = StopReason::max_tokens;
  /// The steps in order, as far as their outcome counted: those of the prompt, one for each new
  /// token, and that of the end-of-text token.
  std::vector<StepTiming> steps;
  /// Steps that were in flight when the end was noticed, and whose tokens were dropped: fewer than
  /// ring_size.
  std::uint32_t surplus_steps = 0;
  /// From the start of decode() until the host knew the first new token.
  std::chrono::nanoseconds time_to_first_token{};
  /// The whole call.
  std::chrono::nanoseconds total_time{};
};

}  // namespace cbr::decode
