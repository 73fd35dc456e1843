#include <cbr/ring.h>

#include "core/ring_core.h"

namespace cbr {
namespace {

/// A deadline that has always passed.
constexpr TimePoint no_wait = TimePoint::min();

}  // namespace

CommandBufferRing::CommandBufferRing(std::shared_ptr<Backend> backend, RingOptions options)
    : core_(std::make_shared<detail::RingCore>(std::move(backend), std::move(options))) {}

CommandBufferRing::~CommandBufferRing() {
  core_->close();
}

Lease CommandBufferRing::acquire(std::source_location where) {
  const auto timeout_ms = core_->options().timeout_ms;
  if (timeout_ms == 0) return *core_->acquire(no_deadline, where);
  // Nanoseconds in 64 bits reach 292 years; a longer timeout is none.
  constexpr std::uint64_t most_ms = std::chrono::nanoseconds::max().count() / 1'000'000;
  return acquire(std::chrono::milliseconds(std::min(timeout_ms, most_ms)), where);
}

Lease CommandBufferRing::acquire(std::chrono::nanoseconds timeout, std::source_location where) {
  const TimePoint start = core_->backend().now();
  auto lease = core_->acquire(core_->deadline_after(timeout), where);
  if (!lease) core_->throw_timeout(core_->backend().now() - start, timeout);
  return *std::move(lease);
}

std::optional<Lease> CommandBufferRing::try_acquire(std::source_location where) {
  return core_->acquire(no_wait, where);
}

std::optional<Lease> CommandBufferRing::try_acquire_for(std::chrono::nanoseconds timeout,
                                                        std::source_location where) {
  return core_->acquire(core_->deadline_after(timeout), where);
}

void CommandBufferRing::drain() {
  core_->drain();
}

RingStatistics CommandBufferRing::statistics() const {
  return core_->statistics();
}

void CommandBufferRing::reset_statistics() {
  core_->reset_statistics();
}

std::uint32_t CommandBufferRing::ring_size() const noexcept {
  return core_->options().ring_size;
}

const std::string& CommandBufferRing::name() const noexcept {
  return core_->options().name;
}

TimePoint CommandBufferRing::now() const noexcept {
  return core_->backend().now();
}

}  // namespace cbr
