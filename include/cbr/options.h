/// @file
/// The options of a ring.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/log.h>
#include <cbr/types.h>

namespace cbr {

class Observer;

/// The largest ring that can be made. More slots than a few only add latency and memory.
inline constexpr std::uint32_t max_ring_size = 1024;
/// The most priority levels that a ring can tell apart.
inline constexpr std::uint32_t max_priority_levels = 16;

/// Which slot a caller gets.
enum class AllocationStrategy : std::uint8_t {
  /// Slots take turns; busy ones are passed over.
  round_robin,
  /// A slot of the queue with the least unfinished work: by measured GPU time where known, else by
  /// count. The same as round_robin on a device with one queue.
  least_busy,
  /// Requests have a level. A slot goes to the highest level that waits, and within a level to the
  /// request that came first. See RingOptions::ageing_limit and reserved_slots.
  priority,
};

/// How a thread waits for the GPU.
enum class WaitStrategy : std::uint8_t {
  /// In the driver, from beginning to end. What that costs is the driver's affair: NVIDIA's was
  /// seen to spin for a part of waits for one semaphore, and not in a ring's, which are for the
  /// queue and for the host's wake-up at once: 2 to 4 % of a core with steps of 1 ms (H100 and
  /// H200, driver 580).
  block,
  /// In a loop that asks the driver. Takes a CPU core.
  spin,
  /// Spins for about as long as a blocked thread takes to wake, which is measured when the ring is
  /// made, then blocks: short waits end early, long ones cost little.
  hybrid,
  /// Where waits in the driver spin (Backend::waits_spin), acquire() and Ticket::wait() sleep
  /// first: the GPU times of earlier steps say for how long. In between they look, after a
  /// millisecond at most and then after as long as all before together, so that work which ends
  /// sooner than was foreseen is noticed within double its time, or within a millisecond. As
  /// `block` where nothing is known of earlier steps, in other waits, and on other drivers.
  adaptive,
};

/// "round-robin", "least-busy", "priority".
[[nodiscard]] std::string_view to_string(AllocationStrategy strategy) noexcept;
/// The strategy of that name, or nothing.
[[nodiscard]] std::optional<AllocationStrategy> parse_allocation_strategy(
    std::string_view name) noexcept;
/// "block", "spin", "hybrid", "adaptive".
[[nodiscard]] std::string_view to_string(WaitStrategy strategy) noexcept;
/// The strategy of that name, or nothing.
[[nodiscard]] std::optional<WaitStrategy> parse_wait_strategy(std::string_view name) noexcept;

/// The level of a request; 0 is the highest. The names are those of the three default levels; with
/// more, write Priority{5}.
enum class Priority : std::uint32_t {
  /// Served first.
  high = 0,
  /// What a request has that names none, as long as there are three levels.
  medium = 1,
  /// Served last.
  low = 2,
};

/// Receives the ring's messages, with no lock held, on any thread of the program or the ring's.
/// What it throws is dropped. Not called any more once the ring's destructor has returned.
using LogSink = std::function<void(const LogMessage& message)>;

/// Runs a suspended coroutine: at once, on another thread, whenever. Called with no lock held. What
/// it throws goes to the log sink, and the coroutine stays suspended.
using Executor = std::function<void(std::coroutine_handle<> coroutine)>;

/// The limits within which a ring chooses its own size.
struct AutoRingSize {
  /// The most slots, 1 to max_ring_size. The ring may always have two for each queue.
  std::uint32_t largest = 8;
  /// How long steps may wait for the GPU once they are submitted, in the mean. The ring is no
  /// larger than that allows, down to one slot for each queue, so a program that holds several
  /// leases at once may wait for itself. Empty: as long as they like. (In a configuration file this
  /// is `max_queued_ms`, where 0 stands for no limit.)
  std::optional<std::chrono::nanoseconds> max_queued = std::nullopt;
};

/// How a ring works. Copied when the ring is made; an object can serve several rings.
struct RingOptions {
  /// Number of slots, 1 to max_ring_size. 1 is the serial baseline, 2 double, 3 triple buffering.
  /// A backend with several queues needs a slot for each.
  std::uint32_t ring_size = 3;
  /// The ring chooses its size: it starts with two slots for each queue, whatever `ring_size` says,
  /// and follows what other sizes would gain or cost with the steps that it sees. Each change goes
  /// to the log sink, with its reason. It needs GpuTimes::both and a device whose clock is known by
  /// the host's; without these it says so, and has three slots for each queue, or `largest`. The
  /// work is done in acquire() and its kin, which then may make or remove slots. set_ring_size()
  /// ends the choosing. Empty: the size is fixed.
  std::optional<AutoRingSize> auto_ring_size = std::nullopt;
  /// How long acquire() waits for a free slot before it throws AcquireTimeout. Empty: for ever. (In
  /// a configuration file this is `timeout_ms`, where 0 stands for ever.)
  Timeout timeout = {};

  /// Which slot a caller gets.
  AllocationStrategy allocation_strategy = AllocationStrategy::round_robin;
  /// Levels that AllocationStrategy::priority tells apart, 1 to max_priority_levels. A request that
  /// names none has the middle one.
  std::uint32_t priority_levels = 3;
  /// With AllocationStrategy::priority: slots kept for each level, highest first, which no other
  /// level gets. Empty: none. Every level must be left a slot that it may take.
  std::vector<std::uint32_t> reserved_slots = {};
  /// With AllocationStrategy::priority: how often a waiting request may be overtaken by later ones.
  /// After that it goes before all levels. So a request behind which k others waited on arrival
  /// gets, at the latest, slot k + ageing_limit + 1 of those it may take that are handed out to
  /// waiters.
  std::uint32_t ageing_limit = 16;

  /// While the GPU is behind, submissions are gathered, up to half of the ring's slots, and go to
  /// the driver in one native submission; the GPU then goes from one to the next in less time. When
  /// the GPU has little left to do, they go at once. They end together: a ticket may end later than
  /// its own work, by the rest of what it went with. Work that waits for other work
  /// (SubmitOptions::after) or for semaphores of the program's is not gathered. Between what went
  /// together the GPU does not wait by itself, so commands that need the results of the submission
  /// before must have a barrier for them, as every API asks for anyway. What the program itself
  /// gives to the same native queue may overtake what is gathered. Costs a thread. It needs a ring
  /// of four slots or more for each queue to have any effect, and a size that is fixed; other
  /// backends than Vulkan's and the simulated one send each at once.
  bool coalescing = false;

  /// How a thread waits for the GPU.
  WaitStrategy wait_strategy = WaitStrategy::block;
  /// How long WaitStrategy::hybrid spins. Empty: measured when the ring is made.
  std::optional<std::chrono::nanoseconds> spin_limit = std::nullopt;

  /// Which times the GPU notes for each submission, as far as the device can.
  GpuTimes gpu_times = GpuTimes::both;

  /// Work that is in flight for this many milliseconds is reported to the log sink, and again each
  /// time its age has doubled. The ring goes on waiting. 0 reports nothing.
  std::uint64_t hang_warning_ms = 5000;
  /// Reports every wait for a slot to the log sink. For debugging: it costs a line a step.
  bool log_wait_events = false;
  /// Counts acquisitions, waits and submissions. Off, statistics() reports zeros for what it
  /// counts.
  bool track_statistics = true;

  /// Appears in messages and the debug labels of slots ("CommandRing #0").
  std::string name = "CommandRing";
  /// Where messages go: by default to standard error. It is called with no lock held, by the thread
  /// that has something to tell, and must not end the ring.
  LogSink log_sink = nullptr;
  /// Where `co_await ticket` and `co_await ring.acquire_async()` resume. By default on the ring's
  /// completion or acquire thread, which should not be kept busy for long.
  Executor executor = nullptr;
  /// Called about every 50 ms by each thread that waits for a slot or for the end of work, with no
  /// lock held. What it throws ends that wait, comes out of the call that waited and changes
  /// nothing else: for programs that must stay interruptible. The ring's destructor and its own
  /// threads don't call it, and on the simulated GPU only waits without a limit do. It must not end
  /// the ring. May be null, which is cheapest.
  std::function<void()> interrupt_check = nullptr;
  /// Learns of every acquisition, submission and completion. May be null.
  std::shared_ptr<Observer> observer = nullptr;
};

/// What one request for a slot asks for.
struct AcquireOptions {
  /// With AllocationStrategy::priority: the level, less than priority_levels. Other strategies
  /// treat all requests alike.
  std::optional<Priority> priority = std::nullopt;
  /// A slot of this queue and of no other.
  std::optional<QueueIndex> queue = std::nullopt;
  /// Names the work in messages about hangs and failures. The first 31 bytes are kept.
  std::string_view label = {};
  /// How long this request may wait. Empty: acquire() and acquire_async() take
  /// RingOptions::timeout, and try_acquire() doesn't wait. `Timeout()` waits for ever, whatever the
  /// ring's options say.
  std::optional<Timeout> timeout = std::nullopt;
};

}  // namespace cbr
