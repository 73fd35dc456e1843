// Reference counts, weak references and autorelease pools.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metal_fake/runtime/abi.h"

namespace cbr::metal_fake {

/// Zeroed memory for an object, whose reference count, 1, lies before it.
objc_object* allocate_counted(std::size_t size);
void free_counted(objc_object* object);

/// The object's current count, for tests; -1 if it has none (constant strings, classes).
std::int64_t reference_count(objc_object* object);

/// How often an object was autoreleased by a thread that had no pool, since the program began.
std::uint64_t autoreleases_without_pool();

extern "C" {
objc_object* objc_retain(objc_object* object);
void objc_release(objc_object* object);
objc_object* objc_autorelease(objc_object* object);
void* objc_autoreleasePoolPush();
void objc_autoreleasePoolPop(void* pool);
}

}  // namespace cbr::metal_fake
