#include "backends/metal/failure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/metal/metal4.h"

namespace cbr::metal {
namespace {

struct Code {
  NSInteger value;
  const char* name;
  bool fatal;
};

#define CBR_CODE(name) name, #name
// The device is lost when it was removed; and when the system revoked the process's access to the
// GPU after too many faults, for then every later command buffer fails as well.
constexpr std::array command_buffer_codes = {
    Code{CBR_CODE(MTLCommandBufferErrorNone), false},
    Code{CBR_CODE(MTLCommandBufferErrorInternal), false},
    Code{CBR_CODE(MTLCommandBufferErrorTimeout), false},
    Code{CBR_CODE(MTLCommandBufferErrorPageFault), false},
    Code{CBR_CODE(MTLCommandBufferErrorAccessRevoked), true},
    Code{CBR_CODE(MTLCommandBufferErrorNotPermitted), false},
    Code{CBR_CODE(MTLCommandBufferErrorOutOfMemory), false},
    Code{CBR_CODE(MTLCommandBufferErrorInvalidResource), false},
    Code{CBR_CODE(MTLCommandBufferErrorMemoryless), false},
    Code{CBR_CODE(MTLCommandBufferErrorDeviceRemoved), true},
    Code{CBR_CODE(MTLCommandBufferErrorStackOverflow), false},
};
#ifdef CBR_METAL4_SDK
constexpr std::array metal4_codes = {
    Code{CBR_CODE(MTL4CommandQueueErrorNone), false},
    Code{CBR_CODE(MTL4CommandQueueErrorTimeout), false},
    Code{CBR_CODE(MTL4CommandQueueErrorNotPermitted), false},
    Code{CBR_CODE(MTL4CommandQueueErrorOutOfMemory), false},
    Code{CBR_CODE(MTL4CommandQueueErrorDeviceRemoved), true},
    Code{CBR_CODE(MTL4CommandQueueErrorAccessRevoked), true},
    Code{CBR_CODE(MTL4CommandQueueErrorInternal), false},
};
#endif
#undef CBR_CODE

template <std::size_t size>
std::optional<Code> find(const std::array<Code, size>& codes, NSInteger value) {
  const auto* const found = std::find_if(codes.begin(), codes.end(),
                                         [&](const Code& code) { return code.value == value; });
  return found == codes.end() ? std::nullopt : std::optional(*found);
}

std::optional<Code> find_code(NSError* error) {
  if ([error.domain isEqualToString:MTLCommandBufferErrorDomain]) {
    return find(command_buffer_codes, error.code);
  }
#ifdef CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    if ([error.domain isEqualToString:MTL4CommandQueueErrorDomain]) {
      return find(metal4_codes, error.code);
    }
  }
#endif
  return std::nullopt;
}

std::string text_of(NSString* string) {
  const char* const text = string.UTF8String;
  return text == nullptr ? std::string() : std::string(text);
}

/// " in encoder "matmul" (2 of 3)", or nothing where Metal doesn't tell.
std::string encoder_text(NSError* error) {
  NSArray<id<MTLCommandBufferEncoderInfo>>* const infos =
      error.userInfo[MTLCommandBufferEncoderInfoErrorKey];
  const auto first = [&](MTLCommandEncoderErrorState state) -> std::optional<NSUInteger> {
    for (NSUInteger i = 0; i < infos.count; ++i) {
      if (infos[i].errorState == state) return i;
    }
    return std::nullopt;
  };
  auto place = first(MTLCommandEncoderErrorStateFaulted);
  // Where the GPU can't tell which one it was, those that may have been are marked so.
  if (!place) place = first(MTLCommandEncoderErrorStateAffected);
  if (!place) return {};
  const std::string label = text_of(infos[*place].label);
  return fmt::format(" in encoder {} ({} of {})",
                     label.empty() ? "without a label" : '"' + label + '"', *place + 1,
                     infos.count);
}

}  // namespace

Failure read_failure(NSError* error, const std::string& label) {
  if (error == nil) {
    return {fmt::format("{}: the GPU failed; Metal gives no reason", label), false};
  }
  const std::optional<Code> code = find_code(error);
  const std::string name = code ? fmt::format("{} ({})", code->name, error.code)
                                : fmt::format("{} {}", text_of(error.domain), error.code);
  return {fmt::format("{}: the GPU failed with {}{}: {}", label, name, encoder_text(error),
                      text_of(error.localizedDescription)),
          code && code->fatal};
}

std::exception_ptr to_exception(const Failure& failure) {
  return std::make_exception_ptr(ExecutionFailed(failure.text));
}

std::optional<GpuInterval> to_interval(double start, double end) {
  // Zero is what Metal gives for work that never ran.
  if (!(start > 0) || !(end >= start)) return std::nullopt;
  const auto to_time = [](double seconds) {
    return std::chrono::nanoseconds(std::llround(seconds * 1e9));
  };
  return GpuInterval{to_time(start), to_time(end)};
}

}  // namespace cbr::metal
