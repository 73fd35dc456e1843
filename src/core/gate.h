// What may outlive a ring, or race its end, goes through here.
#pragma once

#include <cstdint>

#include "core/process_guard.h"
#include "core/sync.h"

namespace cbr::detail {

/// Leases, tickets, sequences, handles and coroutines may be used when their ring has ended, while
/// it ends, and in a forked child. Before such a call touches the backend, a thread or the
/// program's own code it makes a Visit; the ring's end refuses new visits and waits for those under
/// way.
///
/// A submission needs no visit of its own: it looks at is_open() with its queue's submit mutex
/// held, and the ring's end passes through that mutex after close(). What it has to tell afterwards
/// does, and gets one that can't be refused while it holds the mutex.
class Gate {
 public:
  enum class Answer : std::uint8_t {
    /// Go on.
    open,
    /// The ring has ended, or is ending: everything in flight ends without your help.
    closed,
    /// This process was forked off: nothing works here.
    forked,
  };

  [[nodiscard]] bool is_open() const { return (visits_.load() & closed_bit) == 0; }
  [[nodiscard]] bool same_process() const { return process_.same_process(); }

  /// Refuses visits from now on.
  void close() { visits_.fetch_or(closed_bit); }
  /// Waits for the visits under way. After close().
  void wait_until_empty();

 private:
  friend class Visit;
  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;

  Answer enter();
  void enter_unasked() { visits_.fetch_add(1); }
  void leave();

  const ProcessGuard process_;
  /// How many are under way, and the closed bit.
  Atomic<std::uint64_t> visits_ = 0;
  Mutex mutex_;
  ConditionVariable emptied_;
};

/// One call that goes through the gate, for as long as it lives.
class Visit {
 public:
  /// For whoever holds what the ring's end has yet to pass through: it is let in, closed or not.
  struct Unasked {};

  explicit Visit(Gate& gate) : gate_(gate), answer_(gate.enter()) {}
  Visit(Gate& gate, Unasked /*tag*/) : gate_(gate), answer_(Gate::Answer::open) {
    gate.enter_unasked();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (allowed()) gate_.leave();
  }
  [[nodiscard]] bool allowed() const { return answer_ == Gate::Answer::open; }
  [[nodiscard]] bool forked() const { return answer_ == Gate::Answer::forked; }

 private:
  Gate& gate_;
  const Gate::Answer answer_;
};

}  // namespace cbr::detail
