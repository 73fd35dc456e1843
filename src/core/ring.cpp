#include <source_location>
#include <string>
#include <utility>

#include <cbr/ring.h>

#include "core/messages.h"
#include "core/ring_core.h"
#include "observe/diagnosing.h"

namespace cbr {

CommandBufferRing::CommandBufferRing(std::shared_ptr<Backend> backend, RingOptions options)
    : core_(detail::RingCore::make(std::move(backend), std::move(options))) {}

CommandBufferRing::CommandBufferRing(CommandBufferRing&& other) noexcept = default;

CommandBufferRing& CommandBufferRing::operator=(CommandBufferRing&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->close();
    core_ = std::move(other.core_);
  }
  return *this;
}

CommandBufferRing::~CommandBufferRing() {
  if (core_ != nullptr) core_->close();
}

detail::RingCore& CommandBufferRing::core() const {
  if (core_ == nullptr) throw InvalidUsage("the CommandBufferRing was moved from");
  return *core_;
}

Lease CommandBufferRing::acquire(const AcquireOptions& options, std::source_location where) {
  return core().acquire(options, nullptr, where);
}

std::optional<Lease> CommandBufferRing::try_acquire(const AcquireOptions& options,
                                                    std::source_location where) {
  const Timeout limit = options.timeout.value_or(Timeout(std::chrono::nanoseconds(0)));
  return core().try_acquire(options, nullptr, limit, options.timeout.has_value(), where);
}

std::optional<Lease> CommandBufferRing::try_acquire_for(Timeout timeout,
                                                        std::source_location where) {
  return core().try_acquire({}, nullptr, timeout, true, where);
}

detail::LeaseAwaiter CommandBufferRing::acquire_async(const AcquireOptions& options,
                                                      std::source_location where) {
  return detail::LeaseAwaiter(core().make_request(options, nullptr, where));
}

AcquireHandle CommandBufferRing::acquire_async(const AcquireOptions& options,
                                               std::function<void(AcquireResult)> callback,
                                               std::source_location where) {
  return AcquireHandle(core().ask(options, nullptr, std::move(callback), where));
}

Sequence CommandBufferRing::sequence() {
  return {core_, core().make_sequence(std::nullopt)};
}

Sequence CommandBufferRing::sequence(QueueIndex queue) {
  return {core_, core().make_sequence(queue)};
}

void CommandBufferRing::set_ring_size(std::uint32_t ring_size) {
  core().set_ring_size(ring_size);
}

void CommandBufferRing::reset(std::shared_ptr<Backend> backend) {
  core().require_same_process();
  auto fresh = detail::RingCore::make(std::move(backend), core().options_now());
  core_->close();
  core_ = std::move(fresh);
}

std::vector<Leak> CommandBufferRing::leaked() const {
  core().require_same_process();
  return core().log().leaked();
}

void CommandBufferRing::drain() {
  core().drain();
}

RingStatistics CommandBufferRing::statistics() const {
  return core().statistics();
}

Diagnosis CommandBufferRing::diagnose() const {
  core().require_same_process();
  if (!core().options().track_statistics) {
    return {{{FindingKind::no_times, "track_statistics is off, so nobody counted what the GPU did.",
              "Set track_statistics to true.", std::nullopt}}};
  }
  // Not both at one moment, and they need not be: nothing is told from the one by the other.
  std::source_location oldest_lease_at;
  const RingStatistics statistics = core().statistics(oldest_lease_at);
  return observe::diagnose(
      statistics, leaked().size(),
      statistics.oldest_lease_ms > 0 ? detail::place(oldest_lease_at) : std::string());
}

void CommandBufferRing::reset_statistics() {
  core().reset_statistics();
}

std::uint32_t CommandBufferRing::ring_size() const {
  return core().ring_size();
}

std::uint32_t CommandBufferRing::queue_count() const {
  return core().queue_count();
}

std::chrono::nanoseconds CommandBufferRing::spin_limit() const {
  return core().spin_limit();
}

std::string CommandBufferRing::name() const {
  return core().options().name;
}

TimePoint CommandBufferRing::now() const {
  return core().backend().now();
}

}  // namespace cbr
