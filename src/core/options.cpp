#include <array>
#include <utility>

#include <cbr/options.h>

namespace cbr {
namespace {

template <typename Value, std::size_t Count>
using Names = std::array<std::pair<Value, std::string_view>, Count>;

constexpr Names<AllocationStrategy, 3> allocation_strategies{{
    {AllocationStrategy::round_robin, "round-robin"},
    {AllocationStrategy::least_busy, "least-busy"},
    {AllocationStrategy::priority, "priority"},
}};
constexpr Names<WaitStrategy, 4> wait_strategies{{
    {WaitStrategy::block, "block"},
    {WaitStrategy::spin, "spin"},
    {WaitStrategy::hybrid, "hybrid"},
    {WaitStrategy::adaptive, "adaptive"},
}};
constexpr Names<GpuTimes, 4> gpu_times{{
    {GpuTimes::both, "both"},
    {GpuTimes::end, "end"},
    {GpuTimes::sampled, "sampled"},
    {GpuTimes::none, "none"},
}};

template <typename Value, std::size_t Count>
std::string_view name_of(const Names<Value, Count>& names, Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <typename Value, std::size_t Count>
std::optional<Value> value_of(const Names<Value, Count>& names, std::string_view text) {
  for (const auto& [candidate, name] : names) {
    if (name == text) return candidate;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(AllocationStrategy strategy) noexcept {
  return name_of(allocation_strategies, strategy);
}

std::optional<AllocationStrategy> parse_allocation_strategy(std::string_view name) noexcept {
  return value_of(allocation_strategies, name);
}

std::string_view to_string(WaitStrategy strategy) noexcept {
  return name_of(wait_strategies, strategy);
}

std::optional<WaitStrategy> parse_wait_strategy(std::string_view name) noexcept {
  return value_of(wait_strategies, name);
}

std::string_view to_string(GpuTimes times) noexcept {
  return name_of(gpu_times, times);
}

std::optional<GpuTimes> parse_gpu_times(std::string_view name) noexcept {
  return value_of(gpu_times, name);
}

}  // namespace cbr
