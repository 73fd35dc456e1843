/// @file
/// Checks the contract between a ring and its backend, in both directions.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <cbr/backend.h>

namespace cbr {

/// Receives a broken rule, one line without line break. Called by the thread whose call broke the
/// rule, within that call and under whatever lock the ring makes it with: it must neither use the
/// ring nor throw.
using ViolationSink = std::function<void(std::string_view line)>;

/// Wraps `inner` in a check of what backend.h demands of both sides, for tests of a new backend or
/// of the ring:
///
/// - calls come only while a ring is attached, and none is under way when it detaches;
/// - a slot is begun when it is free, submitted, discarded or abandoned when it is recording,
///   finished once for each submission and after `completed` covered it, by one thread at a time;
///   nothing comes for a slot that was abandoned;
/// - each queue takes one submission at a time, and its serials count up by one, unless the
///   submission threw;
/// - all queues have a `timeline`, of one device, or none has; a submission waits for work of that
///   device alone, which was submitted before if it is this ring's, and ends after it;
/// - `completed` and `finish` come one at a time for a queue, `finish` in the order of its serials;
/// - `completed` never goes back, nor beyond what was submitted;
/// - `finish` tells no interval that ends before it starts, no end other than the interval's, and
///   nothing that SlotLayout::gpu_times doesn't ask for;
/// - `begin` returns a handle, `abandon` the objects behind it;
/// - `wait` tells the truth about why it ended, and prefers `reached`;
/// - only free slots are removed, and only absent ones added;
/// - nothing is in flight at `detach`, unless the device is lost;
/// - SlotLayout::report is not called any more once `detach` has returned;
/// - a backend that has thrown DeviceLost goes on throwing it.
///
/// `on_violation` is called for each broken rule; if it returns, the call goes on as if nothing had
/// been seen. What `abandon` breaks is told by the next call, since a ring abandons slots under a
/// lock. Without `on_violation`, the line is printed to standard error and the program aborts.
///
/// Shares `inner`, which nobody else may use meanwhile and which gets no calls but the ring's: a
/// wait that said `reached` without reason is found by a later `completed`. Throws InvalidUsage if
/// `inner` is null. The result may be used by the same threads as `inner`.
[[nodiscard]] std::shared_ptr<Backend> validate(std::shared_ptr<Backend> inner,
                                                ViolationSink on_violation = {});

}  // namespace cbr
