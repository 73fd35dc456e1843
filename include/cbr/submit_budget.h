/// @file
/// How much work belongs into a submission, learnt from the GPU's own times. This header stands
/// alone: C++17, nothing but cstdint, no exceptions, no RTTI, no allocation, no clock.
#pragma once

#include <cstdint>

namespace cbr {

/// What commands ask of the GPU, in whatever the caller can count. What is left at 0 everywhere
/// plays no part.
struct SubmitWork {
  /// Commands: dispatches, a graph's nodes.
  std::uint64_t commands = 1;
  /// Bytes that they touch.
  std::uint64_t bytes = 0;
  /// Operations, or anything else that GPU time goes by.
  std::uint64_t flops = 0;
};

/// The options of a SubmitBudget. What is less than 1 is taken as 1.
struct SubmitBudgetOptions {
  /// GPU time of a submission, in nanoseconds.
  std::int64_t budget_ns = 2'000'000;
  /// What one more submission costs, in nanoseconds: the gap that it leaves on the GPU, or the CPU
  /// time of the call. Only a GPU that would be idle gets less than the budget, and this says how
  /// much less pays; a guess within a factor of 4 is good enough.
  std::int64_t submission_cost_ns = 10'000;
  /// Commands in a submission where the GPU never tells a time.
  std::uint64_t unmeasured_commands = 16;
};

/// A command that takes longer than the budget all by itself, so that no cut can help.
struct OversizedCommand {
  /// Its number, from 0, among all commands that were added.
  std::uint64_t command = 0;
  /// What the caller calls it; null if nothing.
  const char* label = nullptr;
  /// GPU time that was foreseen for it, in nanoseconds; 0 if it was not foreseen to be too long.
  std::int64_t predicted_ns = 0;
  /// GPU time that it took, in nanoseconds; 0 as long as that isn't known.
  std::int64_t measured_ns = 0;
};

/// Learns what work costs from GPU times, and says when enough is recorded for a time budget.
///
///     cbr::SubmitBudget budget;
///     for (const Node& node : graph) {
///       for (const Ended& ended : what_ended()) budget.measured(ended.number, ended.gpu_ns);
///       const cbr::SubmitWork work{1, node.bytes, node.flops};
///       if (!budget.fits(work)) submit();
///       encode(node);
///       if (budget.add(work, node.name)) submit();   // number = submit(), budget.submitted()
///     }
///
/// What it keeps to. Work takes the GPU the sum of its amounts, each times a cost that is not
/// negative and that nobody has to know. A measured submission then bounds any other: that one
/// takes no longer than the measured one times the largest of the ratios of their amounts. The
/// tightest of such bounds, of up to 8 unlike submissions, is the prediction. So where costs stay
/// as they are, and fits() is asked before each command, no submission of several commands is
/// longer than the budget, however much more work one command has than the one before.
///
/// Where costs themselves grow, because they depend on what is not counted, the prediction is as
/// old as the latest measurement. With one amount that is counted, no submission of several
/// commands is longer than 1.2 times the budget if no cost grows by more than a factor of 1.2 from
/// the beginning of the latest measured submission to the end of the one that is recorded: 4.6 % a
/// submission where times come three submissions late, as with a ring of 3. Steady growth may be
/// faster than that: by how much the last predictions were exceeded is expected again. A cost that
/// jumps unseen makes too long what is recorded or in flight at that moment, by as much as it
/// jumps. Costs that fall are believed slowly: one measurement makes submissions 11 % longer at
/// most, several in a row that agree double them. And no submission has more than twice as many
/// commands as the largest that was measured.
///
/// A GPU that runs out of work gets the next submission early: before the budget is reached, once
/// it has as much work as is in flight, which the GPU does meanwhile, and at least sqrt(2 x
/// submission_cost x work left in the step). That weighs what more submissions cost against a GPU
/// that waits for the first of a step, and a host that waits for the last. A step ends with a
/// submission that add() did not ask for. How long the last one was is expected again; until one is
/// known, and beyond that, the step is taken to be half done.
///
/// Before anything was measured a submission has one command, and options.unmeasured_commands if
/// eight of them did not tell a time. So does work that has nothing in common with what was
/// measured: alone in a submission it can't harm others, and its time is learnt.
///
/// GPU times may come late, in any order, twice or never; those that can't be true (not positive,
/// more than an hour) count as none. The last 64 submissions are remembered.
///
/// Threads: one at a time. No function blocks, throws or allocates.
class SubmitBudget {
 public:
  /// Starts with nothing known.
  explicit SubmitBudget(const SubmitBudgetOptions& options = {}) noexcept
      : budget_(at_least_1(options.budget_ns)),
        submission_cost_(at_least_1(options.submission_cost_ns)),
        unmeasured_commands_(options.unmeasured_commands > 0 ? options.unmeasured_commands : 1) {}

  /// Whether what is recorded, and such work after it, keeps to the budget: if not, submit first.
  /// True if nothing is recorded. Asked before a command is recorded, because a command that is
  /// much longer than those before it can't be taken back.
  [[nodiscard]] bool fits(const SubmitWork& work) const noexcept {
    if (pending_commands_ == 0) return true;
    if (sum(pending_commands_, work.commands) > most_commands()) return false;
    if (blind()) return true;
    const Amounts next(work);
    return smaller(sum(predicted_, bound(next)), bound(plus(pending_, next))) * margin_ <= budget_;
  }

  /// Counts work that was just recorded. True if it is enough: submit, then call submitted(). It
  /// stays true until then. `label` names it in oversized(); it is not copied.
  bool add(const SubmitWork& work = {}, const char* label = nullptr) noexcept {
    const Amounts added(work);
    const double alone = bound(added);
    pending_ = plus(pending_, added);
    pending_commands_ = sum(pending_commands_, work.commands);
    predicted_ = smaller(sum(predicted_, alone), bound(pending_));
    if (pending_commands_ == 1) label_ = label;
    if (work.commands == 1 && alone < unknown && alone > budget_) {
      name({next_command_, label, whole(alone), 0});
      // Its time will confirm that or not, if nothing else is in the submission.
      named_ = pending_commands_ == 1;
    }
    next_command_ += work.commands;
    enough_ = enough_ || pending_commands_ >= most_commands();
    if (!enough_ && !blind()) {
      enough_ = sum(predicted_, alone) * margin_ > budget_ || is_wanted();
    }
    return enough_;
  }

  /// Whether add() asked for a submission since the last one.
  [[nodiscard]] bool enough() const noexcept { return enough_; }

  /// What was counted was submitted. Returns its number, from 1, for measured() and ended().
  std::uint64_t submitted() noexcept { return submitted(!enough_); }
  /// The same where something else than add() decided: `ends_step` says whether the next commands
  /// wait for these.
  std::uint64_t submitted(bool ends_step) noexcept {
    Submission& submission = place(++submissions_);
    submission = {
        pending_,          predicted_, label_, submissions_, next_command_ - pending_commands_,
        pending_commands_, named_,     false};
    if (predicted_ < unknown) {
      step_ += predicted_;
      in_flight_ += predicted_;
    }
    if (ends_step) start_step();
    discarded();
    return submissions_;
  }

  /// What was counted will not be submitted.
  void discarded() noexcept {
    pending_ = Amounts();
    pending_commands_ = 0;
    predicted_ = 0;
    label_ = nullptr;
    enough_ = named_ = false;
  }

  /// The GPU took that long, in nanoseconds, for the submission with that number. Says ended() too.
  void measured(std::uint64_t number, std::int64_t gpu_ns) noexcept {
    Submission* const submission = find(number);
    ended(number);
    if (submission == nullptr || submission->is_measured) return;
    if (gpu_ns <= 0 || gpu_ns > longest_ns) return;
    submission->is_measured = true;
    if (submission->commands == 1) judge(*submission, gpu_ns);
    if (submission->amounts.any()) learn(*submission, static_cast<double>(gpu_ns));
  }

  /// The submission with that number has ended, and all before it. For those without a GPU time.
  void ended(std::uint64_t number) noexcept {
    if (number <= ended_ || number > submissions_) return;
    ended_ = number;
    in_flight_ = 0;
    std::uint64_t later = number + 1;
    if (submissions_ - number > memory) later = submissions_ - memory + 1;
    for (; later <= submissions_; ++later) {
      const double predicted = place(later).predicted;
      if (predicted < unknown) in_flight_ += predicted;
    }
  }

  /// A new step begins with the next submission: called by submitted() where add() did not ask for
  /// it; for a caller whose step ended just when the budget did.
  void start_step() noexcept {
    if (step_ > 0) last_step_ = step_;
    step_ = 0;
  }

  /// Whether nothing is in flight, as far as measured() and ended() have told.
  [[nodiscard]] bool idle() const noexcept { return ended_ == submissions_; }
  /// GPU time of such work by what is known so far, in nanoseconds; -1 if nothing is.
  [[nodiscard]] std::int64_t predicted_ns(const SubmitWork& work) const noexcept {
    const double predicted = bound(Amounts(work));
    return predicted < unknown ? whole(predicted) : -1;
  }
  /// How many commands were longer than the budget by themselves, as foreseen or measured.
  [[nodiscard]] std::uint64_t oversized_commands() const noexcept { return oversized_commands_; }
  /// The latest of them; its times are 0 if there is none.
  [[nodiscard]] OversizedCommand oversized() const noexcept { return oversized_; }

 private:
  /// @cond
  static constexpr int amount_count = 3;
  static constexpr int mix_count = 8;
  static constexpr std::uint64_t memory = 64;
  static constexpr std::int64_t longest_ns = 3'600'000'000'000;
  /// More than any time, and small enough to be added up and multiplied.
  static constexpr double unknown = 1e200;
  static constexpr double slowest_fall = 0.9;
  /// What is exceeded by more has jumped once rather than grown.
  static constexpr double largest_margin = 16;

  struct Amounts {
    double of[amount_count] = {0, 0, 0};
    Amounts() = default;
    explicit Amounts(const SubmitWork& work) noexcept
        : of{static_cast<double>(work.commands), static_cast<double>(work.bytes),
             static_cast<double>(work.flops)} {}
    [[nodiscard]] bool any() const noexcept { return of[0] + of[1] + of[2] > 0; }
  };
  /// A submission that was measured, as what it says about others: its time over each amount.
  struct Mix {
    double cost[amount_count] = {unknown, unknown, unknown};
    /// The number of the submission.
    std::uint64_t learnt = 0;
    /// How far the next one like it may lower the prediction.
    double fall = slowest_fall;
  };
  struct Submission {
    Amounts amounts;
    double predicted = 0;
    const char* label = nullptr;
    std::uint64_t number = 0;
    std::uint64_t first_command = 0;
    std::uint64_t commands = 0;
    bool is_named = false;
    bool is_measured = false;
  };

  static double at_least_1(std::int64_t value) noexcept {
    return value > 1 ? static_cast<double>(value) : 1.0;
  }
  static double smaller(double left, double right) noexcept { return left < right ? left : right; }
  static double larger(double left, double right) noexcept { return left < right ? right : left; }
  static double sum(double left, double right) noexcept { return smaller(left + right, unknown); }
  static std::uint64_t sum(std::uint64_t left, std::uint64_t right) noexcept {
    return right < ~left ? left + right : ~std::uint64_t{0};
  }
  static std::int64_t whole(double ns) noexcept {
    return static_cast<std::int64_t>(smaller(ns, static_cast<double>(longest_ns)));
  }
  static Amounts plus(Amounts left, const Amounts& right) noexcept {
    for (int i = 0; i < amount_count; ++i) left.of[i] += right.of[i];
    return left;
  }

  [[nodiscard]] Submission& place(std::uint64_t number) noexcept {
    return remembered_[number % memory];
  }
  [[nodiscard]] Submission* find(std::uint64_t number) noexcept {
    Submission& submission = place(number);
    return number != 0 && submission.number == number ? &submission : nullptr;
  }

  /// Whether no time has ever been told.
  [[nodiscard]] bool blind() const noexcept { return mixes_ == 0; }
  /// However cheap they seem: costs that grow with each command show at twice as many of them, and
  /// would surprise at a hundred times as many.
  [[nodiscard]] std::uint64_t most_commands() const noexcept {
    if (!blind()) return sum(largest_measured_, largest_measured_);
    return ended_ < 8 ? 1 : unmeasured_commands_;
  }

  /// No such work takes longer, as far as is known: `unknown` if nothing is.
  [[nodiscard]] double bound(const Amounts& amounts) const noexcept {
    double best = unknown;
    for (int m = 0; m < mixes_; ++m) {
      double most = 0;
      for (int i = 0; i < amount_count; ++i) {
        most = larger(most, amounts.of[i] * mix_[m].cost[i]);
      }
      best = smaller(best, most);
    }
    return best;
  }

  /// Whether the GPU would rather have what is recorded than wait for the budget to be reached.
  [[nodiscard]] bool is_wanted() const noexcept {
    const double done = step_ + predicted_;
    const double left = done < last_step_ ? last_step_ - step_ : done;
    // The limit is the square root of the right side; there is no need to draw it.
    return predicted_ >= in_flight_ && predicted_ * predicted_ >= 2 * submission_cost_ * left;
  }

  void learn(const Submission& submission, double gpu_ns) noexcept {
    const double expected = bound(submission.amounts);
    const bool is_latest = submission.number > latest_measured_;
    // What is older than what is known says nothing good about the present.
    if (!is_latest && gpu_ns < expected && expected < unknown) return;
    if (is_latest) latest_measured_ = submission.number;
    if (submission.commands > largest_measured_) largest_measured_ = submission.commands;
    if (submission.predicted < unknown) {
      const double faded = 1 + (margin_ - 1) * 0.8;
      margin_ = smaller(larger(gpu_ns / submission.predicted, faded), largest_margin);
    }
    Mix& mix = mix_to_replace(submission.amounts);
    if (expected < unknown && gpu_ns >= expected) {
      // What has grown here has perhaps grown everywhere.
      scale(gpu_ns / expected);
      mix.fall = slowest_fall;
    } else if (expected < unknown) {
      const double lowest = expected * mix.fall;
      // A single time that is too short to be true must not make the next submission too long.
      mix.fall = gpu_ns < lowest ? larger(mix.fall * mix.fall, 0.5) : slowest_fall;
      gpu_ns = larger(gpu_ns, lowest);
    }
    for (int i = 0; i < amount_count; ++i) {
      const double amount = submission.amounts.of[i];
      mix.cost[i] = amount > 0 ? gpu_ns / amount : unknown;
    }
    mix.learnt = submission.number;
  }

  void scale(double factor) noexcept {
    for (int m = 0; m < mixes_; ++m) {
      for (double& cost : mix_[m].cost) cost = smaller(cost * factor, unknown);
    }
    predicted_ = smaller(predicted_ * factor, unknown);
  }

  /// The one most like these amounts, if one is; else a free one, or else the oldest. So what is
  /// learnt about one phase of a program is not forgotten in the next.
  Mix& mix_to_replace(const Amounts& amounts) noexcept {
    double least = 1.5;
    Mix* alike = nullptr;
    Mix* oldest = &mix_[0];
    for (int m = 0; m < mixes_; ++m) {
      double most = 0;
      double fewest = unknown;
      for (int i = 0; i < amount_count; ++i) {
        if (amounts.of[i] == 0 && mix_[m].cost[i] >= unknown) continue;
        const double ratio = amounts.of[i] * mix_[m].cost[i];
        most = larger(most, ratio);
        fewest = smaller(fewest, ratio);
      }
      if (most < least * fewest) {
        least = most / fewest;
        alike = &mix_[m];
      }
      if (mix_[m].learnt < oldest->learnt) oldest = &mix_[m];
    }
    if (alike != nullptr) return *alike;
    Mix& mix = mixes_ < mix_count ? mix_[mixes_++] : *oldest;
    mix.fall = slowest_fall;
    return mix;
  }

  void name(const OversizedCommand& command) noexcept {
    oversized_ = command;
    ++oversized_commands_;
  }

  /// What the time of a command that was alone in its submission says about it.
  void judge(const Submission& submission, std::int64_t gpu_ns) noexcept {
    const bool is_latest = submission.is_named && oversized_.command == submission.first_command;
    if (static_cast<double>(gpu_ns) > budget_) {
      if (is_latest) {
        oversized_.measured_ns = gpu_ns;
      } else if (!submission.is_named) {
        name({submission.first_command, submission.label, 0, gpu_ns});
      }
    } else if (submission.is_named) {
      // It was wronged.
      --oversized_commands_;
      if (is_latest) oversized_ = {};
    }
  }

  double budget_;
  double submission_cost_;
  std::uint64_t unmeasured_commands_;

  // Of what is being recorded.
  Amounts pending_;
  std::uint64_t pending_commands_ = 0;
  double predicted_ = 0;
  const char* label_ = nullptr;
  bool named_ = false;
  bool enough_ = false;

  std::uint64_t next_command_ = 0;
  std::uint64_t submissions_ = 0;
  /// The latest that has ended.
  std::uint64_t ended_ = 0;
  std::uint64_t latest_measured_ = 0;
  /// Commands of a submission; 1 where what is counted has none.
  std::uint64_t largest_measured_ = 1;
  /// GPU time, as foreseen, of what is in flight, of this step so far, and of the step before.
  double in_flight_ = 0;
  double step_ = 0;
  double last_step_ = 0;

  Mix mix_[mix_count];
  int mixes_ = 0;
  /// By how much predictions were exceeded of late, at least 1.
  double margin_ = 1;
  Submission remembered_[memory];

  std::uint64_t oversized_commands_ = 0;
  OversizedCommand oversized_;
  /// @endcond
};

}  // namespace cbr
