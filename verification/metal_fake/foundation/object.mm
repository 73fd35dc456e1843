// The root class. Compiled without ARC: it is what ARC stands on.
#import <Foundation/Foundation.h>

#include "metal_fake/runtime/classes.h"

using namespace cbr::metal_fake;

extern "C" {
id objc_alloc(Class of);
id objc_alloc_init(Class of);
Class objc_opt_class(id object);
BOOL objc_opt_isKindOfClass(id object, Class of);
BOOL objc_opt_respondsToSelector(id object, SEL selector);
}

@implementation NSObject

+ (instancetype)alloc {
  return objc_alloc(self);
}

+ (instancetype)new {
  return objc_alloc_init(self);
}

+ (Class)class {
  return self;
}

- (instancetype)init {
  return self;
}

- (void)dealloc {
  destroy_instance((objc_object*)self);
}

- (Class)class {
  return objc_opt_class(self);
}

- (instancetype)self {
  return self;
}

- (id)copy {
  return [(id<NSCopying>)self copyWithZone:nil];
}

- (BOOL)isEqual:(id)object {
  return self == object;
}

- (NSUInteger)hash {
  return (NSUInteger)self;
}

- (BOOL)isKindOfClass:(Class)aClass {
  return objc_opt_isKindOfClass(self, aClass);
}

- (BOOL)respondsToSelector:(SEL)aSelector {
  return objc_opt_respondsToSelector(self, aSelector);
}

- (NSString*)description {
  return [NSString stringWithUTF8String:((objc_object*)self)->isa->info->name.c_str()];
}

@end
