#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/validation.h>

#include "backends/decorators/backend_decorator.h"
#include "backends/decorators/contract.h"

namespace cbr {
namespace {

void print_and_abort(std::string_view line) {
  fmt::print(stderr, "backend contract broken: {}\n", line);
  std::abort();
}

class Validator final : public detail::BackendDecorator<Backend> {
 public:
  Validator(std::shared_ptr<Backend> inner, ViolationSink sink)
      : BackendDecorator(std::move(inner)),
        contract_(this->inner().queue_count(), sink ? std::move(sink) : print_and_abort) {}

  void attach(const SlotLayout& layout) override {
    watched(
        "attach", [&] { inner().attach(layout); }, [] {});
    contract_.attached(layout.ring_size);
  }

  void detach() noexcept override {
    contract_.detach_starts();
    inner().detach();
  }

  void add_slot(SlotIndex slot) override {
    contract_.add_starts(slot);
    watched(
        "add_slot", [&] { inner().add_slot(slot); }, [&] { contract_.add_failed(slot); });
    contract_.added(slot);
  }

  void remove_slot(SlotIndex slot) noexcept override {
    contract_.remove_starts(slot);
    inner().remove_slot(slot);
    contract_.removed(slot);
  }

  void* begin(SlotIndex slot) override {
    contract_.begin_starts(slot);
    void* handle = watched(
        "begin", [&] { return inner().begin(slot); }, [&] { contract_.begin_failed(slot); });
    contract_.begun(slot, handle);
    return handle;
  }

  void submit(SlotIndex slot, Serial serial) override {
    contract_.submit_starts(slot, serial);
    watched(
        "submit", [&] { inner().submit(slot, serial); },
        [&] { contract_.submit_failed(slot, serial); });
    contract_.submitted(slot);
  }

  void discard(SlotIndex slot) noexcept override {
    contract_.discard_starts(slot);
    inner().discard(slot);
    contract_.discarded(slot);
  }

  Serial completed(QueueIndex queue) override {
    const Serial at_least = contract_.completed_starts(queue);
    const Serial result = watched(
        "completed", [&] { return inner().completed(queue); },
        [&] { contract_.completed_failed(); });
    contract_.completed(queue, at_least, result);
    return result;
  }

  Completion finish(SlotIndex slot) override {
    contract_.finish_starts(slot);
    Completion completion;
    try {
      // May succeed on a lost device: the work had ended before.
      completion = inner().finish(slot);
    } catch (const DeviceLost&) {
      contract_.lose();
      contract_.finished(slot);
      throw;
    } catch (...) {
      contract_.finished(slot);
      throw;
    }
    contract_.finished(slot);
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    const bool had_ended = contract_.wait_starts(points);
    const WaitStatus status = watched(
        "wait", [&] { return inner().wait(points, wake_number, deadline); },
        [&] { contract_.wait_failed(); });
    switch (status) {
      case WaitStatus::reached:
        contract_.wait_reached(points, one_has_ended(points));
        break;
      case WaitStatus::woken:
        contract_.wait_woken(wake_number, had_ended);
        break;
      case WaitStatus::timed_out:
        contract_.wait_timed_out(deadline, inner().now(), had_ended);
        break;
    }
    return status;
  }

  void wake(std::uint64_t wake_number) override {
    // Before the call: a wait may end before the call does.
    contract_.woken(wake_number);
    inner().wake(wake_number);
  }

 private:
  /// Runs a call of the inner backend, and `on_failure` if it throws.
  template <typename Call, typename OnFailure>
  std::invoke_result_t<Call> watched(const char* name, Call&& call, OnFailure&& on_failure) {
    const bool was_lost = contract_.lost();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
        std::forward<Call>(call)();
        contract_.succeeded(name, was_lost);
      } else {
        auto result = std::forward<Call>(call)();
        contract_.succeeded(name, was_lost);
        return result;
      }
    } catch (const DeviceLost&) {
      contract_.lose();
      std::forward<OnFailure>(on_failure)();
      throw;
    } catch (...) {
      std::forward<OnFailure>(on_failure)();
      throw;
    }
  }

  /// What `completed` says of the points; true if the device was lost since.
  bool one_has_ended(std::span<const SyncPoint> points) {
    try {
      return std::any_of(points.begin(), points.end(), [this](const SyncPoint& point) {
        return inner().completed(point.queue).covers(point.serial);
      });
    } catch (const DeviceLost&) {
      contract_.lose();
      return true;
    }
  }

  detail::Contract contract_;
};

}  // namespace

std::shared_ptr<Backend> validate(std::shared_ptr<Backend> inner, ViolationSink on_violation) {
  return std::make_shared<Validator>(std::move(inner), std::move(on_violation));
}

}  // namespace cbr
