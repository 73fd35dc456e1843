#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/submit_policy.h>

namespace cbr {
namespace {

constexpr std::uint32_t longest_ramp = 16;
constexpr std::array<std::string_view, 5> reason_names = {"commands", "bytes", "age", "end",
                                                          "gpu_time"};

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
  if (options.gpu_time_budget && *options.gpu_time_budget <= std::chrono::nanoseconds(0)) {
    throw InvalidOption(
        fmt::format("SubmitPolicy: gpu_time_budget is {} ns, allowed are 1 and more",
                    options.gpu_time_budget->count()));
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
  if (options.gpu_time_budget) {
    budget_.emplace(SubmitBudgetOptions{.budget_ns = options.gpu_time_budget->count()});
  }
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
  ++submission_;
  // Another limit cuts a step, and only what no limit ended is the end of one.
  if (budget_) budget_->submitted(!reason_);
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
    case SubmitReason::gpu_time:
      ++counts_.by_gpu_time;
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
  if (budget_) budget_->discarded();
  reason_.reset();
  since_.reset();
}

void SubmitPolicy::measured(std::uint64_t submission,
                            std::optional<GpuInterval> interval) noexcept {
  if (!budget_) return;
  budget_->ended(submission);
  if (!interval || interval->end <= interval->start) return;
  // Their difference may be more than their type holds; then it can't be true either.
  const auto start = static_cast<std::uint64_t>(interval->start.count());
  const auto end = static_cast<std::uint64_t>(interval->end.count());
  budget_->measured(submission, static_cast<std::int64_t>(end - start));
}

std::optional<OversizedCommand> SubmitPolicy::oversized() const noexcept {
  if (!budget_ || budget_->oversized_commands() == 0) return std::nullopt;
  const OversizedCommand command = budget_->oversized();
  const bool known = command.predicted_ns > 0 || command.measured_ns > 0;
  return known ? std::optional(command) : std::nullopt;
}

void SubmitPolicy::restart_ramp() noexcept {
  halvings_ = options_.ramp;
  if (budget_) budget_->start_step();
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
