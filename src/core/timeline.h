// The submissions of one queue that are in flight, in serial order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/types.h>

#include "core/sync.h"

namespace cbr::detail {

struct Submission;

/// A queue with one writer at each end, which so needs no lock of its own: who submits pushes, with
/// the queue's submit mutex held; who retires takes out, with its retire mutex held. Anybody may
/// read the serials.
///
/// The numbers of the serials are the positions: nothing else stores which are in flight.
class Timeline {
 public:
  /// At most `capacity` submissions are in flight at once. Before any is.
  void reserve(std::uint32_t capacity) {
    entries_.resize(std::bit_ceil(std::size_t{capacity}));
    mask_ = entries_.size() - 1;
  }

  // The submitting end.

  [[nodiscard]] Serial next() const { return last_submitted().next(); }
  /// `submission` is in flight with the serial next(). Sequentially consistent: whoever wants to
  /// know of it, and says so before looking at last_submitted(), is seen by this thread afterwards.
  void push(Submission& submission) {
    const std::uint64_t serial = submitted_.load(std::memory_order_relaxed) + 1;
    entries_[serial & mask_] = &submission;
    submitted_.store(serial);
  }

  // The retiring end.

  /// The submission with this serial, which is in flight.
  [[nodiscard]] Submission& operator[](Serial serial) const {
    return *entries_[serial.value() & mask_];
  }
  /// Everything up to `serial` has ended, and its outcome is known.
  void retire(Serial serial) { retired_.store(serial.value(), std::memory_order_release); }

  // For everyone.

  [[nodiscard]] Serial last_submitted() const { return Serial(submitted_.load()); }
  /// The newest of which it and all before it have been retired.
  [[nodiscard]] Serial retired() const { return Serial(retired_.load()); }
  /// The oldest serial in flight; nothing if there is none.
  [[nodiscard]] std::optional<Serial> oldest() const {
    const Serial retired(retired_.load());
    if (retired.covers(last_submitted())) return std::nullopt;
    return retired.next();
  }

 private:
  std::vector<Submission*> entries_;
  std::uint64_t mask_ = 0;
  Atomic<std::uint64_t> submitted_ = 0;
  Atomic<std::uint64_t> retired_ = 0;
};

}  // namespace cbr::detail
