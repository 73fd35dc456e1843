/// @file
/// The Vulkan backend: opens a device, or wraps yours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <vulkan/vulkan_core.h>

#include <cbr/backend.h>
#include <cbr/dependency.h>
#include <cbr/lease.h>
#include <cbr/ticket.h>

/// The Vulkan backend.
namespace cbr::vulkan {

class DeviceImpl;

/// The queues of a family that computes.
struct ComputeFamily {
  /// Position in the device's list of families.
  std::uint32_t family = 0;
  /// How many queues the family has, at least 1.
  std::uint32_t queue_count = 0;
  /// Whether the queues draw as well. Queues that don't are often the ones that run beside them.
  bool graphics = false;
  /// Whether the queues write timestamps.
  bool timestamps = false;
};

/// What a Vulkan device can do for a ring.
struct DeviceInfo {
  /// Position in Vulkan's own list.
  std::uint32_t index = 0;
  /// As the driver calls it.
  std::string name;
  /// Driver name and version, as the driver tells them.
  std::string driver;
  /// "1.3.224"
  std::string api_version;
  /// "discrete GPU", "integrated GPU", "virtual GPU", "CPU" or "other"
  std::string type;
  /// A ring needs Vulkan 1.2, timeline semaphores and a queue that computes.
  bool timeline_semaphores = false;
  /// Whether it has a queue that computes.
  bool compute_queue = false;
  /// Whether that queue writes timestamps; without, there are no GPU intervals.
  bool timestamps = false;
  /// The families with queues that compute, in Vulkan's order.
  std::vector<ComputeFamily> compute_families = {};
  /// Needed by the kernels of `cbr bench` and `cbr generate`, not by the ring.
  bool buffer_device_address = false;
  /// Whether the driver tells what lost a device (VK_EXT_device_fault): DeviceLost then says it.
  /// False for NVIDIA's driver, which has the extension but hangs or crashes with it on a fault.
  bool device_fault = false;
  /// Whether memory of the host's can be imported (VK_EXT_external_memory_host): a Buffer of Python
  /// then shares an array's memory without a copy.
  bool external_memory_host = false;
  /// Why the driver could not describe the device: then it can't be used, and what it is said to be
  /// and have above may be missing. Empty mostly.
  std::string problem = {};

  /// Empty if a ring can use the device, else what is missing.
  [[nodiscard]] std::string why_unusable() const;
};

/// Lists the devices of the Vulkan library, also those that a ring can't use. Throws BackendError
/// if there is no library or it fails. Takes milliseconds to seconds: drivers are loaded.
[[nodiscard]] std::vector<DeviceInfo> list_devices();

/// A queue to open.
struct QueueRequest {
  /// One of DeviceInfo::compute_families. Empty: the device's main family as long as it has a queue
  /// left, then any other that computes.
  std::optional<std::uint32_t> family = {};
  /// How much the device is to favour the queue over its others, from 0 to 1. A hint to the driver.
  float priority = 1.0F;
};

/// What Device::open opens.
struct OpenOptions {
  /// An index in the list of devices, or a part of a device's name in any case: the first usable
  /// one that has it. Digits that are no index are a part of a name too. Empty: the first usable
  /// discrete GPU, else integrated, virtual, CPU. Where that can't be opened, the next that fits;
  /// see Device::passed_over().
  std::string device = {};
  /// The queues to open, 64 at most. Slot i of a ring belongs to queue i modulo their number.
  /// Empty: one queue of the main family. Buffers that queues of several families share need
  /// Vulkan's concurrent sharing, or transfers of ownership.
  std::vector<QueueRequest> queues = {};
  /// Whether a device without bufferDeviceAddress is no good.
  bool require_buffer_device_address = false;
  /// Turns on the Khronos validation layer with synchronisation validation. Its messages go to
  /// `on_validation_message`. Throws BackendError if the layer is not installed.
  bool validation = false;
  /// Receives each warning and error of the validation layer, on the thread that caused it.
  /// Default: standard error.
  std::function<void(const std::string& message)> on_validation_message = nullptr;
};

/// A further queue of the user's, for Device::wrap.
struct WrappedQueue {
  /// A queue of the device being wrapped.
  VkQueue queue = VK_NULL_HANDLE;
  /// The family that the queue was taken from.
  std::uint32_t queue_family = 0;
  /// The priority that the queue was created with.
  float priority = 1.0F;
  /// As in WrapOptions, for this queue.
  std::function<void()> lock_queue = nullptr;
  /// Undoes lock_queue. Give both or neither.
  std::function<void()> unlock_queue = nullptr;
};

/// A device, its queues and instance of the user's, for Device::wrap.
struct WrapOptions {
  /// The instance that the device belongs to.
  VkInstance instance = VK_NULL_HANDLE;
  /// The device's physical device.
  VkPhysicalDevice physical_device = VK_NULL_HANDLE;
  /// Created with the feature timelineSemaphore, for Vulkan 1.2 or later.
  VkDevice device = VK_NULL_HANDLE;
  /// A queue of `device` that computes: the ring's first.
  VkQueue queue = VK_NULL_HANDLE;
  /// The family that `queue` was taken from.
  std::uint32_t queue_family = 0;
  /// The priority that `queue` was created with.
  float queue_priority = 1.0F;
  /// Queues to use beside `queue`, 63 at most. No queue may be named twice.
  std::vector<WrappedQueue> more_queues = {};
  /// Where the ring finds Vulkan's functions. Null: the system's Vulkan library.
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  /// Called before and after each submission to `queue`, on the submitting thread. Give both where
  /// you submit to that queue too: Vulkan forbids two threads at once in one queue. Rings of one
  /// Device need none between themselves. A thread that waits for a ring's work, or asks after it,
  /// calls them too once the queue has stood still for 100 ms: don't hold the lock while you do.
  /// With RingOptions::coalescing a thread of the ring calls them, and so may every acquire() and
  /// statistics().
  std::function<void()> lock_queue = nullptr;
  /// Undoes lock_queue. Give both or neither.
  std::function<void()> unlock_queue = nullptr;
  /// Whether the device was created with bufferDeviceAddress.
  bool buffer_device_address = false;
  /// Whether the device was created with VK_EXT_device_fault and its feature deviceFault.
  /// DeviceLost then tells what the driver knows of the cause. Leave the feature off on NVIDIA's
  /// driver: with it on, version 580.159 takes faulting work for done and crashes later.
  bool device_fault = false;
  /// Whether the device was created with VK_EXT_external_memory_host.
  bool external_memory_host = false;
  /// Whether the device was created with the feature synchronization2, of Vulkan 1.3 or of
  /// VK_KHR_synchronization2. Work is then submitted by vkQueueSubmit2, and semaphores may name its
  /// stages.
  bool synchronization2 = false;
  /// Whether the device was created with VK_EXT_calibrated_timestamps. The GPU's times are then
  /// known by the host's clock to some microseconds; without, as closely as the ring can bound them
  /// by what it sees.
  bool calibrated_timestamps = false;
};

/// A logical device with one or more compute queues. Opened devices are destroyed with the last
/// reference; wrapped ones stay the user's and must outlive this object. What shares it beside the
/// program's own references: backends, leases that are recorded when their ring ends, and slots of
/// other rings of the VkDevice whose last work waited for work of this one.
/// All functions may be called by any thread. A queue index is below queue_count().
class Device final {
 public:
  /// Loads the Vulkan library and opens a device. Throws BackendError if there is no library, no
  /// such device, or the device can't be opened or lacks what a ring needs or the options ask for;
  /// the text says which. Throws InvalidOption if a priority is out of range or the queues are too
  /// many.
  [[nodiscard]] static std::shared_ptr<Device> open(const OpenOptions& options = {});
  /// Uses a device that the caller has opened. Throws InvalidUsage if a handle is missing, a queue
  /// is named twice or only one of two lock functions is given, InvalidOption as open() does,
  /// BackendError if the device lacks what a ring needs.
  [[nodiscard]] static std::shared_ptr<Device> wrap(const WrapOptions& options);

  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  /// Blocks where the driver was asked whether the device still lives (see WrapOptions::lock_queue)
  /// and the queue has not come that far.
  ~Device();

  /// Which better devices open() was to take but could not, and why, on one line; empty mostly.
  /// Valid as long as this object.
  [[nodiscard]] const std::string& passed_over() const noexcept;
  /// What the device can do; valid as long as this object.
  [[nodiscard]] const DeviceInfo& info() const noexcept;
  /// The Vulkan instance; valid as long as this object, if it was opened here.
  [[nodiscard]] VkInstance instance() const noexcept;
  /// The physical device that this one was made of.
  [[nodiscard]] VkPhysicalDevice physical_device() const noexcept;
  /// The Vulkan device; valid as long as this object, if it was opened here.
  [[nodiscard]] VkDevice handle() const noexcept;
  /// How many queues it has, at least 1.
  [[nodiscard]] std::uint32_t queue_count() const noexcept;
  /// The native queue. Submit to it by submit(), or under the lock of Device::wrap.
  [[nodiscard]] VkQueue queue(QueueIndex queue) const noexcept;
  /// The family that the queue was taken from.
  [[nodiscard]] std::uint32_t queue_family(QueueIndex queue) const noexcept;
  /// The priority that the queue was created with, from 0 to 1.
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept;
  /// Those of the first queue.
  [[nodiscard]] VkQueue queue() const noexcept { return queue(QueueIndex{0}); }
  /// The family of the first queue.
  [[nodiscard]] std::uint32_t queue_family() const noexcept { return queue_family(QueueIndex{0}); }
  /// A function of this device by its name, or null: for programs that don't link Vulkan's library.
  [[nodiscard]] PFN_vkVoidFunction function(const char* name) const noexcept;
  /// Whether this process opened or wrapped it. False in a child that was forked since, where no
  /// function of Vulkan may be called: what was made from the device is left as it lies there.
  [[nodiscard]] bool same_process() const noexcept;
  /// Submits to a queue under the queue's lock. Throws DeviceLost, SubmitFailed.
  void submit(QueueIndex queue, const VkSubmitInfo& submission);
  /// The same for the first queue.
  void submit(const VkSubmitInfo& submission) { submit(QueueIndex{0}, submission); }

 private:
  friend class DeviceImpl;
  explicit Device(std::unique_ptr<DeviceImpl> impl) noexcept;

  const std::unique_ptr<DeviceImpl> impl_;
};

/// A backend whose slots are one command pool and one primary command buffer each, on the device's
/// queues, with timestamps round every submission as RingOptions::gpu_times asks for. The backend
/// shares the device.
///
/// Intervals of several queues, and of several backends of one device, are read from the device's
/// one clock, and drivers write them so that they can be compared. Vulkan itself promises that for
/// those of one queue only. A counter of few bits starts again in a while; intervals go on, for the
/// host's clock says how often it did. Work that runs for longer than the counter takes to start
/// again shows shorter than it was. Times that can't be true are absent.
///
/// On NVIDIA's driver a wait that may be woken is one call of the driver, unless a validation layer
/// is on. Other drivers can't be woken, or only at the cost of a spinning CPU core (Mesa's software
/// drivers): there such a wait looks every 0.05 to 1 ms whether it was woken while a lease is
/// recorded, and otherwise after 1 ms and then ever more seldom, every 100 ms in the end. NVIDIA's
/// driver spins in its waits; the others are taken to sleep.
[[nodiscard]] std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device);

/// The lease's command buffer, already begun for one-time submission. Record into it with your own
/// Vulkan functions; don't end, reset or submit it. Throws InvalidUsage if the lease is empty or
/// not of a Vulkan ring.
[[nodiscard]] VkCommandBuffer command_buffer(const Lease& lease);

/// A semaphore of the program's that a submission waits for or signals.
struct Semaphore {
  /// Of the device that the ring is on.
  VkSemaphore handle = VK_NULL_HANDLE;
  /// Of a timeline semaphore: what to wait for; or what to signal, then at least 1 and more than it
  /// has. Empty for a binary one.
  std::optional<std::uint64_t> value = {};
  /// Of a wait: the stages of this submission's work that wait; the others may start before. Of a
  /// signal: those whose end signals; without synchronization2 it is always the end of all.
  VkPipelineStageFlags2 stages = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
};

/// The most semaphores to wait for, the most to signal, and the most command buffers before and
/// after the slot's, of one submission.
inline constexpr std::size_t max_submit_entries = 64;

/// How a lease is submitted with what is the program's own. All goes to the driver in one native
/// submission, also where a Sequence or a dependency holds it back until later.
///
/// Command buffers have to live until the submission has ended; semaphores until it has and what
/// it signals is signalled, which may be a moment later: Vulkan gives the signals of one submission
/// no order, the ring's own among them. So don't read or destroy a semaphore because the ticket has
/// ended: wait for it, or for what waits for it. Where the submission fails before the driver has
/// got it (its ticket's serial is 0 then), nothing is waited for and nothing is signalled. A binary
/// semaphore is to be waited for only once what signals it is with the driver, so don't wait for
/// one that a submission which may be held back is to signal: use a timeline semaphore there.
struct SubmitOptions {
  /// As in cbr::SubmitOptions: submissions to wait for, on the GPU.
  Dependencies after = {};
  /// Semaphores to wait for. A wait shows the stages that it names what the signal's work wrote.
  std::vector<Semaphore> wait = {};
  /// Semaphores to signal.
  std::vector<Semaphore> signal = {};
  /// Command buffers to run before the slot's, in this order: executable, primary, and for the
  /// slot's queue family. GPU times don't count them.
  std::vector<VkCommandBuffer> command_buffers_before = {};
  /// The same, to run after it.
  std::vector<VkCommandBuffer> command_buffers_after = {};
};

/// Submits a lease, as Lease::submit does, with semaphores and command buffers of the program's.
/// The lease is empty afterwards, also when this throws; then the slot is free again, and the
/// driver has got nothing. Does not block.
///
///     cbr::Ticket frame = cbr::vulkan::submit(std::move(lease), {.wait = {{image_available}},
///                                                                .signal = {{image_rendered}}});
///
/// Throws what Lease::submit does, and InvalidUsage, which names the entry, for a lease of another
/// API, a null handle, a binary semaphore that is waited for or signalled twice, a semaphore that
/// is to be waited for and signalled with a value that can't come before (a binary one in any
/// case), or that is binary at one place and has a value at another, for the slot's own command
/// buffer, and for a signal of the semaphore that timeline_point() gives of this ring and queue;
/// InvalidOption for a signal of value 0, more entries than max_submit_entries, no stages, the
/// stage of the host, or stages that need synchronization2 where it is off. Whether a semaphore is
/// what it is said to be, of this device and alive, can't be known.
Ticket submit(Lease&& lease, const SubmitOptions& options,
              std::source_location where = std::source_location::current());

/// A timeline semaphore and the value that it has once a submission has ended.
struct SemaphorePoint {
  /// For others to wait for, on the GPU or the host; not to signal.
  VkSemaphore semaphore = VK_NULL_HANDLE;
  /// What it has come to by then, or more.
  std::uint64_t value = 0;
  /// Keeps the semaphore alive, for longer than the ring if need be. Keep it until the work that
  /// waits has ended.
  std::shared_ptr<const void> owner = nullptr;
};

/// What others have to wait for on the GPU to come after this submission: a queue of another
/// device object, an engine, or another API that has imported the semaphore. Where they belong to a
/// ring, SubmitOptions::after is simpler. Throws InvalidUsage if the ticket is empty, of another
/// API, still held back or of a submission that never ran, or if its ring has ended: then there is
/// nothing left to wait for; and what Ticket::timeline_point() throws. Does not block. Any thread
/// may call this.
[[nodiscard]] SemaphorePoint timeline_point(const Ticket& ticket);

}  // namespace cbr::vulkan
