// Metal's errors, in words.
#pragma once

#include <string>

#import <Metal/Metal.h>

#include "backends/metal/progress.h"

namespace cbr::metal {

/// "MTLCommandBufferErrorPageFault (3): what Metal says", and the encoders that did not get
/// through, where the error tells them. `name` is the slot's. Sets Outcome::device_lost for codes
/// after which nothing will run any more.
[[nodiscard]] Outcome failure_outcome(const std::string& name, NSError* error);

/// "the text" of a string that may be nil.
[[nodiscard]] std::string text_of(NSString* string);

}  // namespace cbr::metal
