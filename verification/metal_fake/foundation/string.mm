#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#import <Foundation/Foundation.h>

// What the compiler makes of @"…": a structure of the program's data whose class is this symbol.
// Characters outside of ASCII would come as UTF-16, which nothing here needs.
@interface NSConstantString : NSString {
  int flags_;
  const char* characters_;
  long length_;
}
@end

asm(".globl __CFConstantStringClassReference\n"
    ".set __CFConstantStringClassReference, OBJC_CLASS_$_NSConstantString\n");

@interface CbrString : NSString {
  std::string text_;
}
- (instancetype)initWithText:(std::string)text;
@end

@implementation NSString

+ (instancetype)stringWithUTF8String:(const char*)nullTerminatedCString {
  return [[CbrString alloc] initWithText:nullTerminatedCString];
}

- (id)copyWithZone:(NSZone*)zone {
  // Strings here never change.
  (void)zone;
  return self;
}

- (NSUInteger)length {
  return std::strlen(self.UTF8String);
}

- (const char*)UTF8String {
  return "";
}

- (BOOL)isEqualToString:(NSString*)aString {
  return aString != nil && std::strcmp(self.UTF8String, aString.UTF8String) == 0;
}

- (BOOL)isEqual:(id)object {
  return [object isKindOfClass:[NSString class]] && [self isEqualToString:object];
}

- (NSUInteger)hash {
  return std::hash<std::string_view>()(self.UTF8String);
}

- (NSString*)description {
  return self;
}

@end

@implementation NSConstantString

- (const char*)UTF8String {
  return characters_;
}

@end

@implementation CbrString

- (instancetype)initWithText:(std::string)text {
  if ((self = [super init])) text_ = std::move(text);
  return self;
}

- (const char*)UTF8String {
  return text_.c_str();
}

@end
