// Metal, and whether the SDK knows Metal 4.
#pragma once

#import <Metal/Metal.h>

// SDKs before macOS 26 lack the header. Whether the system at run time has Metal 4 is another
// question: has_metal4() answers it.
#if __has_include(<Metal/MTL4CommandQueue.h>)
#define CBR_METAL4_SDK 1
#endif

namespace cbr::metal {

inline bool has_metal4([[maybe_unused]] id<MTLDevice> device) {
#ifdef CBR_METAL4_SDK
  if (__builtin_available(macOS 26.0, iOS 26.0, *)) {
    return [device supportsFamily:MTLGPUFamilyMetal4];
  }
#endif
  return false;
}

}  // namespace cbr::metal
