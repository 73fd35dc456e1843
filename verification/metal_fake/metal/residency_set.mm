#import "metal_fake/metal/metal4_objects.h"

using namespace cbr::metal_fake;

@implementation FakeResidencySet {
  std::shared_ptr<ResidentMemory> memory_;
  std::set<UseCount> added_;
}

- (instancetype)init {
  if ((self = [super init])) memory_ = std::make_shared<ResidentMemory>();
  return self;
}

- (std::shared_ptr<ResidentMemory>)memory {
  return memory_;
}

- (void)addAllocation:(id<MTLAllocation>)allocation {
  added_.insert(((FakeResource*)allocation)->use_);
}

- (void)removeAllocation:(id<MTLAllocation>)allocation {
  added_.erase(((FakeResource*)allocation)->use_);
}

// What was added and removed counts from here on.
- (void)commit {
  const std::lock_guard lock(memory_->mutex);
  memory_->committed = added_;
}

@end

@implementation MTLResidencySetDescriptor

@synthesize label = label_;

- (id)copyWithZone:(NSZone*)zone {
  (void)zone;
  MTLResidencySetDescriptor* const copy = [[MTLResidencySetDescriptor alloc] init];
  copy.label = label_;
  return copy;
}

@end
