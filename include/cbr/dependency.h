/// @file
/// What a submission waits for before the GPU runs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include <cbr/ticket.h>

namespace cbr {

/// What becomes of a submission when something that it waits for fails.
enum class IfFailed : std::uint8_t {
  /// It fails too: its ticket throws DependencyFailed, with the cause. If the failure is known in
  /// time, its commands don't run; where the GPU has begun by then, they have run, on whatever the
  /// failed work left behind.
  fail,
  /// It runs all the same, once that has ended.
  run,
};

/// How to wait for one submission.
struct DependencyOptions {
  /// What becomes of the dependant if the submission fails or is lost.
  IfFailed if_failed = IfFailed::fail;
  /// Where the GPU can't wait for that submission, because it is another device's or its backend
  /// offers nothing to wait for: hold the dependant back until the host has seen the end. Without
  /// it, submit() throws InvalidUsage there.
  bool allow_host_wait = false;
};

/// One submission that another waits for. Shares the ticket's receipt, as any copy does.
class Dependency {
 public:
  /// Of nothing: submit() throws InvalidUsage for it.
  Dependency() noexcept = default;
  /// A ticket stands for a dependency on its submission.
  Dependency(Ticket ticket,  // NOLINT(google-explicit-constructor)
             DependencyOptions options = {}) noexcept
      : ticket_(std::move(ticket)), options_(options) {}

  /// The submission to wait for.
  [[nodiscard]] const Ticket& ticket() const noexcept { return ticket_; }
  /// How to wait for it.
  [[nodiscard]] const DependencyOptions& options() const noexcept { return options_; }

 private:
  Ticket ticket_;
  DependencyOptions options_;
};

/// The submissions that one waits for: all of them, in any order. Up to four need no allocation.
///
///     std::move(lease).submit({.after = {upload, {shadows, {.if_failed = cbr::IfFailed::run}}}});
class Dependencies {
 public:
  /// None.
  Dependencies() noexcept = default;
  /// Those of the list.
  Dependencies(std::initializer_list<Dependency> list);  // NOLINT(google-explicit-constructor)
  /// All of `tickets`, with the default options.
  explicit Dependencies(std::span<const Ticket> tickets);
  /// Copies share the tickets' receipts.
  Dependencies(const Dependencies&) = default;
  /// Leaves `other` without any.
  Dependencies(Dependencies&& other) noexcept;
  /// Lets go of those it had; then the same as the copy. If this throws, nothing has changed.
  Dependencies& operator=(const Dependencies& other);
  /// Lets go of those it had, and leaves `other` without any.
  Dependencies& operator=(Dependencies&& other) noexcept;
  ~Dependencies() = default;

  /// One more. If this throws, nothing has changed.
  void add(Dependency dependency);
  /// Lets go of all.
  void clear() noexcept;
  /// How many there are.
  [[nodiscard]] std::size_t size() const noexcept { return few_count_ + more_.size(); }
  /// Whether there are none.
  [[nodiscard]] bool empty() const noexcept { return few_count_ == 0; }
  /// The one with this index, below size().
  [[nodiscard]] const Dependency& operator[](std::size_t index) const {
    return index < few_.size() ? few_[index] : more_[index - few_.size()];
  }

 private:
  std::array<Dependency, 4> few_;
  std::size_t few_count_ = 0;
  /// Those beyond the first four.
  std::vector<Dependency> more_;
};

}  // namespace cbr
