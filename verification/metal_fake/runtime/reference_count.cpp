#include "metal_fake/runtime/reference_count.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "metal_fake/runtime/blocks.h"
#include "metal_fake/runtime/classes.h"

namespace cbr::metal_fake {
namespace {

/// What lies before every object that was allocated.
struct alignas(16) Header {
  std::atomic<std::int64_t> count{1};
  std::atomic<bool> has_weak_references{false};
};

Header& header(objc_object* object) {
  return *(reinterpret_cast<Header*>(object) - 1);
}

bool counted(objc_object* object) {
  if (object->isa == nullptr) {
    std::fprintf(stderr, "*** retain or release of deallocated instance %p\n",
                 static_cast<void*>(object));
    std::abort();
  }
  return !object->isa->info->immortal;
}

/// Which variables refer weakly to which object. The mutex also orders the last release of an
/// object and the reading of a weak reference to it.
struct WeakReferences {
  std::mutex mutex;
  std::unordered_map<objc_object*, std::vector<objc_object**>> variables;
};

WeakReferences& weak_references() {
  // Never destroyed: other threads may still be running then.
  static auto* const references = new WeakReferences;
  return *references;
}

void forget_weak(WeakReferences& references, objc_object** variable) {
  const auto found = references.variables.find(*variable);
  if (found == references.variables.end()) return;
  std::erase(found->second, variable);
  if (found->second.empty()) references.variables.erase(found);
}

void remember_weak(WeakReferences& references, objc_object** variable, objc_object* object) {
  *variable = object;
  if (object == nullptr) return;
  header(object).has_weak_references.store(true, std::memory_order_relaxed);
  references.variables[object].push_back(variable);
}

void clear_weak(objc_object* object) {
  WeakReferences& references = weak_references();
  const std::lock_guard lock(references.mutex);
  const auto found = references.variables.find(object);
  if (found == references.variables.end()) return;
  for (objc_object** variable : found->second) *variable = nullptr;
  references.variables.erase(found);
}

std::atomic<std::uint64_t> autoreleased_without_pool{0};

/// A thread's pools: the objects in order, with a null where a pool begins.
struct Pools {
  std::vector<objc_object*> objects;
  std::size_t open = 0;

  Pools() = default;
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;
  // What was autoreleased without a pool lives until its thread ends, as on macOS.
  ~Pools() { pop_to(0); }

  void pop_to(std::size_t size) {
    while (objects.size() > size) {
      objc_object* const last = objects.back();
      objects.pop_back();
      if (last == nullptr) {
        --open;
      } else {
        objc_release(last);
      }
    }
  }
};

Pools& pools() {
  thread_local Pools pools;
  return pools;
}

}  // namespace

objc_object* allocate_counted(std::size_t size) {
  void* const memory = std::aligned_alloc(alignof(Header), (sizeof(Header) + size + 15) / 16 * 16);
  if (memory == nullptr) throw std::bad_alloc();
  auto* const head = new (memory) Header;
  return static_cast<objc_object*>(std::memset(static_cast<void*>(head + 1), 0, size));
}

void free_counted(objc_object* object) {
  std::free(&header(object));
}

std::int64_t reference_count(objc_object* object) {
  if (is_block(object) || !counted(object)) return -1;
  return header(object).count.load(std::memory_order_relaxed);
}

std::uint64_t autoreleases_without_pool() {
  return autoreleased_without_pool.load(std::memory_order_relaxed);
}

// The entry points that the compiler calls, most of them for ARC.
extern "C" {

objc_object* objc_retain(objc_object* object) {
  if (object == nullptr) return nullptr;
  if (is_block(object)) {
    retain_block(object);
    return object;
  }
  if (counted(object)) header(object).count.fetch_add(1, std::memory_order_relaxed);
  return object;
}

void objc_release(objc_object* object) {
  if (object == nullptr) return;
  if (is_block(object)) {
    _Block_release(object);
    return;
  }
  if (!counted(object)) return;
  const std::int64_t before = header(object).count.fetch_sub(1, std::memory_order_acq_rel);
  if (before > 1) return;
  if (before < 1) {
    std::fprintf(stderr, "*** instance %p released more often than retained\n",
                 static_cast<void*>(object));
    std::abort();
  }
  if (header(object).has_weak_references.load(std::memory_order_relaxed)) clear_weak(object);
  static const Selector dealloc = intern("dealloc");
  send(object, dealloc);
}

objc_object* objc_autorelease(objc_object* object) {
  if (object == nullptr) return nullptr;
  Pools& own = pools();
  if (own.open == 0) autoreleased_without_pool.fetch_add(1);
  own.objects.push_back(object);
  return object;
}

void* objc_autoreleasePoolPush() {
  Pools& own = pools();
  own.objects.push_back(nullptr);
  ++own.open;
  return reinterpret_cast<void*>(own.objects.size());
}

void objc_autoreleasePoolPop(void* pool) {
  pools().pop_to(reinterpret_cast<std::size_t>(pool) - 1);
}

// On macOS these two agree with the caller to leave the pool out. Here the object always goes
// through it, so that a missing pool is seen.
objc_object* objc_autoreleaseReturnValue(objc_object* object) {
  return objc_autorelease(object);
}
objc_object* objc_retainAutoreleaseReturnValue(objc_object* object) {
  return objc_autorelease(objc_retain(object));
}
objc_object* objc_retainAutorelease(objc_object* object) {
  return objc_autorelease(objc_retain(object));
}
objc_object* objc_retainAutoreleasedReturnValue(objc_object* object) {
  return objc_retain(object);
}
objc_object* objc_unsafeClaimAutoreleasedReturnValue(objc_object* object) {
  return object;
}

void objc_storeStrong(objc_object** variable, objc_object* object) {
  objc_object* const before = *variable;
  if (before == object) return;
  objc_retain(object);
  *variable = object;
  objc_release(before);
}

objc_object* objc_initWeak(objc_object** variable, objc_object* object) {
  auto& references = weak_references();
  const std::lock_guard lock(references.mutex);
  remember_weak(references, variable, object);
  return object;
}

objc_object* objc_storeWeak(objc_object** variable, objc_object* object) {
  auto& references = weak_references();
  const std::lock_guard lock(references.mutex);
  forget_weak(references, variable);
  remember_weak(references, variable, object);
  return object;
}

void objc_destroyWeak(objc_object** variable) {
  auto& references = weak_references();
  const std::lock_guard lock(references.mutex);
  forget_weak(references, variable);
}

objc_object* objc_loadWeakRetained(objc_object** variable) {
  auto& references = weak_references();
  const std::lock_guard lock(references.mutex);
  objc_object* const object = *variable;
  if (object == nullptr) return nullptr;
  // An object whose last reference is gone, but that has not cleared this variable yet, is dead.
  std::int64_t count = header(object).count.load(std::memory_order_relaxed);
  while (count > 0) {
    if (header(object).count.compare_exchange_weak(count, count + 1)) return object;
  }
  return nullptr;
}

objc_object* objc_loadWeak(objc_object** variable) {
  return objc_autorelease(objc_loadWeakRetained(variable));
}

void objc_copyWeak(objc_object** to, objc_object** from) {
  objc_object* const object = objc_loadWeakRetained(from);
  objc_initWeak(to, object);
  objc_release(object);
}

void objc_moveWeak(objc_object** to, objc_object** from) {
  objc_copyWeak(to, from);
  objc_destroyWeak(from);
}

}  // extern "C"

namespace {

std::mutex& property_mutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

objc_object** property(objc_object* self, std::ptrdiff_t offset) {
  return reinterpret_cast<objc_object**>(reinterpret_cast<char*>(self) + offset);
}

objc_object* copied(objc_object* value) {
  static const Selector copy = intern("copy");
  return value == nullptr ? nullptr : send<objc_object*>(value, copy);
}

void set_property(objc_object* self, objc_object* owned, std::ptrdiff_t offset, bool atomic) {
  objc_object* before = nullptr;
  {
    std::unique_lock lock(property_mutex(), std::defer_lock);
    if (atomic) lock.lock();
    before = *property(self, offset);
    *property(self, offset) = owned;
  }
  objc_release(before);
}

}  // namespace

// Bodies of synthesised properties.
extern "C" {

objc_object* objc_getProperty(objc_object* self, Selector /*selector*/, std::ptrdiff_t offset,
                              bool atomic) {
  if (!atomic) return *property(self, offset);
  objc_object* value = nullptr;
  {
    const std::lock_guard lock(property_mutex());
    value = objc_retain(*property(self, offset));
  }
  return objc_autorelease(value);
}

void objc_setProperty_atomic(objc_object* self, Selector /*selector*/, objc_object* value,
                             std::ptrdiff_t offset) {
  set_property(self, objc_retain(value), offset, true);
}

void objc_setProperty_nonatomic(objc_object* self, Selector /*selector*/, objc_object* value,
                                std::ptrdiff_t offset) {
  set_property(self, objc_retain(value), offset, false);
}

void objc_setProperty_atomic_copy(objc_object* self, Selector /*selector*/, objc_object* value,
                                  std::ptrdiff_t offset) {
  set_property(self, copied(value), offset, true);
}

void objc_setProperty_nonatomic_copy(objc_object* self, Selector /*selector*/, objc_object* value,
                                     std::ptrdiff_t offset) {
  set_property(self, copied(value), offset, false);
}

}  // extern "C"

}  // namespace cbr::metal_fake
