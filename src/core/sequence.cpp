#include <utility>

#include <cbr/sequence.h>

#include "core/ring_core.h"

namespace cbr {

Sequence::Sequence(std::shared_ptr<detail::RingCore> core,
                   std::shared_ptr<detail::SequenceRecord> record) noexcept
    : core_(std::move(core)), record_(std::move(record)) {}

Lease Sequence::acquire(const AcquireOptions& options, std::source_location where) {
  return core_->acquire_in_time(options, &record_, where);
}

QueueIndex Sequence::queue() const noexcept {
  return record_->queue;
}

}  // namespace cbr
