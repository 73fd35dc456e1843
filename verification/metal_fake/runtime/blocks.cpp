#include "metal_fake/runtime/blocks.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "metal_fake/runtime/classes.h"
#include "metal_fake/runtime/reference_count.h"

namespace cbr::metal_fake {
namespace {

// From clang's specification of the block ABI.
constexpr std::uint32_t count_mask = 0xfffe;
constexpr std::uint32_t one_count = 2;
constexpr std::uint32_t on_heap = 1U << 24U;
constexpr std::uint32_t has_copy_dispose = 1U << 25U;
constexpr std::uint32_t is_global = 1U << 28U;

// What _Block_object_assign is asked to copy.
constexpr int field_is_block = 7;
constexpr int field_is_byref = 8;

struct BlockDescriptor {
  std::uintptr_t reserved;
  std::uintptr_t size;
  void (*copy)(void* to, const void* from);
  void (*dispose)(const void* block);
};

struct Block {
  void* isa;
  std::atomic<std::uint32_t> flags;
  std::uint32_t reserved;
  void (*invoke)();
  const BlockDescriptor* descriptor;
};

/// A __block variable: lives on the stack until a block that uses it is copied.
struct ByRef {
  void* isa;
  std::atomic<ByRef*> forwarding;
  std::atomic<std::uint32_t> flags;
  std::uint32_t size;
  // Only with has_copy_dispose.
  void (*keep)(void* to, void* from);
  void (*destroy)(void* variable);
};

/// True if that was the last reference.
bool drop(std::atomic<std::uint32_t>& flags) {
  const std::uint32_t before = flags.fetch_sub(one_count, std::memory_order_acq_rel);
  return (before & count_mask) == one_count;
}

ByRef* copy_byref(ByRef* from) {
  ByRef* const current = from->forwarding.load(std::memory_order_acquire);
  if ((current->flags.load(std::memory_order_relaxed) & on_heap) != 0) {
    current->flags.fetch_add(one_count, std::memory_order_relaxed);
    return current;
  }
  auto* const copy = static_cast<ByRef*>(std::calloc(1, from->size));
  const std::uint32_t flags = from->flags.load(std::memory_order_relaxed);
  std::memcpy(static_cast<void*>(copy), static_cast<const void*>(from), from->size);
  // One reference of the block that is copied, one of the stack's frame.
  copy->flags.store((flags & ~count_mask) | on_heap | (2 * one_count), std::memory_order_relaxed);
  copy->forwarding.store(copy, std::memory_order_relaxed);
  from->forwarding.store(copy, std::memory_order_release);
  if ((flags & has_copy_dispose) != 0) from->keep(copy, from);
  return copy;
}

void release_byref(ByRef* variable) {
  ByRef* const current = variable->forwarding.load(std::memory_order_acquire);
  const std::uint32_t flags = current->flags.load(std::memory_order_relaxed);
  if ((flags & on_heap) == 0 || !drop(current->flags)) return;
  if ((flags & has_copy_dispose) != 0) current->destroy(current);
  std::free(current);
}

}  // namespace

extern "C" {

// The classes of blocks. They get messages only if a program says [block copy] and the like, which
// code under ARC needs not.
void* _NSConcreteStackBlock[32];
void* _NSConcreteMallocBlock[32];
void* _NSConcreteGlobalBlock[32];

void* _Block_copy(const void* block) {
  if (block == nullptr) return nullptr;
  auto* const from = static_cast<Block*>(const_cast<void*>(block));
  const std::uint32_t flags = from->flags.load(std::memory_order_relaxed);
  if ((flags & is_global) != 0) return from;
  if ((flags & on_heap) != 0) {
    from->flags.fetch_add(one_count, std::memory_order_relaxed);
    return from;
  }
  auto* const copy = static_cast<Block*>(std::calloc(1, from->descriptor->size));
  std::memcpy(static_cast<void*>(copy), block, from->descriptor->size);
  copy->isa = static_cast<void*>(_NSConcreteMallocBlock);
  copy->flags.store((flags & ~count_mask) | on_heap | one_count, std::memory_order_relaxed);
  if ((flags & has_copy_dispose) != 0) from->descriptor->copy(copy, from);
  return copy;
}

void _Block_release(const void* block) {
  auto* const dropped = static_cast<Block*>(const_cast<void*>(block));
  if (dropped == nullptr) return;
  const std::uint32_t flags = dropped->flags.load(std::memory_order_relaxed);
  if ((flags & on_heap) == 0 || !drop(dropped->flags)) return;
  if ((flags & has_copy_dispose) != 0) dropped->descriptor->dispose(dropped);
  std::free(dropped);
}

// Called by the copy helper of a block for each captured block and __block variable. Objects under
// ARC are retained by the helper itself.
void _Block_object_assign(void* destination, const void* object, int flags) {
  auto* const to = static_cast<const void**>(destination);
  switch (flags) {
    case field_is_block:
      *to = _Block_copy(object);
      break;
    case field_is_byref:
      *to = copy_byref(static_cast<ByRef*>(const_cast<void*>(object)));
      break;
    default:
      std::fprintf(stderr, "metal_fake: a block captures what ARC does not know (%d)\n", flags);
      std::abort();
  }
}

void _Block_object_dispose(const void* object, int flags) {
  if (flags == field_is_block) _Block_release(object);
  if (flags == field_is_byref) release_byref(static_cast<ByRef*>(const_cast<void*>(object)));
}

objc_object* objc_retainBlock(objc_object* block) {
  return static_cast<objc_object*>(_Block_copy(block));
}

}  // extern "C"

bool is_block(const objc_object* object) {
  const void* const isa = object->isa;
  return isa == static_cast<void*>(_NSConcreteStackBlock) ||
         isa == static_cast<void*>(_NSConcreteMallocBlock) ||
         isa == static_cast<void*>(_NSConcreteGlobalBlock);
}

void retain_block(const objc_object* block) {
  const void* const isa = block->isa;
  if (isa == static_cast<void*>(_NSConcreteMallocBlock)) (void)_Block_copy(block);
}

}  // namespace cbr::metal_fake
