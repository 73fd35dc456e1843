// What clang emits for Objective-C with -fobjc-runtime=macosx-14: the layout of classes, methods
// and blocks. Apple's "non-fragile" ABI, the part that the fake's code uses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cbr::metal_fake {

struct ClassInfo;

/// A selector. The start-up pass makes equal names equal pointers.
using Selector = const char*;
/// A method's code, of unknown signature.
using Implementation = void (*)();

struct Method {
  Selector name;
  const char* types;
  Implementation implementation;
};

struct MethodList {
  std::uint32_t entry_size;
  std::uint32_t count;

  [[nodiscard]] Method* begin() { return reinterpret_cast<Method*>(this + 1); }
  [[nodiscard]] Method* end() { return begin() + count; }
};

/// The compiler's constant part of a class.
struct ClassData {
  std::uint32_t flags;
  std::uint32_t instance_start;
  std::uint32_t instance_size;
  const void* ivar_layout;
  const char* name;
  MethodList* methods;
  const void* protocols;
  const void* ivars;
  const void* weak_ivar_layout;
  const void* properties;
};

}  // namespace cbr::metal_fake

/// A class or a metaclass. The compiler points `info` at _objc_empty_cache; the start-up pass puts
/// the runtime's own data there.
struct objc_class {
  objc_class* isa;
  objc_class* superclass;
  cbr::metal_fake::ClassInfo* info;
  void* vtable;
  cbr::metal_fake::ClassData* data;
};

struct objc_object {
  objc_class* isa;
};
