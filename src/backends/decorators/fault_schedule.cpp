#include "backends/decorators/fault_schedule.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/fault_name.h"

namespace cbr::detail {
namespace {

FaultPlan checked(FaultPlan plan) {
  const std::pair<const char*, double> probabilities[] = {
      {"begin", plan.begin}, {"submit", plan.submit},           {"execution", plan.execution},
      {"hang", plan.hang},   {"device_loss", plan.device_loss}, {"signal", plan.signal},
      {"wait", plan.wait},   {"completed", plan.completed},     {"finish", plan.finish},
      {"wake", plan.wake}};
  for (const auto& [name, value] : probabilities) {
    // Written so that "not a number" is refused too.
    if (!(value >= 0 && value <= 1)) {
      throw InvalidOption(fmt::format("FaultPlan: {} is {}, allowed are 0 to 1", name, value));
    }
  }
  for (const ScriptedFault& entry : plan.script) {
    if (entry.call == 0) {
      throw InvalidOption(
          fmt::format("FaultPlan: the script's {} is for call 0, allowed are 1 and more",
                      fault_name(entry.fault)));
    }
  }
  return plan;
}

/// Spreads every bit of the input over the output (the finaliser of SplitMix64).
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// A number from 0 to less than 1 that depends on the arguments alone, so that the fate of a call
/// doesn't depend on which thread came first to a shared generator.
double draw(std::uint64_t seed, Fault fault, std::uint64_t call) {
  const std::uint64_t stream = mixed(seed + 0x9e3779b97f4a7c15 * static_cast<std::uint64_t>(fault));
  return static_cast<double>(mixed(stream ^ call) >> 11) * 0x1.0p-53;
}

}  // namespace

FaultSchedule::FaultSchedule(FaultPlan plan) : plan_(checked(std::move(plan))) {}

bool FaultSchedule::strikes(Fault fault, std::uint64_t call) noexcept {
  if (!planned(fault, call) && !take_pending(fault)) return false;
  count(fault);
  return true;
}

bool FaultSchedule::planned(Fault fault, std::uint64_t call) const noexcept {
  const double chance = probability(fault);
  if (chance > 0 && draw(plan_.seed, fault, call) < chance) return true;
  return std::any_of(plan_.script.begin(), plan_.script.end(), [&](const ScriptedFault& entry) {
    return entry.fault == fault && entry.call == call;
  });
}

double FaultSchedule::probability(Fault fault) const noexcept {
  switch (fault) {
    case Fault::none:
      return 0;
    case Fault::fail_begin:
      return plan_.begin;
    case Fault::fail_submit:
      return plan_.submit;
    case Fault::fail_execution:
      return plan_.execution;
    case Fault::hang:
      return plan_.hang;
    case Fault::lose_device:
      return plan_.device_loss;
    case Fault::lose_signal:
      return plan_.signal;
    case Fault::fail_wait:
      return plan_.wait;
    case Fault::fail_completed:
      return plan_.completed;
    case Fault::fail_finish:
      return plan_.finish;
    case Fault::fail_wake:
      return plan_.wake;
  }
  return 0;
}

bool FaultSchedule::take_pending(Fault fault) noexcept {
  std::atomic<std::uint64_t>& pending = at(pending_, fault);
  std::uint64_t count = pending.load();
  while (count > 0) {
    if (pending.compare_exchange_weak(count, count - 1)) return true;
  }
  return false;
}

}  // namespace cbr::detail
