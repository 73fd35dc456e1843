// The Objective-C runtime under the fake: messages, ownership, pools and blocks.
#include <cstdarg>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#import <Foundation/Foundation.h>
#include <gtest/gtest.h>

#include "metal_fake/control.h"
#include "metal_fake/runtime/reference_count.h"

namespace {

struct Large {
  double values[5];
};

std::vector<std::string>& log() {
  static std::vector<std::string> log;
  return log;
}

}  // namespace

@interface Animal : NSObject {
 @public
  std::shared_ptr<int> tracked_;
}
- (std::string)sound;
- (long)sumOf:(long)a and:(long)b and:(long)c and:(long)d and:(long)e and:(long)f and:(long)g;
- (double)weigh:(double)a
              b:(float)b
              c:(double)c
              d:(double)d
              e:(double)e
              f:(double)f
              g:(double)g
              h:(double)h
              i:(double)i;
- (Large)largeFrom:(Large)large plus:(double)amount;
- (double)mean:(int)count, ...;
@property(copy) NSString* name;
@property(strong, nonatomic) id friendly;
@property(weak, nonatomic) id watched;
+ (instancetype)animal;
@end

@implementation Animal

+ (instancetype)animal {
  return [[Animal alloc] init];
}

- (void)dealloc {
  log().push_back("dealloc " + [self sound]);
}

- (std::string)sound {
  return "none";
}

- (long)sumOf:(long)a and:(long)b and:(long)c and:(long)d and:(long)e and:(long)f and:(long)g {
  return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + 1000000 * g;
}

- (double)weigh:(double)a
              b:(float)b
              c:(double)c
              d:(double)d
              e:(double)e
              f:(double)f
              g:(double)g
              h:(double)h
              i:(double)i {
  return a - b + c - d + e - f + g - h + i;
}

- (Large)largeFrom:(Large)large plus:(double)amount {
  for (double& value : large.values) value += amount;
  return large;
}

- (double)mean:(int)count, ... {
  va_list arguments;
  va_start(arguments, count);
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += va_arg(arguments, double);
  va_end(arguments);
  return sum / count;
}

@end

@interface Dog : Animal
@end

@implementation Dog

- (std::string)sound {
  return "not " + [super sound];
}

@end

namespace cbr::metal_fake {
namespace {

objc_object* raw(id object) {
  return (__bridge objc_object*)object;
}

class Runtime : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    log().clear();
    live_before_ = live_objects();
  }
  void TearDown() override { EXPECT_EQ(live_objects(), live_before_); }

 private:
  std::unordered_map<std::string, std::int64_t> live_before_;
};

TEST_F(Runtime, PassesEveryArgument) {
  Animal* const animal = [[Animal alloc] init];
  EXPECT_EQ([animal sumOf:1 and:2 and:3 and:4 and:5 and:6 and:7], 7654321);
  EXPECT_EQ([animal weigh:1 b:2 c:4 d:8 e:16 f:32 g:64 h:128 i:256], 171.0);
  const double mean = [animal mean:4, 1.0, 2.0, 3.0, 6.0];
  EXPECT_EQ(mean, 3.0);
  const Large large = [animal largeFrom:{
    { 1, 2, 3, 4, 5 }
  }
                                   plus:10];
  EXPECT_EQ(large.values[0], 11.0);
  EXPECT_EQ(large.values[4], 15.0);
}

TEST_F(Runtime, AMessageToNilReturnsZero) {
  Animal* const nobody = nil;
  EXPECT_EQ([nobody sumOf:1 and:2 and:3 and:4 and:5 and:6 and:7], 0);
  EXPECT_EQ([nobody weigh:1 b:2 c:4 d:8 e:16 f:32 g:64 h:128 i:256], 0.0);
  const Large large = [nobody largeFrom:{
    { 1, 2, 3, 4, 5 }
  }
                                   plus:10];
  EXPECT_EQ(large.values[4], 0.0);
  EXPECT_EQ(nobody.name, nil);
}

TEST_F(Runtime, FindsTheMostDerivedMethodAndItsSuper) {
  Animal* const dog = [[Dog alloc] init];
  EXPECT_EQ([dog sound], "not none");
  EXPECT_TRUE([dog isKindOfClass:[Animal class]]);
  EXPECT_FALSE([[[Animal alloc] init] isKindOfClass:[Dog class]]);
  EXPECT_EQ([dog class], [Dog class]);
  EXPECT_TRUE([dog respondsToSelector:@selector(sound)]);
  EXPECT_FALSE([dog respondsToSelector:@selector(length)]);
}

TEST_F(Runtime, AnUnknownSelectorEndsTheProcess) {
  EXPECT_DEATH((void)[(id)[[Animal alloc] init] length],
               "-\\[Animal length\\]: unrecognized selector");
}

TEST_F(Runtime, CountsReferences) {
  Animal* const animal = [[Animal alloc] init];
  EXPECT_EQ(reference_count(raw(animal)), 1);
  {
    const std::vector<Animal*> others(3, animal);
    EXPECT_EQ(reference_count(raw(animal)), 4);
  }
  EXPECT_EQ(reference_count(raw(animal)), 1);
  EXPECT_EQ(live_objects("Animal"), 1);
}

TEST_F(Runtime, DestroysMembersWithTheObject) {
  const auto tracked = std::make_shared<int>(0);
  {
    Dog* const dog = [[Dog alloc] init];
    dog->tracked_ = tracked;
    dog.friendly = [[Animal alloc] init];
    EXPECT_EQ(tracked.use_count(), 2);
  }
  EXPECT_EQ(tracked.use_count(), 1);
  EXPECT_EQ(log(), (std::vector<std::string>{"dealloc not none", "dealloc none"}));
}

TEST_F(Runtime, ReleasingTooOftenEndsTheProcess) {
  EXPECT_DEATH(
      {
        objc_object* const object = objc_retain(raw([[NSObject alloc] init]));
        objc_release(object);
        objc_retain(object);
      },
      "deallocated|heap-use-after-free");
}

TEST_F(Runtime, CopiesAStringProperty) {
  @autoreleasepool {
    Animal* const animal = [[Animal alloc] init];
    animal.name = [NSString stringWithUTF8String:"Rex"];
    animal.name = [NSString stringWithUTF8String:"Bello"];
    EXPECT_TRUE([animal.name isEqualToString:@"Bello"]);
    animal.name = nil;
    EXPECT_EQ(animal.name, nil);
  }
}

TEST_F(Runtime, AWeakReferenceIsClearedWithItsObject) {
  @autoreleasepool {
    Animal* const watcher = [[Animal alloc] init];
    __weak Animal* copied = nil;
    {
      Animal* const watched = [[Animal alloc] init];
      watcher.watched = watched;
      copied = watcher.watched;
      @autoreleasepool {
        EXPECT_EQ(watcher.watched, watched);
        EXPECT_EQ(copied, watched);
      }
    }
  }
  EXPECT_EQ(log(), (std::vector<std::string>{"dealloc none", "dealloc none"}));
}

TEST_F(Runtime, AWeakReferenceReadsNilAfterwards) {
  Animal* const watcher = [[Animal alloc] init];
  @autoreleasepool {
    Animal* const watched = [[Animal alloc] init];
    watcher.watched = watched;
  }
  EXPECT_EQ(watcher.watched, nil);
}

TEST_F(Runtime, AWeakReferenceIsNeverReadDead) {
  // A thread drops the last strong reference while another takes one through a weak variable.
  for (int round = 0; round < 200; ++round) {
    __block Animal* strong = [[Animal alloc] init];
    __weak Animal* const weak = strong;
    std::thread reader([&] {
      @autoreleasepool {
        Animal* const taken = weak;
        if (taken != nil) EXPECT_EQ([taken sound], "none");
      }
    });
    strong = nil;
    reader.join();
    log().clear();
  }
}

TEST_F(Runtime, APoolReleasesAtItsEnd) {
  @autoreleasepool {
    @autoreleasepool {
      (void)[Animal animal];
      @autoreleasepool {
        (void)[Animal animal];
        EXPECT_EQ(live_objects("Animal"), 2);
      }
      EXPECT_EQ(live_objects("Animal"), 1);
    }
    EXPECT_EQ(live_objects("Animal"), 0);
  }
}

TEST_F(Runtime, AutoreleasingWithoutAPoolIsCounted) {
  const std::uint64_t before = autoreleases_without_pool();
  std::thread thread([] {
    @autoreleasepool {
      (void)[Animal animal];
    }
    (void)[Animal animal];
    // Nobody released it: it lives until the thread ends.
    EXPECT_EQ(live_objects("Animal"), 1);
  });
  thread.join();
  EXPECT_EQ(autoreleases_without_pool(), before + 1);
}

TEST_F(Runtime, ABlockKeepsWhatItCaptures) {
  void (^kept)(void) = nil;
  const auto tracked = std::make_shared<int>(0);
  __block int calls = 0;
  {
    Animal* const animal = [[Animal alloc] init];
    kept = ^{
      ++calls;
      *tracked += [animal sound] == "none" ? 1 : 100;
    };
  }
  EXPECT_EQ(live_objects("Animal"), 1);
  EXPECT_EQ(tracked.use_count(), 2);
  kept();
  kept();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(*tracked, 2);
  kept = nil;
  EXPECT_EQ(live_objects("Animal"), 0);
  EXPECT_EQ(tracked.use_count(), 1);
}

TEST_F(Runtime, ABlockKeepsBlocksAndSharedVariables) {
  int (^outer)(void) = nil;
  {
    __block Animal* shared = [[Animal alloc] init];
    int (^inner)(void) = ^{
      return shared == nil ? 0 : 1;
    };
    outer = ^{
      const int before = inner();
      shared = nil;
      return before * 10 + inner();
    };
  }
  EXPECT_EQ(live_objects("Animal"), 1);
  EXPECT_EQ(outer(), 10);
  EXPECT_EQ(live_objects("Animal"), 0);
  std::vector<int (^)(void)> copies(4, outer);
  outer = nil;
  EXPECT_EQ(copies.back()(), 0);
}

TEST_F(Runtime, ABlockMayCaptureWeakly) {
  bool (^alive)(void) = nil;
  @autoreleasepool {
    Animal* const animal = [[Animal alloc] init];
    __weak Animal* const weak = animal;
    alive = ^{
      return weak != nil;
    };
    EXPECT_TRUE(alive());
  }
  EXPECT_FALSE(alive());
}

TEST_F(Runtime, AStackBlockThatIsStoredIsCopied) {
  std::vector<int (^)(void)> blocks;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(^{
      return i;
    });
  }
  EXPECT_EQ(blocks[0](), 0);
  EXPECT_EQ(blocks[2](), 2);
}

TEST_F(Runtime, RetainingAStackBlockDoesNotCopyIt) {
  // As a parameter that nobody stores, where the compiler does not optimise the retain away.
  Animal* const animal = [[Animal alloc] init];
  int (^__unsafe_unretained on_stack)(void) = ^{
    return animal != nil ? 1 : 0;
  };
  const std::int64_t before = reference_count(raw(animal));
  objc_object* const block = (__bridge objc_object*)on_stack;
  EXPECT_EQ(objc_retain(block), block);
  objc_release(block);
  EXPECT_EQ(reference_count(raw(animal)), before);
  EXPECT_EQ(on_stack(), 1);
}

TEST_F(Runtime, AnExceptionReleasesWhatItPasses) {
  @autoreleasepool {
    try {
      Animal* const animal = [[Animal alloc] init];
      if ([animal sound] == "none") throw 1;
    } catch (int) {
    }
    EXPECT_EQ(live_objects("Animal"), 0);
  }
}

TEST_F(Runtime, CollectionsAndErrorsHoldTheirObjects) {
  @autoreleasepool {
    NSArray<NSString*>* const words = @[ @"a", [NSString stringWithUTF8String:"b"], @"c" ];
    std::string joined;
    for (NSString* word in words) joined += word.UTF8String;
    EXPECT_EQ(joined, "abc");
    EXPECT_TRUE([words[1] isEqual:@"b"]);
    NSError* const error =
        [NSError errorWithDomain:@"domain"
                            code:7
                        userInfo:@{NSLocalizedDescriptionKey : @"text", @"words" : words}];
    EXPECT_EQ(error.code, 7);
    EXPECT_STREQ(error.localizedDescription.UTF8String, "text");
    EXPECT_EQ([error.userInfo[@"words"] count], 3U);
    EXPECT_EQ(error.userInfo[@"nothing"], nil);
    EXPECT_EQ([[NSError errorWithDomain:@"domain" code:1 userInfo:nil] userInfo].count, 0U);
  }
}

TEST_F(Runtime, TheTestChoosesTheSystemsVersion) {
  const auto metal4 = [] {
    if (__builtin_available(macOS 26.0, *)) return true;
    return false;
  };
  EXPECT_TRUE(metal4());
  set_macos_version(15, 4);
  EXPECT_FALSE(metal4());
  if (__builtin_available(macOS 15.4, *)) {
    reset();
  }
  EXPECT_TRUE(metal4());
}

}  // namespace
}  // namespace cbr::metal_fake
