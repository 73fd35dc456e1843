#include "metal_fake/metal/fake_settings.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cbr::metal_fake {

Settings& Settings::get() {
  // Never destroyed: the GPU's threads may outlive static objects.
  static auto* const settings = new Settings;
  return *settings;
}

void Settings::reset() {
  macos_version = 2600;
  dropped_buffers_fire = true;
  peak_uncompleted = 0;
  blocked = 0;
  completed = 0;
  dispatches = 0;
  const std::lock_guard lock(mutex_);
  refusals_.clear();
  kernels_.clear();
}

bool Settings::refuses(Creation what) {
  const std::lock_guard lock(mutex_);
  const auto found = refusals_.find(what);
  if (found == refusals_.end()) return false;
  Refusal& refusal = found->second;
  if (refusal.skip > 0) {
    --refusal.skip;
    return false;
  }
  if (--refusal.times == 0) refusals_.erase(found);
  return true;
}

void Settings::refuse(Creation what, std::size_t times, std::size_t skip) {
  const std::lock_guard lock(mutex_);
  if (times == 0) {
    refusals_.erase(what);
  } else {
    refusals_[what] = {skip, times};
  }
}

void Settings::add_kernel(const std::string& name, Kernel kernel) {
  const std::lock_guard lock(mutex_);
  kernels_[name] = std::move(kernel);
}

Kernel Settings::kernel(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = kernels_.find(name);
  return found == kernels_.end() ? Kernel() : found->second;
}

std::span<std::byte> Dispatch::bound(std::size_t index, std::size_t least) const {
  if (index >= buffers.size() || buffers[index].size() < least) {
    std::fprintf(stderr, "GPU fault: a kernel needs a buffer of at least %zu bytes at index %zu\n",
                 least, index);
    std::abort();
  }
  return buffers[index];
}

}  // namespace cbr::metal_fake
