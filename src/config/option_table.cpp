#include "config/option_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/option_access.h"

namespace cbr::config {
namespace {

using enum Section;

constexpr std::uint64_t one_year_ms = std::uint64_t{365} * 24 * 3600 * 1000;
constexpr std::uint64_t one_second_ns = 1'000'000'000;
constexpr std::uint64_t most_queues = 64;

constexpr std::array<std::string_view, 4> backends = {"auto", "metal", "vulkan", "simulated"};
constexpr std::array<std::string_view, 3> allocation_strategies = {"round-robin", "least-busy",
                                                                   "priority"};
constexpr std::array<std::string_view, 4> wait_strategies = {"block", "spin", "hybrid", "adaptive"};
constexpr std::array<std::string_view, 4> gpu_times = {"both", "end", "sampled", "none"};

const std::array table = std::to_array<OptionSpec>({
    {.section = optimizations,
     .key = "enabled",
     .type = OptionType::boolean,
     .description = "`false`: the serial baseline, a ring of one slot on one queue, whatever else "
                    "is set.",
     .get = get<&Config::enabled>,
     .set = set<&Config::enabled>},
    {.section = optimizations,
     .key = "graceful_fallback",
     .type = OptionType::boolean,
     .description = "Whether another backend may stand in for one that does not work. `false`: "
                    "that is an error.",
     .get = get<&Config::graceful_fallback>,
     .set = set<&Config::graceful_fallback>},
    {.section = optimizations,
     .key = "backend",
     .type = OptionType::choice,
     .choices = backends,
     .description = "What runs the work. `auto`: the first in the order of fallback that the "
                    "program can use.",
     .get = get<&Config::backend>,
     .set = set<&Config::backend>},
    {.section = optimizations,
     .key = "device",
     .type = OptionType::text,
     .least = 0,
     .most = 256,
     .description = "A device's index or a part of its name, as `cbr doctor` lists them. Empty: "
                    "the best. With a device named, no other backend stands in.",
     .get = get<&Config::device>,
     .set = set<&Config::device>},
    {.section = optimizations,
     .key = "queues",
     .type = OptionType::number,
     .unit = "queues",
     .least = 1,
     .most = most_queues,
     .description = "How many of the device's queues to open. Slots take turns on them, so "
                    "`ring_size` must be at least as large.",
     .get = get<&Config::queues>,
     .set = set<&Config::queues>},
    {.section = ring,
     .key = "enabled",
     .other_name = "ring_enabled",
     .type = OptionType::boolean,
     .description = "`false`: the same as `enabled: false` a level above.",
     .get = get<&Config::ring_enabled>,
     .set = set<&Config::ring_enabled>},
    {.section = ring,
     .key = "ring_size",
     .type = OptionType::number_or_auto,
     .unit = "slots",
     .least = 1,
     .most = max_ring_size,
     .description =
         "Number of command buffers: 1 is the serial baseline, 2 double, 3 triple "
         "buffering. `auto`: the ring starts with 2 for each queue and follows what others "
         "would gain.",
     .get = get<&RingOptions::ring_size>,
     .set = set<&RingOptions::ring_size>},
    {.section = ring,
     .key = "largest_ring_size",
     .type = OptionType::number,
     .unit = "slots",
     .least = 1,
     .most = max_ring_size,
     .description =
         "With `ring_size: auto`: the most slots. Two for each queue are always allowed.",
     .get = get<&Config::largest_ring_size>,
     .set = set<&Config::largest_ring_size>},
    {.section = ring,
     .key = "max_queued_ms",
     .type = OptionType::number,
     .unit = "ms",
     .least = 0,
     .most = one_year_ms,
     .description = "With `ring_size: auto`: how long steps may wait for the GPU once they are "
                    "submitted, in the mean. 0 sets no limit.",
     .get = get<&Config::max_queued_ms>,
     .set = set<&Config::max_queued_ms>},
    {.section = ring,
     .key = "timeout_ms",
     .type = OptionType::number,
     .unit = "ms",
     .least = 0,
     .most = one_year_ms,
     .description = "How long `acquire` waits for a free slot before it fails. 0 waits for ever.",
     .get = get<&RingOptions::timeout>,
     .set = set<&RingOptions::timeout>},
    {.section = ring,
     .key = "coalescing",
     .type = OptionType::boolean,
     .description = "While the GPU is behind, hands several submissions to the driver at once, "
                    "which then end together. Vulkan, rings of four slots or more.",
     .get = get<&RingOptions::coalescing>,
     .set = set<&RingOptions::coalescing>},
    {.section = ring,
     .key = "log_wait_events",
     .type = OptionType::boolean,
     .description = "Logs every wait for a slot. For debugging: it costs a line a step.",
     .get = get<&RingOptions::log_wait_events>,
     .set = set<&RingOptions::log_wait_events>},
    {.section = ring,
     .key = "track_statistics",
     .type = OptionType::boolean,
     .description = "Counts acquisitions, waits and submissions.",
     .get = get<&RingOptions::track_statistics>,
     .set = set<&RingOptions::track_statistics>},
    {.section = ring,
     .key = "allocation_strategy",
     .type = OptionType::choice,
     .choices = allocation_strategies,
     .description = "Which slot a caller gets: slots take turns, the queue with the least "
                    "unfinished work is taken, or the highest level that waits is served.",
     .get = get<&RingOptions::allocation_strategy>,
     .set = set<&RingOptions::allocation_strategy>},
    {.section = ring,
     .key = "priority_levels",
     .type = OptionType::number,
     .unit = "levels",
     .least = 1,
     .most = max_priority_levels,
     .description = "Levels that `allocation_strategy: priority` tells apart.",
     .get = get<&RingOptions::priority_levels>,
     .set = set<&RingOptions::priority_levels>},
    {.section = ring,
     .key = "reserved_slots",
     .type = OptionType::numbers,
     .unit = "slots",
     .least = 0,
     .most = max_ring_size,
     .most_numbers = max_priority_levels,
     .description = "With `allocation_strategy: priority`: slots kept for each level, highest "
                    "first, one number a level. Empty: none.",
     .get = get<&RingOptions::reserved_slots>,
     .set = set<&RingOptions::reserved_slots>},
    {.section = ring,
     .key = "ageing_limit",
     .type = OptionType::number,
     .unit = "times",
     .least = 0,
     .most = std::numeric_limits<std::uint32_t>::max(),
     .description = "With `allocation_strategy: priority`: how often a waiting request may be "
                    "overtaken. After that it goes before all levels.",
     .get = get<&RingOptions::ageing_limit>,
     .set = set<&RingOptions::ageing_limit>},
    {.section = ring,
     .key = "wait_strategy",
     .type = OptionType::choice,
     .choices = wait_strategies,
     .description = "How a thread waits for the GPU. `block`: in the driver. `spin`: in a loop "
                    "that takes a CPU core. `hybrid`: first in the loop, then in the driver. "
                    "`adaptive`: asleep for as long as earlier steps let expect, where the driver "
                    "would take CPU time meanwhile; else as `block`.",
     .get = get<&RingOptions::wait_strategy>,
     .set = set<&RingOptions::wait_strategy>},
    {.section = ring,
     .key = "spin_limit",
     .type = OptionType::number_or_auto,
     .unit = "ns",
     .least = 0,
     .most = one_second_ns,
     .description = "How long `wait_strategy: hybrid` spins. `auto`: as long as a blocked thread "
                    "takes to wake, measured when the ring is made.",
     .get = get<&RingOptions::spin_limit>,
     .set = set<&RingOptions::spin_limit>},
    {.section = ring,
     .key = "gpu_times",
     .type = OptionType::choice,
     .choices = gpu_times,
     .description = "Which times the GPU notes for each submission: start and end, the end alone, "
                    "both for every sixteenth of a slot, or none. A time costs the GPU about 0.7 "
                    "microseconds.",
     .get = get<&RingOptions::gpu_times>,
     .set = set<&RingOptions::gpu_times>},
    {.section = ring,
     .key = "hang_warning_ms",
     .type = OptionType::number,
     .unit = "ms",
     .least = 0,
     .most = one_year_ms,
     .description = "Work that is in flight for this long is reported, and again each time its "
                    "age has doubled. 0 reports nothing.",
     .get = get<&RingOptions::hang_warning_ms>,
     .set = set<&RingOptions::hang_warning_ms>},
    {.section = ring,
     .key = "name",
     .type = OptionType::text,
     .least = 1,
     .most = 100,
     .description = "Stands in messages and in the debug labels of slots.",
     .get = get<&RingOptions::name>,
     .set = set<&RingOptions::name>},
});

constexpr std::array<IgnoredKey, 2> ignored = {{
    {"memory_pool",
     "Accepted and ignored, with a warning: memory pools are no part of this "
     "library."},
    {"blit_queue",
     "Accepted and ignored, with a warning: copy queues are no part of this "
     "library."},
}};

}  // namespace

std::span<const OptionSpec> option_table() {
  return table;
}

std::span<const IgnoredKey> ignored_keys() {
  return ignored;
}

const OptionSpec* find_option(Section section, std::string_view key) {
  const auto* const found = std::find_if(table.begin(), table.end(), [&](const OptionSpec& spec) {
    return spec.section == section && spec.key == key;
  });
  return found == table.end() ? nullptr : &*found;
}

const OptionSpec* find_option(std::string_view name) {
  const auto* const found = std::find_if(
      table.begin(), table.end(), [&](const OptionSpec& spec) { return spec.name() == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string path_of(const OptionSpec& spec) {
  if (spec.section == Section::optimizations) return std::string(spec.key);
  return fmt::format("{}.{}", ring_section, spec.key);
}

std::string variable_of(const OptionSpec& spec) {
  std::string variable = fmt::format("CBR_{}", spec.name());
  std::transform(variable.begin(), variable.end(), variable.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return variable;
}

std::string flag_of(const OptionSpec& spec) {
  std::string flag = fmt::format("--{}", spec.name());
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

ConfigValue default_of(const OptionSpec& spec) {
  return spec.get(Config{});
}

std::string allowed(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::boolean:
      return "true or false";
    case OptionType::number:
      return fmt::format("a whole number from {} to {}", spec.least, spec.most);
    case OptionType::number_or_auto:
      return fmt::format("a whole number from {} to {}, or auto", spec.least, spec.most);
    case OptionType::choice:
      return fmt::format("{} or {}", fmt::join(spec.choices.first(spec.choices.size() - 1), ", "),
                         spec.choices.back());
    case OptionType::text:
      return fmt::format("a text of {} to {} characters on one line", spec.least, spec.most);
    case OptionType::numbers:
      return fmt::format("a list of at most {} whole numbers from {} to {}", spec.most_numbers,
                         spec.least, spec.most);
  }
  return {};
}

}  // namespace cbr::config
