// How a test drives the fake Metal: its version, its GPU, what goes wrong, and what it counted.
// Plain C++, so that any test may include it.
//
// Every function may be called from any thread. Settings last until reset().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace cbr::metal_fake {

/// Puts everything as it was at the start: settings, kernels, counters of the GPU. Ends a hang and
/// a hold first and waits until all committed work has completed and all handlers have run; so no
/// handler may be blocked for good. A removed device is replaced by a new one.
void reset();

// ---- The system --------------------------------------------------------------------------------

/// The version that __builtin_available(macOS …) compares with. 26.0 at the start: Metal 4.
/// With 15.0 there is only Metal 3, and a message to a Metal 4 method is an error.
void set_macos_version(int major, int minor = 0);

// ---- Kernels -----------------------------------------------------------------------------------

/// One dispatch, as its kernel sees it.
struct Dispatch {
  struct Size {
    std::size_t width = 0;
    std::size_t height = 0;
    std::size_t depth = 0;
    [[nodiscard]] std::size_t volume() const { return width * height * depth; }
  };
  Size threadgroups;
  Size threads_per_threadgroup;
  /// What is bound at each index, from the bound offset on; empty where nothing is.
  std::vector<std::span<std::byte>> buffers;

  [[nodiscard]] std::size_t threads() const {
    return threadgroups.volume() * threads_per_threadgroup.volume();
  }
  /// Aborts if nothing is bound at `index`, or less than one T.
  template <class T>
  [[nodiscard]] std::span<T> buffer(std::size_t index) const {
    const std::span<std::byte> bytes = bound(index, sizeof(T));
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  [[nodiscard]] std::span<std::byte> bound(std::size_t index, std::size_t least) const;
};

/// Runs once for a whole dispatch, on the GPU's thread.
using Kernel = std::function<void(const Dispatch&)>;

/// Gives the GPU a function. A library has it if its source contains the name as a word.
void register_kernel(const std::string& name, Kernel kernel);

// ---- The GPU's pace ----------------------------------------------------------------------------

/// How long a dispatch keeps the GPU busy, at least. 0 at the start.
void set_time_per_dispatch(std::chrono::nanoseconds time);
/// How long a command buffer (on Metal 4: a commit) does.
void set_time_per_buffer(std::chrono::nanoseconds time);

/// From now on the GPU starts no command buffer. What runs goes on.
void hold();
/// While held: lets `count` more start.
void step(std::size_t count = 1);
/// Ends hold().
void release();

/// Completions come in groups of `group`, last first; a smaller group if the GPU runs out of work.
/// 1, the order of execution, at the start. Starts stay in order.
void set_completion_group(std::size_t group);

/// The next command buffer that starts never ends, until end_hang(); then it fails with Timeout.
void hang_next();
void end_hang();
/// 1 while a command buffer hangs, else 0.
std::size_t hung_buffers();

/// All work that is not complete, and all that comes, fails with DeviceRemoved.
void remove_device();

/// Returns when all committed work has completed and all handlers have run. Not while the GPU is
/// held or hung.
void wait_until_idle();

// ---- What goes wrong ---------------------------------------------------------------------------

struct Fault {
  /// In the numbers of the API in use: MTLCommandBufferError or MTL4CommandQueueError.
  std::int64_t code = 1;
  /// The encoder that fails; those before it run, those after it do not.
  std::size_t encoder = 0;
  std::string description = "injected fault";
};
/// One of the command buffers that start from now on fails: the first, after `skip` others.
void fail_next(const Fault& fault, std::size_t skip = 0);
/// This one fails: an id<MTLCommandBuffer>, or an id<MTL4CommandBuffer> with what it is recording.
/// Neither is committed yet.
void fail(void* command_buffer, const Fault& fault);

/// The next signal that the GPU is to give never comes: that of a command buffer, or on Metal 4 of
/// a queue. The host's come.
void lose_next_signal();
/// From now on the GPU's signals are late: they come with release_signals().
void hold_signals();
/// Ends hold_signals().
void release_signals();

/// What the next command buffer (on Metal 4: commit) to end says of when the GPU ran it, in
/// seconds: any number, as a driver may.
void tell_times(double start, double end);

/// What can be refused.
enum class Creation : std::uint8_t {
  device,
  queue,
  command_buffer,
  encoder,
  allocator,
  event,
  buffer,
  library,
  pipeline,
  argument_table,
  residency_set,
};
/// `times` creations return nil, after `skip` that succeed.
void return_nil(Creation what, std::size_t times = 1, std::size_t skip = 0);

/// Whether the completed handlers of a buffer that is dropped without a commit run. True at the
/// start: Metal may do so.
void set_dropped_buffers_fire_handlers(bool fire);

// ---- Counters ----------------------------------------------------------------------------------

/// Living objects by class; classes that have none are left out. The fake's classes are called
/// Fake… (FakeCommandBuffer, Fake4CommandAllocator). Without what the fake itself keeps.
std::unordered_map<std::string, std::int64_t> live_objects();
std::int64_t live_objects(const std::string& class_name);

/// Autoreleases by threads that had no pool: such objects live as long as their thread.
std::uint64_t autoreleases_without_pool();

/// The most Metal 3 command buffers that one queue had created and not completed, since reset().
std::size_t peak_uncompleted_buffers();
/// How many creations of command buffers had to wait for the queue's maximum, since reset().
std::size_t blocked_creations();
/// How many threads wait so at this moment.
std::size_t waiting_creations();
/// Command buffers (on Metal 4: commits) that have completed, with or without an error, since
/// reset().
std::size_t completed_buffers();
/// Dispatches that ran, since reset().
std::size_t executed_dispatches();

}  // namespace cbr::metal_fake
