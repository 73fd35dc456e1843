#include "backends/metal/failure.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "backends/metal/metal4_sdk.h"

namespace cbr::metal {
namespace {

struct Code {
  NSInteger code;
  std::string_view name;
  /// Nothing that comes later will run either.
  bool final;
};

#define CBR_CODE(name, final) \
  Code {                      \
    name, #name, final        \
  }

// AccessRevoked is what Metal 2 called Blacklisted: the process has caused too many faults, and the
// system lets it use the GPU no more. NotPermitted passes: an app in the background, say.
constexpr std::array buffer_codes{
    CBR_CODE(MTLCommandBufferErrorInternal, false),
    CBR_CODE(MTLCommandBufferErrorTimeout, false),
    CBR_CODE(MTLCommandBufferErrorPageFault, false),
    CBR_CODE(MTLCommandBufferErrorAccessRevoked, true),
    CBR_CODE(MTLCommandBufferErrorNotPermitted, false),
    CBR_CODE(MTLCommandBufferErrorOutOfMemory, false),
    CBR_CODE(MTLCommandBufferErrorInvalidResource, false),
    CBR_CODE(MTLCommandBufferErrorMemoryless, false),
    CBR_CODE(MTLCommandBufferErrorDeviceRemoved, true),
    CBR_CODE(MTLCommandBufferErrorStackOverflow, false),
};

#if CBR_METAL4_SDK
API_AVAILABLE(macos(26.0), ios(26.0))
constexpr std::array queue4_codes{
    CBR_CODE(MTL4CommandQueueErrorTimeout, false),
    CBR_CODE(MTL4CommandQueueErrorNotPermitted, false),
    CBR_CODE(MTL4CommandQueueErrorOutOfMemory, false),
    CBR_CODE(MTL4CommandQueueErrorDeviceRemoved, true),
    CBR_CODE(MTL4CommandQueueErrorAccessRevoked, true),
    CBR_CODE(MTL4CommandQueueErrorInternal, false),
};

API_AVAILABLE(macos(26.0), ios(26.0))
bool is_of_queue4(NSError* error) {
  return [error.domain isEqualToString:MTL4CommandQueueErrorDomain];
}
#endif

#undef CBR_CODE

template <typename Codes>
Code find_code(const Codes& codes, NSInteger code) {
  for (const Code& known : codes) {
    if (known.code == code) return known;
  }
  return {code, {}, false};
}

/// The two kinds of error count differently: 4 is a revoked access in one, a removed device in the
/// other.
Code code_of(NSError* error) {
#if CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    if (is_of_queue4(error)) return find_code(queue4_codes, error.code);
  }
#endif
  if ([error.domain isEqualToString:MTLCommandBufferErrorDomain]) {
    return find_code(buffer_codes, error.code);
  }
  return {error.code, {}, false};
}

std::string_view state_text(MTLCommandEncoderErrorState state) {
  switch (state) {
    case MTLCommandEncoderErrorStateFaulted:
      return "faulted";
    case MTLCommandEncoderErrorStateAffected:
      return "was affected";
    default:
      return {};
  }
}

/// "; encoder #1 "matvec" faulted" for each encoder that has something to do with the failure.
std::string encoders_text(NSError* error) {
  NSArray<id<MTLCommandBufferEncoderInfo>>* const infos =
      error.userInfo[MTLCommandBufferEncoderInfoErrorKey];
  std::string text;
  for (NSUInteger i = 0; i < infos.count; ++i) {
    const std::string_view state = state_text(infos[i].errorState);
    if (state.empty()) continue;
    const std::string label = text_of(infos[i].label);
    text += label.empty() ? fmt::format("; encoder #{} {}", i, state)
                          : fmt::format("; encoder #{} \"{}\" {}", i, label, state);
  }
  return text;
}

}  // namespace

std::string text_of(NSString* string) {
  const char* const text = string.UTF8String;
  return text == nullptr ? std::string() : std::string(text);
}

Outcome failure_outcome(const std::string& name, NSError* error) {
  Outcome outcome;
  if (error == nil) {
    outcome.error = fmt::format("{}: the command buffer failed, and Metal tells no error", name);
    return outcome;
  }
  const Code code = code_of(error);
  const std::string code_text = code.name.empty()
                                    ? fmt::format("{} error {}", text_of(error.domain), code.code)
                                    : fmt::format("{} ({})", code.name, code.code);
  outcome.error = fmt::format("{}: {}: {}{}", name, code_text, text_of(error.localizedDescription),
                              encoders_text(error));
  outcome.device_lost = code.final;
  return outcome;
}

}  // namespace cbr::metal
