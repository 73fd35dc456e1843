// Submissions that wait for events of the program's, and signal them.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/metal.h>

#include "backends/metal/autorelease_pool.h"
#include "backends/metal/failure.h"
#include "backends/metal/metal_command_slot.h"
#include "core/submission.h"

namespace cbr::metal {
namespace {

void check_list(const char* list, const std::vector<SharedEvent>& events, id<MTLDevice> device) {
  if (events.size() > max_events) {
    throw InvalidOption(fmt::format("metal::submit: {} names {} events, allowed are at most {}",
                                    list, events.size(), max_events));
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    const id<MTLEvent> event = (__bridge id<MTLEvent>)events[i].event;
    if (event == nil) {
      throw InvalidUsage(fmt::format("metal::submit: the event of {}[{}] is null", list, i));
    }
    // A shared event has none.
    const id<MTLDevice> its_device = event.device;
    if (its_device == nil || its_device == device) continue;
    throw InvalidUsage(fmt::format(
        "metal::submit: the event of {}[{}] belongs to the device \"{}\" ({:#x}), not to \"{}\" "
        "({:#x})",
        list, i, text_of(its_device.name), its_device.registryID, text_of(device.name),
        device.registryID));
  }
}

/// Where the event is in the list, before `end`.
std::optional<std::size_t> find(const std::vector<SharedEvent>& events, std::size_t end,
                                const void* event) {
  const auto last = events.begin() + static_cast<std::ptrdiff_t>(end);
  const auto found = std::find_if(events.begin(), last,
                                  [&](const SharedEvent& listed) { return listed.event == event; });
  if (found == last) return std::nullopt;
  return static_cast<std::size_t>(found - events.begin());
}

void check_signals(const SubmitOptions& options) {
  for (std::size_t i = 0; i < options.signal.size(); ++i) {
    const SharedEvent& signal = options.signal[i];
    if (signal.value == 0) {
      throw InvalidOption(
          fmt::format("metal::submit: the value of signal[{}] is 0, where an event begins; allowed "
                      "is 1 or more",
                      i));
    }
    if (const auto other = find(options.signal, i, signal.event)) {
      throw InvalidUsage(
          fmt::format("metal::submit: signal[{}] names the event of signal[{}]", i, *other));
    }
    for (std::size_t j = 0; j < options.wait.size(); ++j) {
      const SharedEvent& wait = options.wait[j];
      if (wait.event != signal.event || wait.value < signal.value) continue;
      throw InvalidUsage(fmt::format(
          "metal::submit: signal[{}] signals {} to the event that wait[{}] waits for to have {}; "
          "an event only rises, and this work would wait for itself or signal nothing",
          i, signal.value, j, wait.value));
    }
  }
}

EventPoints points_of(const std::vector<SharedEvent>& events) {
  EventPoints points;
  points.reserve(events.size());
  for (const SharedEvent& event : events) {
    points.push_back({(__bridge id<MTLEvent>)event.event, event.value});
  }
  return points;
}

}  // namespace

Ticket submit(Lease&& lease, const SubmitOptions& options, std::source_location where) {
  const AutoreleasePool pool;
  // Ends with this call, whatever comes of it.
  Lease own = std::move(lease);
  if (!own.valid()) {
    throw InvalidUsage(
        "metal::submit on an empty lease: it was submitted, discarded or moved from");
  }
  auto* const slot = dynamic_cast<CommandSlot*>(own.native_slot());
  if (slot == nullptr) {
    throw InvalidUsage("metal::submit: the lease belongs to a ring of another API");
  }
  check_list("wait", options.wait, slot->device());
  check_list("signal", options.signal, slot->device());
  check_signals(options);
  if (!options.wait.empty()) {
    slot->let_wait();
    const SharedEvent& first = options.wait.front();
    detail::LeaseAccess::set_foreign_waits(
        own, {options.wait.size(), "shared event", reinterpret_cast<std::uint64_t>(first.event),
              first.value});
  }
  slot->set_events(points_of(options.wait), points_of(options.signal));
  return std::move(own).submit({.after = options.after}, where);
}

SharedEventPoint timeline_point(const Ticket& ticket) {
  const std::optional<TimelinePoint> point = ticket.timeline_point();
  if (!point) {
    throw InvalidUsage(
        ticket.serial().value() == 0
            ? "metal::timeline_point: the ticket's work is still held back, or never ran"
            : "metal::timeline_point: the ticket's ring has ended, or its backend has no "
              "timelines: "
              "see BackendOptions::timelines");
  }
  const auto timeline = std::dynamic_pointer_cast<const EventTimeline>(point->timeline);
  if (timeline == nullptr) {
    throw InvalidUsage("metal::timeline_point: the ticket belongs to a ring of another API");
  }
  const EventPoint event = timeline->point(ticket.slot(), point->serial);
  // The timeline keeps the event.
  return {(__bridge void*)event.event, event.value, timeline};
}

}  // namespace cbr::metal
