#import <Foundation/Foundation.h>

NSErrorUserInfoKey const NSLocalizedDescriptionKey = @"NSLocalizedDescription";

@implementation NSError {
  NSErrorDomain domain_;
  NSInteger code_;
  NSDictionary* userInfo_;
}

+ (instancetype)errorWithDomain:(NSErrorDomain)domain
                           code:(NSInteger)code
                       userInfo:(NSDictionary*)dict {
  NSError* const error = [[NSError alloc] init];
  error->domain_ = [domain copy];
  error->code_ = code;
  error->userInfo_ = dict != nil ? dict : @{};
  return error;
}

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  return self;
}

- (NSErrorDomain)domain {
  return domain_;
}

- (NSInteger)code {
  return code_;
}

- (NSDictionary*)userInfo {
  return userInfo_;
}

- (NSString*)localizedDescription {
  NSString* const given = userInfo_[NSLocalizedDescriptionKey];
  return given != nil ? given : @"The operation could not be completed.";
}

@end
