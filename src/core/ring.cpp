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
  return core_->acquire_in_time({}, nullptr, where);
}

Lease CommandBufferRing::acquire(std::chrono::nanoseconds timeout, std::source_location where) {
  return core_->acquire_in_time({.timeout = timeout}, nullptr, where);
}

Lease CommandBufferRing::acquire(const AcquireOptions& options, std::source_location where) {
  return core_->acquire_in_time(options, nullptr, where);
}

std::optional<Lease> CommandBufferRing::try_acquire(std::source_location where) {
  return core_->acquire({}, nullptr, no_wait, where);
}

std::optional<Lease> CommandBufferRing::try_acquire(const AcquireOptions& options,
                                                    std::source_location where) {
  return core_->acquire(options, nullptr,
                        options.timeout ? core_->deadline_after(*options.timeout) : no_wait, where);
}

std::optional<Lease> CommandBufferRing::try_acquire_for(std::chrono::nanoseconds timeout,
                                                        std::source_location where) {
  return core_->acquire({}, nullptr, core_->deadline_after(timeout), where);
}

Sequence CommandBufferRing::sequence() {
  return {core_, core_->make_sequence(std::nullopt)};
}

Sequence CommandBufferRing::sequence(QueueIndex queue) {
  return {core_, core_->make_sequence(queue)};
}

void CommandBufferRing::set_ring_size(std::uint32_t ring_size) {
  core_->set_ring_size(ring_size);
}

void CommandBufferRing::reset(std::shared_ptr<Backend> backend) {
  RingOptions options = core_->options();
  options.ring_size = core_->ring_size();
  auto fresh = std::make_shared<detail::RingCore>(std::move(backend), std::move(options));
  core_->close();
  core_ = std::move(fresh);
}

std::vector<Leak> CommandBufferRing::leaked() const {
  return core_->log().leaked();
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
  return core_->ring_size();
}

std::uint32_t CommandBufferRing::queue_count() const noexcept {
  return core_->queue_count();
}

std::chrono::nanoseconds CommandBufferRing::spin_limit() const noexcept {
  return core_->spin_limit();
}

const std::string& CommandBufferRing::name() const noexcept {
  return core_->options().name;
}

TimePoint CommandBufferRing::now() const noexcept {
  return core_->backend().now();
}

}  // namespace cbr
