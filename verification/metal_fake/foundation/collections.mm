#include <vector>

#import <Foundation/Foundation.h>

@implementation NSArray {
  std::vector<id> objects_;
}

+ (instancetype)arrayWithObjects:(const id _Nonnull[])objects count:(NSUInteger)cnt {
  NSArray* const array = [[NSArray alloc] init];
  array->objects_.assign(objects, objects + cnt);
  return array;
}

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  return self;
}

- (NSUInteger)count {
  return objects_.size();
}

- (id)objectAtIndexedSubscript:(NSUInteger)idx {
  return objects_.at(idx);
}

- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState*)state
                                  objects:(id __unsafe_unretained _Nullable[])buffer
                                    count:(NSUInteger)len {
  // An array never changes, so any address that keeps its value will do.
  static unsigned long no_mutations = 0;
  state->mutationsPtr = &no_mutations;
  state->itemsPtr = buffer;
  NSUInteger filled = 0;
  while (filled < len && state->state < objects_.size())
    buffer[filled++] = objects_[state->state++];
  return filled;
}

@end

@implementation NSDictionary {
  std::vector<std::pair<id, id>> entries_;
}

+ (instancetype)dictionaryWithObjects:(const id _Nonnull[])objects
                              forKeys:(const id<NSCopying> _Nonnull[])keys
                                count:(NSUInteger)cnt {
  NSDictionary* const dictionary = [[NSDictionary alloc] init];
  for (NSUInteger i = 0; i < cnt; ++i) dictionary->entries_.emplace_back(keys[i], objects[i]);
  return dictionary;
}

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  return self;
}

- (NSUInteger)count {
  return entries_.size();
}

- (id)objectForKeyedSubscript:(id)key {
  for (const auto& [own, object] : entries_) {
    if ([own isEqual:key]) return object;
  }
  return nil;
}

@end

// The compiler calls this where a loop finds that its array changed.
extern "C" void objc_enumerationMutation(id /*collection*/) {
  __builtin_trap();
}

// What @[] and @{} are.
extern "C" {
NSArray* __NSArray0__;
NSDictionary* __NSDictionary0__;
}

// After the runtime's start-up pass, before static initialisers that may use them.
[[gnu::constructor(102)]] static void make_empty_collections() {
  __NSArray0__ = [[NSArray alloc] init];
  __NSDictionary0__ = [[NSDictionary alloc] init];
}
