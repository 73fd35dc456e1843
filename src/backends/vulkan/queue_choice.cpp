#include "backends/vulkan/queue_choice.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cbr/errors.h>

namespace cbr::vulkan {
namespace {

/// What is left of one family.
struct Remainder {
  std::uint32_t family = 0;
  std::uint32_t used = 0;
  std::uint32_t count = 0;
  [[nodiscard]] bool empty() const { return used == count; }
};

[[noreturn]] void throw_too_few(const DeviceInfo& device,
                                const std::vector<QueueRequest>& requests) {
  std::vector<std::string> asked;
  asked.reserve(requests.size());
  for (const QueueRequest& request : requests) {
    asked.push_back(request.family ? fmt::format("family {}", *request.family) : "any family");
  }
  std::vector<std::string> available;
  available.reserve(device.compute_families.size());
  for (const ComputeFamily& family : device.compute_families) {
    available.push_back(fmt::format("{} in family {}", family.queue_count, family.family));
  }
  throw BackendError(fmt::format(
      "device {} can't open {} {} (of {}): the queues that compute are {}", device.name,
      requests.size(), requests.size() == 1 ? "queue" : "queues", fmt::join(asked, ", "),
      available.empty() ? "none" : fmt::format("{}", fmt::join(available, ", "))));
}

}  // namespace

void require_priority(float priority, std::size_t index) {
  // Written so that "not a number" is refused too.
  if (priority >= 0 && priority <= 1) return;
  throw InvalidOption(
      fmt::format("the priority of queue {} is {}, allowed are 0 to 1", index, priority));
}

std::vector<QueueChoice> choose_queues(const DeviceInfo& device, std::uint32_t main_family,
                                       const std::vector<QueueRequest>& requests) {
  if (requests.empty()) return choose_queues(device, main_family, {QueueRequest{}});
  if (requests.size() > max_queue_count) {
    throw InvalidOption(fmt::format("{} queues are asked for, allowed are 1 to {}", requests.size(),
                                    max_queue_count));
  }
  std::vector<Remainder> families;
  families.reserve(device.compute_families.size());
  for (const ComputeFamily& family : device.compute_families) {
    families.push_back({family.family, 0, family.queue_count});
  }
  std::stable_partition(families.begin(), families.end(), [&](const Remainder& remainder) {
    return remainder.family == main_family;
  });

  std::vector<QueueChoice> chosen(requests.size());
  const auto take = [&](std::size_t i, auto&& matches) {
    const auto found = std::find_if(families.begin(), families.end(), [&](const Remainder& left) {
      return !left.empty() && matches(left);
    });
    if (found == families.end()) throw_too_few(device, requests);
    chosen[i] = {found->family, found->used++, requests[i].priority};
  };
  // Those with a family first: the others can make do with what is left.
  for (std::size_t i = 0; i < requests.size(); ++i) {
    require_priority(requests[i].priority, i);
    if (!requests[i].family) continue;
    take(i, [&](const Remainder& left) { return left.family == *requests[i].family; });
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].family) take(i, [](const Remainder& /*left*/) { return true; });
  }
  return chosen;
}

}  // namespace cbr::vulkan
