// What Metal's errors mean.
#pragma once

#include <exception>
#include <optional>
#include <string>

#import <Metal/Metal.h>

#include <cbr/types.h>

namespace cbr::metal {

/// How a command buffer failed.
struct Failure {
  /// One line: the slot's label, Metal's code by name, and the encoder that failed where known.
  std::string text;
  /// Whether the device is lost: nothing that comes later can succeed.
  bool fatal = false;
};

/// Reads the error of an MTLCommandBuffer or of an MTL4CommitFeedback. `error` may be nil: Metal
/// then gave no reason.
[[nodiscard]] Failure read_failure(NSError* error, const std::string& label);

/// The same as the outcome of a submission.
[[nodiscard]] std::exception_ptr to_exception(const Failure& failure);

/// Metal's start and end times, in seconds of the host's clock. Empty where Metal gave none.
[[nodiscard]] std::optional<GpuInterval> to_interval(double start, double end);

}  // namespace cbr::metal
