// What control.h sets and counts, as the fake's classes read it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "metal_fake/control.h"

namespace cbr::metal_fake {

class Settings {
 public:
  static Settings& get();

  void reset();

  std::atomic<int> macos_version{2600};  // major * 100 + minor
  std::atomic<bool> dropped_buffers_fire{true};

  std::atomic<std::size_t> peak_uncompleted{0};
  std::atomic<std::size_t> blocked{0};
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::size_t> completed{0};
  std::atomic<std::size_t> dispatches{0};

  /// Whether this creation is to return nil. Counts it.
  bool refuses(Creation what);
  void refuse(Creation what, std::size_t times, std::size_t skip);

  void add_kernel(const std::string& name, Kernel kernel);
  /// Empty if there is none.
  Kernel kernel(const std::string& name);

 private:
  struct Refusal {
    std::size_t skip = 0;
    std::size_t times = 0;
  };
  std::mutex mutex_;
  std::unordered_map<Creation, Refusal> refusals_;
  std::unordered_map<std::string, Kernel> kernels_;
};

}  // namespace cbr::metal_fake
