// Text from a file or a user, made safe to put in a one-line error message.
#pragma once

#include "text/printable.h"

namespace cbr::decode {

using text::in_quotes;
using text::printable;
using text::printable_path;

}  // namespace cbr::decode
