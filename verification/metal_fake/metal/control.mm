#include "metal_fake/control.h"

#include <cstdio>

#include "metal_fake/metal/fake_settings.h"
#import "metal_fake/metal/metal4_objects.h"
#include "metal_fake/runtime/classes.h"

// What __builtin_available calls: "macOS 26.0, *".
extern "C" bool cbr_metal_fake_available(const char* versions) {
  int major = 0;
  int minor = 0;
  const int read = std::sscanf(versions, "macOS %d.%d", &major, &minor);
  // Another system's version, and "*", hold.
  return read < 1 || cbr::metal_fake::Settings::get().macos_version >= major * 100 + minor;
}

namespace cbr::metal_fake {

void reset() {
  Gpu::get().reset();
  Settings::get().reset();
}

void set_macos_version(int major, int minor) {
  Settings::get().macos_version = major * 100 + minor;
}

void register_kernel(const std::string& name, Kernel kernel) {
  Settings::get().add_kernel(name, std::move(kernel));
}

void set_time_per_dispatch(std::chrono::nanoseconds time) {
  Gpu::get().set_times(time, {});
}
void set_time_per_buffer(std::chrono::nanoseconds time) {
  Gpu::get().set_times({}, time);
}

void hold() {
  Gpu::get().hold();
}
void step(std::size_t count) {
  Gpu::get().step(count);
}
void release() {
  Gpu::get().release();
}
void set_completion_group(std::size_t group) {
  Gpu::get().set_completion_group(group);
}
void hang_next() {
  Gpu::get().hang_next();
}
void end_hang() {
  Gpu::get().end_hang();
}
std::size_t hung_buffers() {
  return Gpu::get().hung() ? 1 : 0;
}
void remove_device() {
  Gpu::get().remove_device();
}
void wait_until_idle() {
  Gpu::get().wait_until_idle();
}

void fail_next(const Fault& fault, std::size_t skip) {
  Gpu::get().fail_next(fault, skip);
}
void fail(void* command_buffer, const Fault& fault) {
  const id commands = (__bridge id)command_buffer;
  if ([commands isKindOfClass:[FakeCommandBuffer class]]) {
    [(FakeCommandBuffer*)commands failWith:fault];
  } else {
    [(Fake4CommandBuffer*)commands failWith:fault];
  }
}
void lose_next_signal() {
  Gpu::get().lose_next_signal();
}
void hold_signals() {
  Gpu::get().hold_signals();
}
void release_signals() {
  Gpu::get().release_signals();
}
void tell_times(double start, double end) {
  Gpu::get().tell_times(start, end);
}
void return_nil(Creation what, std::size_t times, std::size_t skip) {
  Settings::get().refuse(what, times, skip);
}
void set_dropped_buffers_fire_handlers(bool fire) {
  Settings::get().dropped_buffers_fire = fire;
}

std::unordered_map<std::string, std::int64_t> live_objects() {
  return live_instances();
}

std::int64_t live_objects(const std::string& class_name) {
  const auto counts = live_instances();
  const auto found = counts.find(class_name);
  return found == counts.end() ? 0 : found->second;
}

std::size_t peak_uncompleted_buffers() {
  return Settings::get().peak_uncompleted;
}
std::size_t blocked_creations() {
  return Settings::get().blocked;
}
std::size_t waiting_creations() {
  return Settings::get().waiting;
}
std::size_t completed_buffers() {
  return Settings::get().completed;
}
std::size_t executed_dispatches() {
  return Settings::get().dispatches;
}

}  // namespace cbr::metal_fake
