#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/sequence.h>

#include "core/ring_core.h"
#include "core/sequence_record.h"

namespace cbr {

Sequence::Sequence(std::shared_ptr<detail::RingCore> core,
                   std::shared_ptr<detail::SequenceRecord> record) noexcept
    : core_(std::move(core)), record_(std::move(record)) {}

Lease Sequence::acquire(const AcquireOptions& options, std::source_location where) {
  if (!valid()) throw InvalidUsage("Sequence::acquire on an empty sequence");
  return core_->acquire_in_sequence(options, record_, where);
}

detail::LeaseAwaiter Sequence::acquire_async(const AcquireOptions& options,
                                             std::source_location where) {
  if (!valid()) throw InvalidUsage("Sequence::acquire_async on an empty sequence");
  return detail::LeaseAwaiter(core_->make_request(options, &record_, where));
}

AcquireHandle Sequence::acquire_async(const AcquireOptions& options,
                                      std::function<void(AcquireResult)> callback,
                                      std::source_location where) {
  if (!valid()) throw InvalidUsage("Sequence::acquire_async on an empty sequence");
  return AcquireHandle(core_->ask(options, &record_, std::move(callback), where));
}

QueueIndex Sequence::queue() const {
  if (!valid()) throw InvalidUsage("Sequence::queue on an empty sequence");
  return record_->queue;
}

}  // namespace cbr
