// Submissions with semaphores and command buffers of the program's.
#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/vulkan.h>

#include "backends/vulkan/queue_progress.h"
#include "backends/vulkan/vulkan_command_slot.h"
#include "core/submission.h"

namespace cbr::vulkan {
namespace {

CommandSlot& slot_of(const Lease& lease) {
  if (!lease.valid()) {
    throw InvalidUsage(
        "vulkan::submit on an empty lease: it was submitted, discarded or moved from");
  }
  auto* const slot = dynamic_cast<CommandSlot*>(lease.native_slot());
  if (slot == nullptr) {
    throw InvalidUsage("vulkan::submit: the lease belongs to a ring of another API");
  }
  return *slot;
}

template <typename Entry>
void require_few(std::string_view list, const std::vector<Entry>& entries) {
  if (entries.size() > max_submit_entries) {
    throw InvalidOption(fmt::format("vulkan::submit: {} has {} entries, allowed are 0 to {}", list,
                                    entries.size(), max_submit_entries));
  }
}

void require_command_buffers(std::string_view list, const std::vector<VkCommandBuffer>& buffers,
                             const CommandSlot& slot) {
  require_few(list, buffers);
  const auto own = std::find(buffers.begin(), buffers.end(), slot.command_buffer());
  if (own != buffers.end()) {
    throw InvalidUsage(fmt::format(
        "vulkan::submit: {}[{}] is the slot's own command buffer, which runs between the two lists",
        list, own - buffers.begin()));
  }
  const auto null = std::find(buffers.begin(), buffers.end(), VkCommandBuffer(VK_NULL_HANDLE));
  if (null != buffers.end()) {
    throw InvalidUsage(fmt::format("vulkan::submit: {}[{}] is a null command buffer", list,
                                   null - buffers.begin()));
  }
}

void require_semaphores(std::string_view list, const std::vector<Semaphore>& semaphores,
                        const CommandSlot& slot) {
  require_few(list, semaphores);
  for (std::size_t i = 0; i < semaphores.size(); ++i) {
    const Semaphore& semaphore = semaphores[i];
    if (semaphore.handle == VK_NULL_HANDLE) {
      throw InvalidUsage(fmt::format("vulkan::submit: {}[{}] is a null semaphore", list, i));
    }
    if (semaphore.stages == VK_PIPELINE_STAGE_2_NONE) {
      throw InvalidOption(fmt::format("vulkan::submit: {}[{}] names no stages", list, i));
    }
    constexpr VkPipelineStageFlags2 old_stages = std::numeric_limits<VkPipelineStageFlags>::max();
    if ((semaphore.stages & VK_PIPELINE_STAGE_2_HOST_BIT) != 0) {
      throw InvalidOption(
          fmt::format("vulkan::submit: {}[{}] names the stage of the host, which is no work of the "
                      "device's",
                      list, i));
    }
    if (!slot.device().has_synchronization2() && (semaphore.stages & ~old_stages) != 0) {
      throw InvalidOption(fmt::format(
          "vulkan::submit: {}[{}] names the stages {:#x}, which need synchronization2: it is off",
          list, i, semaphore.stages));
    }
  }
}

/// One entry of a list, in messages.
struct Named {
  std::string_view list;
  std::size_t index;
};

/// Two entries that name one semaphore.
void require_different(const Semaphore& semaphore, Named here, const Semaphore& other,
                       Named there) {
  if (semaphore.handle != other.handle) return;
  const auto refuse = [&](std::string_view why) {
    throw InvalidUsage(fmt::format("vulkan::submit: {}[{}] and {}[{}] are the same semaphore, {}",
                                   here.list, here.index, there.list, there.index, why));
  };
  if (semaphore.value.has_value() != other.value.has_value()) {
    refuse("which is binary at one place and has a value at the other");
  }
  if (here.list != there.list) {
    if (!semaphore.value) refuse("to be waited for and signalled");
    // This submission is what brings the value.
    if (*semaphore.value >= *other.value) {
      refuse(fmt::format("which is waited for with {} and would get {} by this very submission",
                         *semaphore.value, *other.value));
    }
    return;
  }
  if (!semaphore.value) refuse("and binary: it can be named once");
  if (here.list == "signal") refuse("and two signals have no order");
}

void require_valid(const SubmitOptions& options, const CommandSlot& slot) {
  require_semaphores("wait", options.wait, slot);
  require_semaphores("signal", options.signal, slot);
  require_command_buffers("command_buffers_before", options.command_buffers_before, slot);
  require_command_buffers("command_buffers_after", options.command_buffers_after, slot);
  const auto& [after, wait, signal, before_slot, after_slot] = options;
  for (std::size_t i = 0; i < wait.size(); ++i) {
    for (std::size_t j = i + 1; j < wait.size(); ++j) {
      require_different(wait[i], {"wait", i}, wait[j], {"wait", j});
    }
    for (std::size_t j = 0; j < signal.size(); ++j) {
      require_different(wait[i], {"wait", i}, signal[j], {"signal", j});
    }
  }
  for (std::size_t i = 0; i < signal.size(); ++i) {
    if (signal[i].handle == slot.progress()) {
      throw InvalidUsage(fmt::format(
          "vulkan::submit: signal[{}] is the ring's own semaphore, which it alone signals", i));
    }
    if (signal[i].value == 0U) {
      throw InvalidOption(fmt::format(
          "vulkan::submit: signal[{}] has the value 0, which a timeline semaphore has from the "
          "start; leave it out for a binary one",
          i));
    }
    for (std::size_t j = i + 1; j < signal.size(); ++j) {
      require_different(signal[i], {"signal", i}, signal[j], {"signal", j});
    }
  }
}

}  // namespace

Ticket submit(Lease&& lease, const SubmitOptions& options, std::source_location where) {
  // If something throws, the slot is free again.
  Lease taken = std::move(lease);
  CommandSlot& slot = slot_of(taken);
  require_valid(options, slot);
  if (!options.wait.empty()) {
    const Semaphore& first = options.wait.front();
    detail::LeaseAccess::set_foreign_waits(
        taken, {options.wait.size(), "semaphore", reinterpret_cast<std::uint64_t>(first.handle),
                first.value});
  }
  slot.add(options);
  return std::move(taken).submit({.after = options.after}, where);
}

SemaphorePoint timeline_point(const Ticket& ticket) {
  const auto point = ticket.timeline_point();
  if (!point) {
    throw InvalidUsage(ticket.serial().value() == 0
                           ? "vulkan::timeline_point: the ticket's work is held back, or never ran"
                           : "vulkan::timeline_point: the ticket's ring has ended, or is of an API "
                             "without timelines");
  }
  auto timeline = std::dynamic_pointer_cast<const SemaphoreTimeline>(point->timeline);
  if (timeline == nullptr) {
    throw InvalidUsage("vulkan::timeline_point: the ticket belongs to a ring of another API");
  }
  timeline->note_wait();
  const VkSemaphore semaphore = timeline->handle();
  const std::uint64_t value = timeline->value_of(point->serial);
  return {semaphore, value, std::move(timeline)};
}

}  // namespace cbr::vulkan
