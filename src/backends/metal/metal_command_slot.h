// The native objects of one slot.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#import <Metal/Metal.h>

#include <cbr/backend.h>
#include <cbr/metal.h>

#include "backends/metal/commit_warning.h"
#include "backends/metal/event_timeline.h"
#include "backends/metal/event_work.h"
#include "backends/metal/metal4_sdk.h"
#include "backends/metal/queue_room.h"

namespace cbr::metal {

/// What a slot of either generation is made from.
struct SlotOptions {
  /// The label of its command buffers.
  std::string name;
  SlotIndex index{};
  QueueIndex queue{};
  bool retained_references = true;
  bool encoder_errors = true;
  bool make_ahead = false;
  std::shared_ptr<CommitWarning> commit_warning;
  /// Where an abandoned slot counts its command buffer, which takes a place of its queue's.
  std::shared_ptr<std::atomic<std::uint32_t>> abandoned_buffers;
  /// What its submissions signal for others; null where nobody can wait for them.
  std::shared_ptr<EventTimeline> timeline;
  /// Of Metal 3: whether there is a place for a command buffer that waits.
  std::shared_ptr<QueueRoom> room;
};

/// One command buffer at a time, from begin to completion. One thread at a time uses a slot; its
/// handlers run on threads of Metal's, and may do so after the slot is gone.
///
/// It needs nothing of its backend, so a slot that is abandoned goes whole to whoever has the
/// lease. It then ends on any thread, with a recording that may have an encoder open.
class CommandSlot : public NativeSlot {
 public:
  explicit CommandSlot(std::shared_ptr<EventTimeline> timeline) : timeline_(std::move(timeline)) {}

  /// A command buffer ready for encoding. The one before has ended. Throws BackendError.
  virtual void* begin() = 0;
  /// Hands it to the GPU, as the next of its queue, which waits for `waits` and what was set by
  /// set_events() first. Throws BackendError; nothing is submitted then.
  virtual void submit(Serial serial, std::span<const TimelinePoint> waits) = 0;
  virtual void discard() noexcept = 0;
  /// While a recording is under way: from now on the slot is on its own. Calls nothing.
  virtual void abandon() noexcept = 0;
  /// What was submitted last.
  [[nodiscard]] virtual Work& submitted_work() const noexcept = 0;

  /// The device that its commands are for.
  [[nodiscard]] virtual id<MTLDevice> device() const noexcept = 0;
  /// Makes sure that submissions may wait. Throws InvalidOption.
  virtual void let_wait() {}
  /// While a recording is under way: the program's events that its submission waits for and
  /// signals. They are for that recording alone.
  void set_events(EventPoints waits, EventPoints signals) noexcept {
    waits_ = std::move(waits);
    signals_ = std::move(signals);
  }

 protected:
  /// Adds what is still to be waited for of `waits`, and takes all that there is.
  [[nodiscard]] EventPoints take_waits(std::span<const TimelinePoint> waits);
  /// Takes the program's signals, and adds the timeline's own.
  [[nodiscard]] EventPoints take_signals(SlotIndex slot, Serial serial);
  /// Nothing keeps the submission from being committed any more.
  void note_submission(SlotIndex slot, Serial serial) noexcept {
    if (timeline_ != nullptr) timeline_->note(slot, serial);
  }
  void drop_events() noexcept { set_events({}, {}); }

 private:
  const std::shared_ptr<EventTimeline> timeline_;
  EventPoints waits_;
  EventPoints signals_;
};

/// A slot that makes a fresh MTLCommandBuffer for each lease.
[[nodiscard]] std::unique_ptr<CommandSlot> make_metal3_slot(id<MTLCommandQueue> queue,
                                                            std::shared_ptr<Progress> progress,
                                                            SlotOptions options);

#if CBR_METAL4_SDK
/// A slot with an MTL4CommandBuffer and an MTL4CommandAllocator of its own. Throws BackendError.
[[nodiscard]] std::unique_ptr<CommandSlot> make_metal4_slot(id<MTLDevice> device,
                                                            id<MTL4CommandQueue> queue,
                                                            std::shared_ptr<Progress> progress,
                                                            const SlotOptions& options)
    API_AVAILABLE(macos(26.0), ios(26.0));
#endif

}  // namespace cbr::metal
