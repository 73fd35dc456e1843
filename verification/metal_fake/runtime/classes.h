// Classes as the runtime knows them: methods by selector, and counts of living instances.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metal_fake/runtime/abi.h"

namespace cbr::metal_fake {

/// What the start-up pass finds out about a class. Read-only afterwards, but for the counter.
struct ClassInfo {
  std::string name;
  bool metaclass = false;
  /// Instances are static data: retain and release do nothing.
  bool immortal = false;
  std::size_t instance_size = 0;
  /// With those of the superclasses.
  std::unordered_map<Selector, Implementation> methods;
  /// The C++ constructors and destructors of instance variables, from the root class down.
  std::vector<Implementation> constructors;
  std::vector<Implementation> destructors;
  std::atomic<std::int64_t> live{0};
};

/// The one pointer that stands for this name.
Selector intern(std::string_view name);

/// The class's method; aborts with Foundation's words if it has none.
Implementation find_method(objc_object* receiver, objc_class* of, Selector selector);

/// An instance with a reference count of 1, its C++ members constructed.
objc_object* create_instance(objc_class* of);
/// Destroys C++ and strong members and frees the memory.
void destroy_instance(objc_object* object);

/// Living instances by class name; classes that have none are left out.
std::unordered_map<std::string, std::int64_t> live_instances();

/// Sends a message without arguments, from code that is plain C++.
template <class Result = void>
Result send(objc_object* receiver, Selector selector) {
  const auto method = reinterpret_cast<Result (*)(objc_object*, Selector)>(
      find_method(receiver, receiver->isa, selector));
  return method(receiver, selector);
}

}  // namespace cbr::metal_fake
