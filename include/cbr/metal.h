/// @file
/// The Metal backend: opens the system's device, or wraps yours.
///
/// Plain C++: Metal's objects go by as void*, which holds an id<MTLDevice> of Objective-C++ as well
/// as an MTL::Device* of metal-cpp, for they are the same pointer:
///
///     auto buffer = (__bridge id<MTLCommandBuffer>)cbr::metal::command_buffer(lease);
///     auto* buffer = static_cast<MTL::CommandBuffer*>(cbr::metal::command_buffer(lease));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/dependency.h>
#include <cbr/lease.h>
#include <cbr/ticket.h>

/// The Metal backend.
namespace cbr::metal {

/// Which of Metal's two sets of command classes a device's queues are of.
enum class Generation : std::uint8_t {
  /// MTLCommandQueue and MTLCommandBuffer. A command buffer serves once, so a slot makes a fresh
  /// one for each lease.
  metal3,
  /// MTL4CommandQueue and MTL4CommandBuffer, from macOS 26 on. A slot keeps one command buffer and
  /// one command allocator and uses them again.
  metal4,
};

/// What is known of a device.
struct DeviceInfo {
  /// As Metal calls it.
  std::string name;
  /// The same in every process and for every object that stands for this device.
  std::uint64_t registry_id = 0;
  /// Whether this system and this GPU have Metal 4.
  bool metal4 = false;
};

/// The most command buffers that a queue holds uncompleted if nobody says otherwise.
inline constexpr std::uint32_t default_max_command_buffers = 64;
/// Queues of one Device.
inline constexpr std::uint32_t max_queue_count = 64;

/// What Device::open opens.
struct OpenOptions {
  /// Metal 3's queues or Metal 4's.
  Generation generation = Generation::metal3;
  /// 1 to max_queue_count. Slot i of a ring belongs to queue i modulo their number.
  std::uint32_t queue_count = 1;
  /// Metal 3: what each queue is created with. A ring has no more slots on a queue than this; with
  /// BackendOptions::make_ahead half as many. A lease that outlives its ring takes one of them.
  std::uint32_t max_command_buffers = default_max_command_buffers;
};

/// A device and its queues of the user's, for Device::wrap.
struct WrapOptions {
  /// id<MTLDevice> or MTL::Device*. Null: the device of `queue`.
  void* device = nullptr;
  /// id<MTLCommandQueue> or MTL::CommandQueue*; for metal4 id<MTL4CommandQueue> or
  /// MTL4::CommandQueue*.
  void* queue = nullptr;
  /// Queues to use beside `queue`, of the same device. No queue may be named twice.
  std::vector<void*> more_queues = {};
  /// What `queue` and `more_queues` are of.
  Generation generation = Generation::metal3;
  /// Metal 3: the maxCommandBufferCount that the queues were created with, less what others hold of
  /// them at a time. Metal doesn't let a queue be asked. Its default is 64.
  std::uint32_t max_command_buffers = default_max_command_buffers;
};

/// A Metal device with one or more queues, all of one generation. Keeps a reference to each, so
/// wrapped ones may be released. All functions may be called by any thread.
class Device {
 public:
  /// Opens the system's default device and makes queues. Throws BackendError if there is no device,
  /// no Metal 4 where it is asked for, or a queue can't be made; InvalidOption if a number is out
  /// of range.
  [[nodiscard]] static std::shared_ptr<Device> open(const OpenOptions& options = {});
  /// Uses a device and queues of the caller's. Throws InvalidUsage if a queue is missing, named
  /// twice, of another device or of the other generation; InvalidOption and BackendError as open()
  /// does.
  [[nodiscard]] static std::shared_ptr<Device> wrap(const WrapOptions& options);

  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  /// What the device can do; valid as long as this object.
  [[nodiscard]] virtual const DeviceInfo& info() const noexcept = 0;
  /// Which generation all its queues are of.
  [[nodiscard]] virtual Generation generation() const noexcept = 0;
  /// id<MTLDevice> or MTL::Device*; valid as long as this object.
  [[nodiscard]] virtual void* handle() const noexcept = 0;
  /// How many queues it has, at least 1.
  [[nodiscard]] virtual std::uint32_t queue_count() const noexcept = 0;
  /// The native queue; valid as long as this object. `queue` is below queue_count().
  [[nodiscard]] virtual void* queue(QueueIndex queue) const noexcept = 0;

 protected:
  Device() = default;
};

/// How make_backend sets up the slots' command buffers.
struct BackendOptions {
  /// Metal 3: whether command buffers keep what they use alive until they have completed. Without,
  /// encoding costs less, and to keep it alive is yours: see Lease::keep_alive. Metal 4 never does.
  bool retained_references = true;
  /// Metal 3: has Metal note how far each encoder came, so that a failure names the encoder.
  bool encoder_errors = true;
  /// Metal 3: makes a slot's next command buffer at the end of submit(), while the GPU works,
  /// instead of in acquire(). A slot then holds up to two of the queue's maximum.
  bool make_ahead = false;
  /// Lets submissions of this device wait on the GPU for this backend's, and its own for theirs:
  /// cbr::SubmitOptions::after, and timeline_point(). Both backends need it. Each submission then
  /// signals a shared event of its slot at its end; what that costs on a Mac nobody has measured,
  /// so it is off unless asked for. Metal 3: a slot holds one more of the queue's maximum, for a
  /// command buffer that waits.
  bool timelines = false;
  /// Receives a line when the program uses a slot's command buffer in a way that the ring survives
  /// but doesn't want: a commit behind its back. Once a ring, without a lock, on the thread that
  /// acquires a slot next or destroys the ring; it must not use the ring, and its exceptions are
  /// dropped. Default: the ring's log sink.
  std::function<void(const std::string& line)> on_warning = nullptr;
};

/// A backend on the device's queues. It shares the device.
///
/// Each slot completes by a handler of its own command buffer, so work may complete in any order.
/// Intervals are in the host's clock, by which all of one machine can be compared.
///
/// Error texts have Metal's code by name, and the encoder that failed where Metal tells it. A
/// removed device and revoked access to the GPU are a lost device.
[[nodiscard]] std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device,
                                                    const BackendOptions& options = {});

/// The lease's command buffer: id<MTLCommandBuffer> or MTL::CommandBuffer*. Valid until the lease
/// ends. Encode into it, end your encoders, and submit the lease: don't commit or enqueue the
/// buffer. Throws InvalidUsage if the lease is empty or not of a Metal 3 ring.
[[nodiscard]] void* command_buffer(const Lease& lease);

/// The same on a Metal 4 ring: id<MTL4CommandBuffer> or MTL4::CommandBuffer*, already begun. Don't
/// begin, end or commit it. Throws InvalidUsage if the lease is empty or not of a Metal 4 ring.
[[nodiscard]] void* command_buffer4(const Lease& lease);

/// How many events one submission waits for or signals at most.
inline constexpr std::uint32_t max_events = 64;

/// A value of an event of the program's.
struct SharedEvent {
  /// id<MTLSharedEvent> or MTL::SharedEvent*; where the GPU alone waits and signals, an
  /// id<MTLEvent> or MTL::Event* of the ring's device as well. Kept until the work has ended.
  void* event = nullptr;
  /// To wait for: this or more. To signal: at least 1.
  std::uint64_t value = 0;
};

/// How metal::submit submits a lease.
struct SubmitOptions {
  /// As cbr::SubmitOptions::after.
  Dependencies after = {};
  /// What the GPU waits for before it starts this work. What comes later on the native queue waits
  /// behind it, another ring's work on that queue too.
  std::vector<SharedEvent> wait = {};
  /// What the GPU signals once this work has ended. Work that fails is no exception, so that nobody
  /// waits for ever: there the host signals, if the event is a shared one. Signal an event from one
  /// place at a time: where the host signals a value while somebody else signals a higher one, the
  /// lower may stay.
  std::vector<SharedEvent> signal = {};
};

/// Submits as Lease::submit does, with events of the program's to wait for and to signal. Where a
/// Sequence or `after` holds the lease back, the events come with it when its turn has come.
/// Doesn't wait. Metal 3: what waits takes one more of the queue's maximum for each slot of the
/// ring from then on. (To wait for what is known before the program encodes, -[MTLCommandBuffer
/// encodeWaitForEvent:value:] on the lease's own buffer is cheaper.)
///
/// Throws what Lease::submit throws. Before anything native happens it throws InvalidUsage if the
/// lease is empty or of no Metal ring, an event is null or another device's, one is to be signalled
/// twice, or no higher than this very work waits for it; InvalidOption if a value to signal is 0,
/// there are more than max_events, or the queue's maximum leaves no place for what waits. After a
/// throw the slot is free again.
Ticket submit(Lease&& lease, const SubmitOptions& options,
              std::source_location where = std::source_location::current());

/// What others wait for so as to wait for a submission.
struct SharedEventPoint {
  /// id<MTLSharedEvent> or MTL::SharedEvent*. The ring's: wait for it, and don't signal it.
  void* event = nullptr;
  /// The submission has ended, well or not, once the event has this value or more.
  std::uint64_t value = 0;
  /// Keeps the event, after the ring's end too. Needed until whatever waits has been told so.
  std::shared_ptr<const void> owner;
};

/// What others, of any API that knows shared events, wait for so as to wait for a submission. It
/// stands for this submission alone, and not for earlier ones of its queue. Throws InvalidUsage if
/// the ticket is empty, of another API, or still held back, if its work never ran, its ring has
/// ended, or its backend was made without BackendOptions::timelines. Doesn't block; any thread may
/// call it.
[[nodiscard]] SharedEventPoint timeline_point(const Ticket& ticket);

}  // namespace cbr::metal
