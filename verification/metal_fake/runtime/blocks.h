// Blocks: the layout that the compiler emits for ^{ }, and their copies.
#pragma once

#include "metal_fake/runtime/abi.h"

namespace cbr::metal_fake {

/// True of a block, which has no reference count where objects have it.
bool is_block(const objc_object* object);

/// Counts a reference to a block on the heap. One on the stack stays where it is: only
/// objc_retainBlock and _Block_copy move it.
void retain_block(const objc_object* block);

extern "C" {
void* _Block_copy(const void* block);
void _Block_release(const void* block);
}

}  // namespace cbr::metal_fake
