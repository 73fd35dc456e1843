// Text generation with a model.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/workload.h"
#include "decode/decoder.h"
#include "decode/token_id.h"

namespace cbr::bench {

/// Rounds that answer the same questions, one after another, always with the same number of tokens:
/// the end-of-text token counts as a token like others.
class DecodeWorkload : public Workload {
 public:
  /// `prompts` are the questions' tokens, each at least one and within the decoder's context.
  /// `decoder` must outlive this.
  DecodeWorkload(decode::Decoder& decoder, std::vector<std::vector<decode::TokenId>> prompts,
                 std::uint32_t max_tokens);

  /// The rate counts new tokens over the whole time, that of the prompts included. `step_ms` is the
  /// time from one new token to the next.
  RoundSamples run_round(CommandBufferRing& ring, const StopFlag& stop) override;

 private:
  decode::Decoder* decoder_;
  std::vector<std::vector<decode::TokenId>> prompts_;
  std::uint32_t max_tokens_;
};

}  // namespace cbr::bench
