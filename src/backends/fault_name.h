// What faults are called in texts.
#pragma once

#include <cbr/fault.h>

namespace cbr::detail {

/// "fail_submit" and the like.
[[nodiscard]] constexpr const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::fail_begin:
      return "fail_begin";
    case Fault::fail_submit:
      return "fail_submit";
    case Fault::fail_execution:
      return "fail_execution";
    case Fault::hang:
      return "hang";
    case Fault::lose_device:
      return "lose_device";
    case Fault::lose_signal:
      return "lose_signal";
    case Fault::fail_wait:
      return "fail_wait";
    case Fault::fail_completed:
      return "fail_completed";
    case Fault::fail_finish:
      return "fail_finish";
    case Fault::fail_wake:
      return "fail_wake";
  }
  return "unknown fault";
}

}  // namespace cbr::detail
