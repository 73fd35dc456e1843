/// @file
/// The exceptions that the library throws. All derive from std::runtime_error, by way of
/// cbr::Error.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace cbr {

/// Base of every exception that this library throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option or argument lies outside what is allowed. The text names it, its value and the limit.
class InvalidOption : public Error {
 public:
  using Error::Error;
};

/// The caller broke a rule of the API at run time: used a lease after submit(), say.
class InvalidUsage : public Error {
 public:
  using Error::Error;
};

/// acquire() reached its deadline before a slot was free. The text names the ring, the slot in the
/// way and the time waited.
class AcquireTimeout : public Error {
 public:
  using Error::Error;
};

/// A submission reached the GPU and failed there. The ring goes on.
class ExecutionFailed : public Error {
 public:
  using Error::Error;
};

/// A submission had to wait for another one, which failed. The ring goes on. The text names both
/// and tells the first cause.
class DependencyFailed : public Error {
 public:
  /// `cause` is what failed first.
  DependencyFailed(const std::string& text, std::exception_ptr cause)
      : Error(text), cause_(std::move(cause)) {}
  /// What failed first, where one failure has led to others: ExecutionFailed, DeviceLost or
  /// SubmitFailed, say, or InvalidUsage where a ring ended before it could send what it held. Never
  /// a DependencyFailed.
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::exception_ptr cause_;
};

/// The device is gone. Every later call on rings of this device fails with the first cause.
class DeviceLost : public Error {
 public:
  using Error::Error;
};

/// A backend cannot be used: no driver library, no such device, a missing feature, or a native call
/// that failed. The text names the call and its result.
class BackendError : public Error {
 public:
  using Error::Error;
};

/// The driver refused a submission. Nothing runs and the slot is free again.
class SubmitFailed : public BackendError {
 public:
  using BackendError::BackendError;
};

/// A file or a flag that a user gave is wrong. The text is one line: what was read, the place in
/// it, the value found, and what is allowed.
class InputError : public Error {
 public:
  using Error::Error;
};

}  // namespace cbr
