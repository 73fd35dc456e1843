// One submission with what it signals, told by Metal's handlers.
#pragma once

#include <cstdint>
#include <mutex>

#include "backends/metal/event_point.h"
#include "backends/metal/progress.h"

namespace cbr::metal {

/// Work that is made of one or two command buffers: the slot's, and on Metal 3 the one before it
/// that waits. It ends when both have, so that the slot has no place of its queue's maximum any
/// more. Functions may be called by any thread; none blocks.
class EventWork final : public Work {
 public:
  using Work::Work;

  /// Another command buffer is a part of it. Comes before that is committed.
  void add_part();
  /// What the GPU signals when it has ended well. Where it fails Metal signals nothing, and whoever
  /// waits would wait for ever: the host signals then. It does so in any case if `by_host`. Comes
  /// before the commit if the ring commits.
  void set_signals(EventPoints signals, bool by_host);
  /// Keeps these until its handlers are gone, for where Metal retains nothing.
  void keep(EventPoints points);
  /// The handler of one of its parts has run; times are the slot's own buffer's. The last tells
  /// `progress`.
  void part_ended(Progress& progress, Outcome outcome);

 private:
  std::mutex mutex_;
  // All below is guarded by mutex_.
  std::uint32_t parts_ = 1;
  Outcome outcome_;
  EventPoints signals_;
  bool by_host_ = false;
  EventPoints kept_;
};

}  // namespace cbr::metal
