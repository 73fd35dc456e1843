#include "bench/decode_workload.h"

#include <chrono>
#include <optional>
#include <utility>

#include <cbr/ring.h>

#include "bench/token_hash.h"

namespace cbr::bench {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;
using Milliseconds = std::chrono::duration<double, std::milli>;

void add_steps(const decode::DecodeResult& answer, RoundSamples& samples) {
  std::optional<std::chrono::nanoseconds> previous_token;
  for (const decode::StepTiming& step : answer.steps) {
    samples.encode_us.push_back(Microseconds(step.encode).count());
    if (step.gpu) samples.gpu_intervals.push_back(*step.gpu);
    if (!step.chose_token) continue;
    if (previous_token) {
      samples.step_ms.push_back(Milliseconds(step.known_at - *previous_token).count());
    }
    previous_token = step.known_at;
  }
}

}  // namespace

DecodeWorkload::DecodeWorkload(decode::Decoder& decoder,
                               std::vector<std::vector<decode::TokenId>> prompts,
                               std::uint32_t max_tokens)
    : decoder_(&decoder), prompts_(std::move(prompts)), max_tokens_(max_tokens) {}

RoundSamples DecodeWorkload::run_round(CommandBufferRing& ring, const StopFlag& stop) {
  const decode::DecodeOptions options{.max_tokens = max_tokens_, .stop_at_end_of_text = false};
  std::vector<decode::DecodeResult> answers;
  answers.reserve(prompts_.size());
  RoundSamples samples;
  const TimePoint start = ring.now();
  for (const auto& prompt : prompts_) {
    if (stop) return samples;
    answers.push_back(decoder_->decode(ring, prompt, options, {}, &stop));
    if (answers.back().stop_reason == decode::StopReason::stopped) return samples;
  }
  ring.drain();
  samples.wall = ring.now() - start;

  TokenHash hash;
  for (const decode::DecodeResult& answer : answers) {
    hash.add(answer.tokens);
    samples.units += answer.tokens.size();
    samples.ttft_ms.push_back(Milliseconds(answer.time_to_first_token).count());
    add_steps(answer, samples);
  }
  samples.result_sha256 = hash.finish();
  samples.ring = ring.statistics();
  samples.complete = true;
  return samples;
}

}  // namespace cbr::bench
