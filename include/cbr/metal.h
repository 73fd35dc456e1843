// The Metal backend: opens a device, or wraps yours.
//
// Native objects are void*, so that C++, Objective-C++ and metal-cpp may all include this header:
// `id<MTLDevice>`, `MTL::Device*` and the void* are the same pointer. From Objective-C++ with ARC,
// cast with (__bridge void*) and (__bridge id<MTLCommandBuffer>); from metal-cpp with static_cast.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/lease.h>

namespace cbr::metal {

/// What a slot's command buffer is. The two are encoded into in different ways, so the program
/// chooses.
enum class CommandModel : std::uint8_t {
  /// MTLCommandBuffer, which is used once: every lease gets a fresh one of its queue.
  metal3,
  /// MTL4CommandBuffer and MTL4CommandAllocator, a pair for each slot, used again and again. Needs
  /// macOS 26 and a device of the family Metal 4.
  metal4,
  /// metal4 where the system and the device have it, else metal3. Device::commands() tells.
  newest,
};

/// What a Metal device is.
struct DeviceInfo {
  std::string name;
  /// The same for every object that stands for this GPU.
  std::uint64_t registry_id = 0;
  /// Whether CommandModel::metal4 can be had.
  bool metal4 = false;
};

/// The number of uncompleted command buffers that Metal allows a queue by default.
inline constexpr std::uint32_t default_max_command_buffers = 64;

struct OpenOptions {
  CommandModel commands = CommandModel::metal3;
  /// The queues to make, at least 1. Slot i of a ring belongs to queue i modulo their number.
  std::uint32_t queue_count = 1;
  /// How many command buffers that have not completed each queue allows, at least 1. Rings on this
  /// device can't have more slots than that on each queue. Metal 4's queues have no such limit.
  std::uint32_t max_command_buffers = default_max_command_buffers;
};

/// A queue of the user's, for Device::wrap.
struct WrappedQueue {
  /// id<MTLCommandQueue>, or id<MTL4CommandQueue> with CommandModel::metal4.
  void* queue = nullptr;
  /// The number it was made with (`newCommandQueueWithMaxCommandBufferCount:`), which Metal does
  /// not tell. Leave out what you need for buffers of your own: beyond it, Metal blocks whoever
  /// makes a buffer, without a timeout. Unused with CommandModel::metal4.
  std::uint32_t max_command_buffers = default_max_command_buffers;
};

/// A device and queues of the user's, for Device::wrap.
struct WrapOptions {
  /// id<MTLDevice>.
  void* device = nullptr;
  /// One or more, all of `device`; none twice.
  std::vector<WrappedQueue> queues = {};
  /// What the queues are: metal3 or metal4.
  CommandModel commands = CommandModel::metal3;
};

/// A Metal device with one or more queues. It retains them, opened or wrapped. All functions may be
/// called by any thread. A queue index is below queue_count().
class Device {
 public:
  /// Opens the system's default device. Throws BackendError if there is none, or none with Metal 4
  /// where that is asked for; InvalidOption if a number is 0.
  [[nodiscard]] static std::shared_ptr<Device> open(const OpenOptions& options = {});
  /// Uses a device and queues that the caller has made: MLX's, say. Throws InvalidUsage if one is
  /// missing, named twice, of another kind or of another device; InvalidOption if a maximum is 0 or
  /// `commands` is `newest`; BackendError if Metal 4 is not to be had.
  [[nodiscard]] static std::shared_ptr<Device> wrap(const WrapOptions& options);

  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  [[nodiscard]] virtual const DeviceInfo& info() const noexcept = 0;
  /// metal3 or metal4.
  [[nodiscard]] virtual CommandModel commands() const noexcept = 0;
  /// id<MTLDevice>, not retained for the caller.
  [[nodiscard]] virtual void* handle() const noexcept = 0;
  [[nodiscard]] virtual std::uint32_t queue_count() const noexcept = 0;
  /// id<MTLCommandQueue> or id<MTL4CommandQueue>, not retained for the caller. Residency sets for
  /// Metal 4 are added here.
  [[nodiscard]] virtual void* queue(QueueIndex queue) const noexcept = 0;

 protected:
  Device() = default;
};

struct BackendOptions {
  /// Whether Metal 3's command buffers keep what they use alive. Without, encoding is cheaper and
  /// the program keeps it alive: Lease::keep_alive() does. Metal 4 never keeps anything alive.
  bool retained_references = true;
  /// Whether Metal 3's buffers are to tell which encoder failed. Metal asks its users to measure
  /// what that costs.
  bool encoder_status = true;
  /// Makes the next Metal 3 buffer of a slot ahead, on a thread of the backend's own, when the one
  /// before has completed: begin() then finds it ready. A slot counts twice towards the queue's
  /// maximum.
  bool make_ahead = false;
  /// Receives a line for each misuse that the backend survives: a command buffer that the program
  /// committed itself, behind the ring's back. On the thread that ends the lease. Default: standard
  /// error.
  std::function<void(const std::string& message)> on_misuse = nullptr;
};

/// A backend whose slots are command buffers of the device's queues. The backend shares the device.
///
/// The GPU's intervals are Metal's GPUStartTime and GPUEndTime, on the host's clock. Several rings
/// may share a device and its queues: `attach` and `add_slot` throw InvalidOption if a queue would
/// have more slots than its maximum allows.
///
/// Throws InvalidUsage without a device.
[[nodiscard]] std::shared_ptr<Backend> make_backend(std::shared_ptr<Device> device,
                                                    BackendOptions options = {});

/// The lease's id<MTLCommandBuffer>, labelled "CommandRing #0" and so on; not retained for the
/// caller. Encode into it and end your encoders; don't commit it: the lease does. Its handlers may
/// be added to. Throws InvalidUsage if the lease is empty or not of a Metal 3 ring.
[[nodiscard]] void* command_buffer(const Lease& lease);

/// The lease's id<MTL4CommandBuffer>, begun. Encode into it and end your encoders; don't end or
/// commit it. Throws InvalidUsage if the lease is empty or not of a Metal 4 ring.
[[nodiscard]] void* command_buffer4(const Lease& lease);

}  // namespace cbr::metal
