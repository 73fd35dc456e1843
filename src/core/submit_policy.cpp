#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/submit_policy.h>

namespace cbr {
namespace {

constexpr std::uint32_t longest_ramp = 16;
constexpr std::array<std::string_view, 4> reason_names = {"commands", "bytes", "age", "end"};

void check_limit(std::string_view name, std::optional<std::uint64_t> limit, std::uint32_t ramp) {
  if (!limit) return;
  if (*limit == 0) {
    throw InvalidOption(fmt::format("SubmitPolicy: {} is 0, allowed are 1 and more", name));
  }
  if (*limit >> ramp == 0) {
    throw InvalidOption(fmt::format("SubmitPolicy: {} is {}, a ramp of {} needs at least {}", name,
                                    *limit, ramp, std::uint64_t{1} << ramp));
  }
}

const SubmitPolicyOptions& checked(const SubmitPolicyOptions& options) {
  if (options.ramp > longest_ramp) {
    throw InvalidOption(
        fmt::format("SubmitPolicy: ramp is {}, allowed are 0 to {}", options.ramp, longest_ramp));
  }
  if (options.ramp > 0 && !options.max_commands && !options.max_bytes) {
    throw InvalidOption(fmt::format(
        "SubmitPolicy: ramp is {}, but neither max_commands nor max_bytes is there to be halved",
        options.ramp));
  }
  check_limit("max_commands", options.max_commands, options.ramp);
  check_limit("max_bytes", options.max_bytes, options.ramp);
  if (options.max_age && *options.max_age <= std::chrono::nanoseconds(0)) {
    throw InvalidOption(fmt::format("SubmitPolicy: max_age is {} ns, allowed are 1 and more",
                                    options.max_age->count()));
  }
  return options;
}

}  // namespace

std::string_view to_string(SubmitReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < reason_names.size() ? reason_names[index] : "unknown";
}

SubmitPolicy::SubmitPolicy(const SubmitPolicyOptions& options)
    : options_(checked(options)), halvings_(options.ramp) {
  set_limits();
}

void SubmitPolicy::set_limits() noexcept {
  if (options_.max_commands) command_limit_ = *options_.max_commands >> halvings_;
  if (options_.max_bytes) byte_limit_ = *options_.max_bytes >> halvings_;
}

bool SubmitPolicy::due(TimePoint now) noexcept {
  if (reason_) return true;
  const bool pending = commands_ != 0 || bytes_ != 0;
  if (!options_.max_age || !pending) return false;
  if (!since_) since_ = now;
  if (now - *since_ < *options_.max_age) return false;
  reason_ = SubmitReason::age;
  return true;
}

SubmitReason SubmitPolicy::submitted() noexcept {
  const SubmitReason reason = reason_.value_or(SubmitReason::end);
  ++counts_.submissions;
  switch (reason) {
    case SubmitReason::commands:
      ++counts_.by_commands;
      break;
    case SubmitReason::bytes:
      ++counts_.by_bytes;
      break;
    case SubmitReason::age:
      ++counts_.by_age;
      break;
    case SubmitReason::end:
      ++counts_.by_end;
      break;
  }
  counts_.total_commands = sum(counts_.total_commands, commands_);
  counts_.total_bytes = sum(counts_.total_bytes, bytes_);
  counts_.largest_commands = std::max(counts_.largest_commands, commands_);
  counts_.largest_bytes = std::max(counts_.largest_bytes, bytes_);
  discarded();
  if (halvings_ > 0) {
    --halvings_;
    set_limits();
  }
  return reason;
}

void SubmitPolicy::discarded() noexcept {
  commands_ = 0;
  bytes_ = 0;
  reason_.reset();
  since_.reset();
}

void SubmitPolicy::restart_ramp() noexcept {
  halvings_ = options_.ramp;
  set_limits();
}

std::optional<std::uint64_t> SubmitPolicy::command_limit() const noexcept {
  return options_.max_commands ? std::optional(command_limit_) : std::nullopt;
}

std::optional<std::uint64_t> SubmitPolicy::byte_limit() const noexcept {
  return options_.max_bytes ? std::optional(byte_limit_) : std::nullopt;
}

SubmitPolicyStatistics SubmitPolicy::statistics() const noexcept {
  SubmitPolicyStatistics statistics = counts_;
  if (statistics.submissions > 0) {
    const auto submissions = static_cast<double>(statistics.submissions);
    statistics.avg_commands = static_cast<double>(statistics.total_commands) / submissions;
    statistics.avg_bytes = static_cast<double>(statistics.total_bytes) / submissions;
  }
  return statistics;
}

}  // namespace cbr
