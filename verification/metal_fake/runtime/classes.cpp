#include "metal_fake/runtime/classes.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <unordered_set>

#include "metal_fake/runtime/reference_count.h"

// The sections that the compiler fills; the linker names their ends. Weak, since a program without
// a message send has none.
extern "C" {
[[gnu::weak]] extern cbr::metal_fake::Selector __start_objc_selrefs[];
[[gnu::weak]] extern cbr::metal_fake::Selector __stop_objc_selrefs[];
[[gnu::weak]] extern objc_class* __start_objc_classlist[];
[[gnu::weak]] extern objc_class* __stop_objc_classlist[];
[[gnu::weak]] extern void* __start_objc_catlist[];

// Initial value of every class's `info`.
char _objc_empty_cache;
}

namespace cbr::metal_fake {
namespace {

// The constructor of this file runs before all of C++'s, so nothing here may need one; nor may it
// be destroyed while threads still send messages.
template <class T>
T& immortal() {
  static T* const value = new T;
  return *value;
}

std::unordered_set<std::string>& selectors() {
  return immortal<std::unordered_set<std::string>>();
}
std::vector<ClassInfo*>& classes() {
  return immortal<std::vector<ClassInfo*>>();
}

void* empty_cache() {
  return &_objc_empty_cache;
}

void prepare(objc_class* of, bool metaclass) {
  if (static_cast<void*>(of->info) != empty_cache()) return;
  auto* const info = new ClassInfo;
  if (of->superclass != nullptr) {
    // The root metaclass inherits from the root class.
    prepare(of->superclass, metaclass && of->superclass->isa == of->isa);
    const ClassInfo& parent = *of->superclass->info;
    info->methods = parent.methods;
    info->constructors = parent.constructors;
    info->destructors = parent.destructors;
    info->immortal = parent.immortal;
  }
  info->name = of->data->name;
  info->metaclass = metaclass;
  info->immortal = info->immortal || metaclass || info->name == "NSConstantString";
  info->instance_size = of->data->instance_size;
  if (of->data->methods != nullptr) {
    for (Method& method : *of->data->methods) {
      method.name = intern(method.name);
      if (std::strcmp(method.name, ".cxx_construct") == 0) {
        info->constructors.push_back(method.implementation);
      } else if (std::strcmp(method.name, ".cxx_destruct") == 0) {
        info->destructors.push_back(method.implementation);
      } else {
        info->methods[method.name] = method.implementation;
      }
    }
  }
  of->info = info;
  classes().push_back(info);
}

// Priority 101 is the first that programs may use: before any static initialiser can send a
// message.
[[gnu::constructor(101)]] void start() {
  if (__start_objc_catlist != nullptr) {
    std::fputs("metal_fake: categories are not supported by the runtime\n", stderr);
    std::abort();
  }
  for (Selector* selector = __start_objc_selrefs; selector != __stop_objc_selrefs; ++selector) {
    *selector = intern(*selector);
  }
  for (objc_class** entry = __start_objc_classlist; entry != __stop_objc_classlist; ++entry) {
    prepare(*entry, false);
    prepare((*entry)->isa, true);
  }
}

}  // namespace

Selector intern(std::string_view name) {
  return selectors().emplace(name).first->c_str();
}

Implementation find_method(objc_object* receiver, objc_class* of, Selector selector) {
  if (of == nullptr) {
    std::fprintf(stderr, "*** %s: message sent to deallocated instance %p\n", selector,
                 static_cast<void*>(receiver));
    std::abort();
  }
  const ClassInfo& info = *of->info;
  const auto found = info.methods.find(selector);
  if (found == info.methods.end()) {
    std::fprintf(stderr, "*** %c[%s %s]: unrecognized selector sent to %s %p\n",
                 info.metaclass ? '+' : '-', info.name.c_str(), selector,
                 info.metaclass ? "class" : "instance", static_cast<void*>(receiver));
    std::abort();
  }
  return found->second;
}

objc_object* create_instance(objc_class* of) {
  ClassInfo& info = *of->info;
  objc_object* const object = allocate_counted(info.instance_size);
  object->isa = of;
  for (const Implementation constructor : info.constructors) {
    reinterpret_cast<objc_object* (*)(objc_object*, Selector)>(constructor)(object, nullptr);
  }
  info.live.fetch_add(1, std::memory_order_relaxed);
  return object;
}

void destroy_instance(objc_object* object) {
  ClassInfo& info = *object->isa->info;
  for (auto destructor = info.destructors.rbegin(); destructor != info.destructors.rend();
       ++destructor) {
    reinterpret_cast<void (*)(objc_object*, Selector)>(*destructor)(object, nullptr);
  }
  info.live.fetch_sub(1, std::memory_order_relaxed);
  object->isa = nullptr;
  free_counted(object);
}

std::unordered_map<std::string, std::int64_t> live_instances() {
  std::unordered_map<std::string, std::int64_t> counts;
  for (const ClassInfo* info : classes()) {
    const std::int64_t live = info->live.load(std::memory_order_relaxed);
    if (live != 0) counts[info->name] = live;
  }
  return counts;
}

}  // namespace cbr::metal_fake

// The compiler calls these in place of common messages to classes.
extern "C" {

objc_object* objc_alloc(objc_class* of) {
  return of == nullptr ? nullptr : cbr::metal_fake::create_instance(of);
}

objc_object* objc_alloc_init(objc_class* of) {
  static const cbr::metal_fake::Selector init = cbr::metal_fake::intern("init");
  return of == nullptr ? nullptr : cbr::metal_fake::send<objc_object*>(objc_alloc(of), init);
}

objc_object* objc_opt_new(objc_class* of) {
  return objc_alloc_init(of);
}

objc_object* objc_opt_self(objc_object* object) {
  return object;
}

objc_class* objc_opt_class(objc_object* object) {
  if (object == nullptr) return nullptr;
  // A class's class is itself.
  return object->isa->info->metaclass ? reinterpret_cast<objc_class*>(object) : object->isa;
}

bool objc_opt_isKindOfClass(objc_object* object, objc_class* of) {
  if (object == nullptr) return false;
  for (const objc_class* c = object->isa; c != nullptr; c = c->superclass) {
    if (c == of) return true;
  }
  return false;
}

bool objc_opt_respondsToSelector(objc_object* object, cbr::metal_fake::Selector selector) {
  return object != nullptr && object->isa->info->methods.count(selector) != 0;
}

cbr::metal_fake::Implementation cbr_metal_fake_lookup(objc_object* receiver,
                                                      cbr::metal_fake::Selector selector) {
  return cbr::metal_fake::find_method(receiver, receiver->isa, selector);
}

/// What the compiler passes to a message to super: the class whose method is running.
struct objc_super {
  objc_object* receiver;
  objc_class* current;
};

cbr::metal_fake::Implementation cbr_metal_fake_lookup_super(const objc_super* super,
                                                            cbr::metal_fake::Selector selector) {
  return cbr::metal_fake::find_method(super->receiver, super->current->superclass, selector);
}

}  // extern "C"
