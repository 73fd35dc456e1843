// The native objects of one slot.
#pragma once

#include <memory>
#include <string>

#include <cbr/types.h>

#include "backends/metal/completion_board.h"

namespace cbr::metal {

/// What a slot's handlers know. They may run after the slot is gone, so they share it.
struct HandlerContext {
  std::shared_ptr<CompletionBoard> board;
  SlotIndex slot{};
  /// "CommandRing #0"
  std::string label;
};

/// The command buffer of a slot. One thread at a time uses a slot; none of the functions blocks.
class CommandSlot {
 public:
  CommandSlot() = default;
  CommandSlot(const CommandSlot&) = delete;
  CommandSlot& operator=(const CommandSlot&) = delete;
  /// Nothing is in flight, unless the device is lost.
  virtual ~CommandSlot() = default;

  /// Readies a command buffer and returns it; not retained. Its end will be told to the board with
  /// `recording`. Throws BackendError.
  virtual void* begin(RecordingNumber recording) = 0;
  /// Commits it. False if the program has done so already.
  virtual bool commit() = 0;
  /// Gives it up. False if the program has committed it, so that it runs.
  virtual bool discard() noexcept = 0;
};

}  // namespace cbr::metal
