// The loop that keeps steps in flight.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include <cbr/ring.h>

#include "decode/decode_result.h"
#include "decode/decoder.h"

namespace cbr::decode {

/// One call of Decoder::decode().
///
/// Steps are submitted one after the other without waiting for their tokens, at most ring_size
/// ahead; acquire() holds the loop back. Steps that have ended are retired in order: their token is
/// read and passed on. When a token ends the text, the steps already in flight behind it are
/// surplus.
class Generation {
 public:
  Generation(Decoder& decoder, CommandBufferRing& ring, std::span<const TokenId> prompt,
             const DecodeOptions& options, const TokenCallback& on_token,
             const std::atomic<bool>* stop);
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  /// Waits for what is in flight.
  ~Generation();

  /// As Decoder::decode().
  DecodeResult run();

 private:
  struct Outstanding {
    Ticket ticket;
    std::uint32_t position = 0;
    StepTiming timing;
  };

  // Acquires a slot, retires what has ended meanwhile and, unless that was the end, submits the
  // step.
  void submit_step(std::uint32_t position);
  // Waits for the oldest step and takes its token.
  void retire_oldest();
  void take_token(TokenId token);
  // Passes the tokens known so far to the callback.
  void deliver_tokens();
  void end(StopReason reason);
  [[nodiscard]] bool ends_text(TokenId token) const;
  // Waits for the rest, whose outcome no longer matters.
  void drain_surplus() noexcept;
  [[nodiscard]] std::chrono::nanoseconds since_start() const;

  Decoder& decoder_;
  CommandBufferRing& ring_;
  std::span<const TokenId> prompt_;
  const DecodeOptions& options_;
  const TokenCallback& on_token_;
  const std::atomic<bool>* stop_;
  TimePoint start_;
  // Tokens that fit, and whether it is the context that says so.
  std::uint32_t token_limit_ = 0;
  bool context_limits_ = false;
  bool ended_ = false;
  // Of the result's tokens, how many the callback has had.
  std::size_t delivered_ = 0;
  std::deque<Outstanding> outstanding_;
  DecodeResult result_;
};

}  // namespace cbr::decode
