#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

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
        contract_(std::make_shared<detail::Contract>(this->inner().queue_count(),
                                                     sink ? std::move(sink) : print_and_abort)) {}

  void attach(const SlotLayout& layout) override {
    SlotLayout watched_layout = layout;
    auto reports = std::make_shared<Reports>(contract_, layout.report);
    if (layout.report) {
      watched_layout.report = [reports](std::string_view text) { reports->pass_on(text); };
    }
    watched(
        "attach", [&] { inner().attach(watched_layout); }, [&] { reports->end(); });
    reports_ = std::move(reports);
    std::vector<std::shared_ptr<const QueueTimeline>> timelines;
    for (std::uint32_t i = 0; i < inner().queue_count(); ++i) {
      timelines.push_back(inner().timeline(QueueIndex{i}));
    }
    contract_->attached(layout.ring_size, layout.gpu_times, std::move(timelines));
  }

  void detach() noexcept override {
    contract_->detach_starts();
    inner().detach();
    if (reports_ != nullptr) reports_->end();
  }

  std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept override {
    contract_->abandon_starts(slot);
    std::unique_ptr<NativeSlot> objects = inner().abandon(slot);
    contract_->abandoned(slot, objects.get());
    return objects;
  }

  void add_slot(SlotIndex slot) override {
    contract_->add_starts(slot);
    watched(
        "add_slot", [&] { inner().add_slot(slot); }, [&] { contract_->add_failed(slot); });
    contract_->added(slot);
  }

  void remove_slot(SlotIndex slot) noexcept override {
    contract_->remove_starts(slot);
    inner().remove_slot(slot);
    contract_->removed(slot);
  }

  void* begin(SlotIndex slot) override {
    contract_->begin_starts(slot);
    void* handle = watched(
        "begin", [&] { return inner().begin(slot); }, [&] { contract_->begin_failed(slot); });
    contract_->begun(slot, handle);
    return handle;
  }

  void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) override {
    contract_->submit_starts("submit", slot, serial, waits);
    watched(
        "submit", [&] { inner().submit(slot, serial, waits); },
        [&] { contract_->submit_failed(slot, serial); });
    contract_->submitted(slot, false);
  }

  bool gather(SlotIndex slot, Serial serial, TimePoint send_by) override {
    contract_->submit_starts("gather", slot, serial, {});
    if (!inner().coalesces()) contract_->gathered_in_vain();
    const bool kept = watched(
        "gather", [&] { return inner().gather(slot, serial, send_by); },
        [&] { contract_->submit_failed(slot, serial); });
    contract_->submitted(slot, kept);
    return kept;
  }

  void flush(QueueIndex queue) override {
    contract_->flush_starts(queue);
    watched(
        "flush", [&] { inner().flush(queue); }, [&] { contract_->flush_failed(queue); });
    contract_->flushed(queue);
  }

  void discard(SlotIndex slot) noexcept override {
    contract_->discard_starts(slot);
    inner().discard(slot);
    contract_->discarded(slot);
  }

  Serial completed(QueueIndex queue) override {
    const detail::Contract::Known known = contract_->completed_starts(queue);
    const Serial result = watched(
        "completed", [&] { return inner().completed(queue); },
        [&] { contract_->completed_failed(queue); });
    contract_->completed(queue, known, result);
    return result;
  }

  Completion finish(SlotIndex slot) override {
    contract_->finish_starts(slot);
    Completion completion;
    try {
      // May succeed on a lost device: the work had ended before.
      completion = inner().finish(slot);
    } catch (const DeviceLost&) {
      contract_->lose();
      contract_->finish_failed(slot);
      throw;
    } catch (...) {
      contract_->finish_failed(slot);
      throw;
    }
    contract_->finished(slot, completion);
    return completion;
  }

  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                  TimePoint deadline) override {
    const bool had_ended = contract_->wait_starts(points);
    const WaitStatus status = watched(
        "wait", [&] { return inner().wait(points, wake_number, deadline); },
        [&] { contract_->wait_failed(); });
    switch (status) {
      case WaitStatus::reached:
        contract_->wait_reached(points);
        break;
      case WaitStatus::woken:
        contract_->wait_woken(wake_number, had_ended);
        break;
      case WaitStatus::timed_out:
        contract_->wait_timed_out(deadline, inner().now(), had_ended);
        break;
    }
    return status;
  }

  void wake(std::uint64_t wake_number) override {
    // Before the call: a wait may end before the call does.
    contract_->wake_starts(wake_number);
    try {
      inner().wake(wake_number);
    } catch (const DeviceLost&) {
      contract_->lose();
      contract_->wake_ended();
      throw;
    } catch (...) {
      contract_->wake_ended();
      throw;
    }
    contract_->wake_ended();
  }

 private:
  /// SlotLayout::report of one ring, as long as that may be called.
  class Reports {
   public:
    Reports(std::shared_ptr<detail::Contract> contract, std::function<void(std::string_view)> sink)
        : contract_(std::move(contract)), sink_(std::move(sink)) {}
    void pass_on(std::string_view text) {
      if (ended_) {
        contract_->reported_late();
      } else {
        sink_(text);
      }
    }
    void end() noexcept { ended_ = true; }

   private:
    const std::shared_ptr<detail::Contract> contract_;
    const std::function<void(std::string_view)> sink_;
    std::atomic<bool> ended_ = false;
  };

  /// Runs a call of the inner backend, and `on_failure` if it throws.
  template <typename Call, typename OnFailure>
  std::invoke_result_t<Call> watched(const char* name, Call&& call, OnFailure&& on_failure) {
    const bool was_lost = contract_->lost();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
        std::forward<Call>(call)();
        contract_->succeeded(name, was_lost);
      } else {
        auto result = std::forward<Call>(call)();
        contract_->succeeded(name, was_lost);
        return result;
      }
    } catch (const DeviceLost&) {
      contract_->lose();
      std::forward<OnFailure>(on_failure)();
      throw;
    } catch (...) {
      std::forward<OnFailure>(on_failure)();
      throw;
    }
  }

  /// Shared with what a backend may call after its detach(), against the rules.
  const std::shared_ptr<detail::Contract> contract_;
  std::shared_ptr<Reports> reports_;
};

}  // namespace

std::shared_ptr<Backend> validate(std::shared_ptr<Backend> inner, ViolationSink on_violation) {
  return std::make_shared<Validator>(std::move(inner), std::move(on_violation));
}

}  // namespace cbr
