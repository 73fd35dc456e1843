// Programs that cut their commands into submissions, on the simulated GPU: its clock is exact, so
// how two rules for the size of a submission compare is a number that a test can assert.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cbr/submit_policy.h>

namespace cbr::test {

struct Command {
  std::chrono::nanoseconds gpu{};
  std::uint64_t bytes = 0;
};

/// Steps of commands. After a step the host waits for the GPU, and then does other work.
struct Workload {
  std::string name;
  /// CPU time to record a command.
  std::chrono::nanoseconds encode{};
  /// CPU time between two steps.
  std::chrono::nanoseconds host{};
  std::vector<std::vector<Command>> steps;
};

/// What a submission costs beside its commands: about what it does on an H200.
struct Machine {
  /// GPU time before each submission, which its interval does not cover.
  std::chrono::nanoseconds gap = std::chrono::microseconds(10);
  /// CPU time of the submit call.
  std::chrono::nanoseconds submit = std::chrono::microseconds(10);
  /// From the GPU's end until the host can see it.
  std::chrono::nanoseconds completion = std::chrono::microseconds(10);
  std::uint32_t ring_size = 3;
  /// A submission that takes the GPU longer loses the device.
  std::optional<std::chrono::nanoseconds> watchdog = std::nullopt;
};

/// A rule for the size of a submission.
struct Rule {
  std::string name;
  SubmitPolicyOptions options;
  /// Whether the policy is told of bytes.
  bool counts_bytes = true;
  /// Whether it is told what ended while commands are recorded, not only when a slot is taken.
  bool looks = true;
};

struct Outcome {
  std::chrono::nanoseconds wall{};
  /// The longest GPU time of a submission that has several commands.
  std::chrono::nanoseconds longest_of_several{};
  bool device_lost = false;
  SubmitPolicyStatistics statistics;
};

/// Runs the workload on a ring, to its end or until the device is lost.
Outcome run(const Workload& workload, const Rule& rule, const Machine& machine = {});

/// Those that rules are compared on.
std::vector<Workload> workloads();
/// A program and a machine that nobody chose: a third of a second of commands of 1 to 300 us, alike
/// or not, or 40 steps of 40 to 2000 of them; 0.3 to 6 us to record each; gaps of 3 to 12 us,
/// submit calls of 2 to 20 us, a ring of 2 or 3.
struct Case {
  Workload workload;
  Machine machine;
};
Case random_case(std::uint64_t seed);
/// Commands that take from 25 us to 25 ms, as their bytes do.
Workload growing_thousandfold();

/// 2 ms of GPU time.
Rule gpu_time();
/// Constants that programs use.
std::vector<Rule> constants_of_the_field();
/// The number of commands a submission that runs this workload fastest, of 1, 2, 3, 4, 6, 8 and so
/// on to 6144.
Rule best_constant(const Workload& workload, const Machine& machine = {});

/// How far the rule's rate is from that of the other: -0.05 is 5 % slower.
double gain(const Workload& workload, const Rule& rule, const Rule& other,
            const Machine& machine = {});

}  // namespace cbr::test
