#include "decode/generation.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cbr::decode {

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::end_of_text:
      return "end_of_text";
    case StopReason::max_tokens:
      return "max_tokens";
    case StopReason::context_full:
      return "context_full";
    case StopReason::stopped:
      return "stopped";
  }
  return "unknown";
}

Generation::Generation(Decoder& decoder, CommandBufferRing& ring, std::span<const TokenId> prompt,
                       const DecodeOptions& options, const TokenCallback& on_token,
                       const std::atomic<bool>* stop)
    : decoder_(decoder),
      ring_(ring),
      prompt_(prompt),
      options_(options),
      on_token_(on_token),
      stop_(stop),
      start_(ring.now()) {
  const auto prompt_size = static_cast<std::uint32_t>(prompt.size());
  // The step at the context's last position still chooses a token.
  const std::uint32_t room = decoder.context_capacity() - prompt_size + 1;
  token_limit_ = std::min(options.max_tokens, room);
  context_limits_ = room < options.max_tokens;
  result_.prompt_tokens = prompt_size;
}

Generation::~Generation() {
  drain_surplus();
}

DecodeResult Generation::run() {
  const std::uint32_t step_count = result_.prompt_tokens + token_limit_ - 1;
  for (std::uint32_t position = 0; position < step_count && !ended_; ++position) {
    if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) {
      end(StopReason::stopped);
    } else {
      submit_step(position);
    }
  }
  while (!ended_) {
    retire_oldest();
    deliver_tokens();
  }
  result_.surplus_steps = static_cast<std::uint32_t>(outstanding_.size());
  drain_surplus();
  result_.total_time = since_start();
  return std::move(result_);
}

void Generation::submit_step(std::uint32_t position) {
  const TimePoint called = ring_.now();
  Lease lease = ring_.acquire();
  const TimePoint acquired = ring_.now();
  while (!ended_ && !outstanding_.empty() && outstanding_.front().ticket.done()) retire_oldest();
  if (ended_) {
    lease.discard();
    deliver_tokens();
    return;
  }
  const TimePoint begun = ring_.now();
  decoder_.record_step(vulkan::command_buffer(lease), position, prompt_);
  const TimePoint encoded = ring_.now();
  // The place in the list comes first, so that no submission can be lost to a failed allocation.
  Outstanding& step = outstanding_.emplace_back();
  step.position = position;
  try {
    step.ticket = std::move(lease).submit();
  } catch (...) {
    outstanding_.pop_back();
    throw;
  }
  step.timing = {.chose_token = position + 1 >= prompt_.size(),
                 .acquire = acquired - called,
                 .encode = encoded - begun,
                 .submit = ring_.now() - encoded};
  // Only now, with the GPU supplied: the callback may take its time.
  deliver_tokens();
}

void Generation::retire_oldest() {
  Outstanding& oldest = outstanding_.front();
  oldest.ticket.wait();
  StepTiming timing = oldest.timing;
  timing.gpu = oldest.ticket.gpu_interval();
  timing.known_at = since_start();
  const std::uint32_t position = oldest.position;
  outstanding_.pop_front();
  result_.steps.push_back(timing);
  if (timing.chose_token) take_token(decoder_.workspace_.outputs()[position]);
}

void Generation::take_token(TokenId token) {
  if (result_.tokens.empty()) result_.time_to_first_token = result_.steps.back().known_at;
  if (options_.stop_at_end_of_text && ends_text(token)) {
    end(StopReason::end_of_text);
    return;
  }
  result_.tokens.push_back(token);
  if (result_.tokens.size() == token_limit_) {
    end(context_limits_ ? StopReason::context_full : StopReason::max_tokens);
  }
}

void Generation::deliver_tokens() {
  while (delivered_ < result_.tokens.size()) {
    const TokenId token = result_.tokens[delivered_];
    ++delivered_;
    if (!on_token_ || on_token_(token)) continue;
    result_.tokens.resize(delivered_);
    end(StopReason::stopped);
  }
}

void Generation::end(StopReason reason) {
  ended_ = true;
  result_.stop_reason = reason;
}

bool Generation::ends_text(TokenId token) const {
  const std::vector<TokenId>& ids = decoder_.config().eos_token_ids;
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

void Generation::drain_surplus() noexcept {
  for (const Outstanding& step : outstanding_) {
    try {
      step.ticket.wait();
    } catch (...) {  // NOLINT(bugprone-empty-catch): its token is dropped, and so is its failure
    }
  }
  outstanding_.clear();
}

std::chrono::nanoseconds Generation::since_start() const {
  return ring_.now() - start_;
}

}  // namespace cbr::decode
