/// @file
/// When an encoder has recorded enough to submit it.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <cbr/submit_budget.h>
#include <cbr/types.h>

namespace cbr {

/// Why a submission was made.
enum class SubmitReason : std::uint8_t {
  /// max_commands was reached.
  commands,
  /// max_bytes was reached.
  bytes,
  /// max_age was reached.
  age,
  /// No limit was reached: the work was at its end, say.
  end,
  /// gpu_time_budget was reached, or the GPU would have run out of work.
  gpu_time,
};

/// "commands", "bytes", "age", "end", "gpu_time".
[[nodiscard]] std::string_view to_string(SubmitReason reason) noexcept;

/// The limits of a SubmitPolicy. A limit that is empty does not limit; without any, the policy
/// counts and never says that it is enough.
struct SubmitPolicyOptions {
  /// Commands in a submission, at least 1. What a command is, a dispatch or a graph's node, is the
  /// caller's to say.
  std::optional<std::uint64_t> max_commands = std::nullopt;
  /// Bytes that the commands of a submission touch, at least 1: the weights that they read, say,
  /// which is what GPU time goes by where memory is the limit.
  std::optional<std::uint64_t> max_bytes = std::nullopt;
  /// How long the first command of a submission waits, more than 0.
  std::optional<std::chrono::nanoseconds> max_age = std::nullopt;
  /// How many submissions are smaller at the start, 0 to 16: with 3 the first has an eighth of
  /// max_commands and max_bytes, the next a quarter, then half, then all of them. So an idle GPU
  /// gets its first work early, and the later submissions cost less. Needs limits that can be
  /// halved that often.
  std::uint32_t ramp = 0;
  /// GPU time of a submission, more than 0; 2 ms is a good one. The policy learns from measured()
  /// what commands cost, and makes submissions shorter where the GPU would be idle: SubmitBudget
  /// says how, and what that keeps to. The other limits hold beside it.
  std::optional<std::chrono::nanoseconds> gpu_time_budget = std::nullopt;
};

/// What a SubmitPolicy has counted.
struct SubmitPolicyStatistics {
  /// How often submitted() was called.
  std::uint64_t submissions = 0;
  /// The submissions by their reason; together they are all of them.
  std::uint64_t by_commands = 0;
  /// Those that max_bytes ended.
  std::uint64_t by_bytes = 0;
  /// Those that max_age ended.
  std::uint64_t by_age = 0;
  /// Those that no limit ended.
  std::uint64_t by_end = 0;
  /// Those that gpu_time_budget ended.
  std::uint64_t by_gpu_time = 0;
  /// In all submissions together.
  std::uint64_t total_commands = 0;
  /// Bytes in all submissions together.
  std::uint64_t total_bytes = 0;
  /// Of a submission; 0 before the first.
  double avg_commands = 0.0;
  /// Bytes of a submission; 0 before the first.
  double avg_bytes = 0.0;
  /// The most that any one submission had, which need not be the same one.
  std::uint64_t largest_commands = 0;
  /// The most bytes that any one submission had.
  std::uint64_t largest_bytes = 0;
};

/// Says when an encoder has recorded enough: by GPU time, number of commands, bytes and age. Many
/// small submissions cost CPU time and gaps on the GPU; one large one lets the GPU idle while it is
/// recorded.
///
///     cbr::SubmitPolicy policy({.max_commands = 100, .max_bytes = 64 << 20, .ramp = 3});
///     std::optional<cbr::Lease> lease;
///     const auto submit = [&] {
///       std::move(*lease).submit();
///       lease.reset();
///       policy.submitted();
///     };
///     for (const Node& node : graph) {
///       if (!lease) lease = ring.acquire();
///       encode(node, cbr::vulkan::command_buffer(*lease));
///       if (policy.add(1, node.weight_bytes)) submit();
///     }
///     if (lease) submit();
///
/// With a budget of GPU time instead of constants, tell it what ended, and ask before each command:
///
///     cbr::SubmitPolicy policy({.gpu_time_budget = 2ms});
///     std::deque<std::pair<std::uint64_t, cbr::Ticket>> in_flight;   // submission(), ticket
///     for (const Node& node : graph) {
///       while (!in_flight.empty() && in_flight.front().second.done()) {
///         policy.measured(in_flight.front().first, in_flight.front().second.gpu_interval());
///         in_flight.pop_front();
///       }
///       if (lease && !policy.fits(1, node.weight_bytes)) submit();
///       if (!lease) lease = ring.acquire();
///       encode(node, cbr::vulkan::command_buffer(*lease));
///       if (policy.add(1, node.weight_bytes, node.flops, node.name)) submit();
///     }
///
/// The command that reaches a limit belongs to the submission, so one may exceed max_bytes by less
/// than one command. The policy only counts: it knows no ring, reads no clock, starts no thread and
/// never allocates, so it can't fail once it is made.
///
/// Threads: one at a time, as for the lease that it counts for.
class SubmitPolicy {
 public:
  /// Throws InvalidOption if a limit is not positive, or the ramp does not fit the limits.
  explicit SubmitPolicy(const SubmitPolicyOptions& options = {});

  /// Counts commands that were just recorded and the bytes that they touch. True if it is enough:
  /// submit, then call submitted(). It stays true until then. Some nanoseconds, no clock. `flops`
  /// are operations, or whatever else GPU time goes by, and `label` names the command in
  /// oversized(), which doesn't copy it: they are for gpu_time_budget.
  bool add(std::uint64_t commands = 1, std::uint64_t bytes = 0, std::uint64_t flops = 0,
           const char* label = nullptr) noexcept {
    commands_ = sum(commands_, commands);
    bytes_ = sum(bytes_, bytes);
    if (commands_ >= command_limit_ || bytes_ >= byte_limit_) [[unlikely]] {
      // The first reason is the one that counts.
      if (!reason_)
        reason_ = commands_ >= command_limit_ ? SubmitReason::commands : SubmitReason::bytes;
    }
    if (budget_ && budget_->add({commands, bytes, flops}, label) && !reason_) {
      reason_ = SubmitReason::gpu_time;
    }
    return reason_.has_value();
  }

  /// Whether gpu_time_budget leaves room for such commands in this submission: if not, submit
  /// first. Asked before they are recorded, because only then can one that is much longer than
  /// those before it still go into a submission of its own. True where nothing is recorded, and
  /// without gpu_time_budget.
  [[nodiscard]] bool fits(std::uint64_t commands = 1, std::uint64_t bytes = 0,
                          std::uint64_t flops = 0) const noexcept {
    return !budget_ || budget_->fits({commands, bytes, flops});
  }

  /// True if it is enough at `now`, by whatever clock: limits reached before count too. The age is
  /// counted from the first call with commands recorded since the last submission, so call it at
  /// each command or at intervals much shorter than max_age; without max_age, there is no need to.
  bool due(TimePoint now) noexcept;

  /// Whether a limit was reached since the last submission.
  [[nodiscard]] bool enough() const noexcept { return reason_.has_value(); }
  /// Commands and bytes since the last submission.
  [[nodiscard]] std::uint64_t pending_commands() const noexcept { return commands_; }
  /// Bytes since the last submission.
  [[nodiscard]] std::uint64_t pending_bytes() const noexcept { return bytes_; }

  /// What was counted was submitted, limit or not. Returns why, and starts counting the next.
  SubmitReason submitted() noexcept;
  /// The number of the latest submission, from 1 and since the policy was made; 0 before it.
  [[nodiscard]] std::uint64_t submission() const noexcept { return submission_; }
  /// The submission with that number has ended, and those before it. `interval` says when the GPU
  /// ran it, as its ticket tells; without one nothing is learnt. It may come late, in any order, or
  /// never, and need not be true. The sooner it comes, the better the policy knows that the GPU is
  /// idle: look while recording too.
  void measured(std::uint64_t submission, std::optional<GpuInterval> interval) noexcept;
  /// The latest command that takes longer than gpu_time_budget by itself, as foreseen or measured;
  /// empty if there is none.
  [[nodiscard]] std::optional<OversizedCommand> oversized() const noexcept;
  /// What was counted will not be submitted: its lease was discarded, or the driver refused it.
  void discarded() noexcept;
  /// Starts the ramp again: for when the GPU has nothing to do, at the start of a frame or after
  /// a pause. For gpu_time_budget too a step begins. What was recorded since the last submission
  /// stays counted, against the new limits.
  void restart_ramp() noexcept;

  /// The limits of the submission being recorded; empty where there is none.
  [[nodiscard]] std::optional<std::uint64_t> command_limit() const noexcept;
  /// The same in bytes.
  [[nodiscard]] std::optional<std::uint64_t> byte_limit() const noexcept;
  /// The limits as they were given; valid as long as this object.
  [[nodiscard]] const SubmitPolicyOptions& options() const noexcept { return options_; }

  /// What was counted so far, since reset_statistics().
  [[nodiscard]] SubmitPolicyStatistics statistics() const noexcept;
  /// Starts counting submissions anew. What is being recorded stays counted.
  void reset_statistics() noexcept { counts_ = {}; }

 private:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  /// A sum that stays below `unlimited` instead of beginning again at 0.
  static constexpr std::uint64_t sum(std::uint64_t left, std::uint64_t right) noexcept {
    return right < unlimited - left ? left + right : unlimited - 1;
  }
  void set_limits() noexcept;

  SubmitPolicyOptions options_;
  std::uint64_t commands_ = 0;
  std::uint64_t bytes_ = 0;
  /// Of this submission: halved `halvings_` times.
  std::uint64_t command_limit_ = unlimited;
  std::uint64_t byte_limit_ = unlimited;
  std::uint32_t halvings_ = 0;
  /// The limit that was reached first.
  std::optional<SubmitReason> reason_;
  std::uint64_t submission_ = 0;
  std::optional<SubmitBudget> budget_;
  /// When due() first saw commands of this submission.
  std::optional<TimePoint> since_;
  /// The averages are made when they are asked for.
  SubmitPolicyStatistics counts_;
};

}  // namespace cbr
