#include "core/waiter_queue.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/submission.h"

namespace cbr::detail {
namespace {

using testing::ElementsAre;

SlotRequest at(std::uint32_t level, std::optional<QueueIndex> queue = std::nullopt) {
  return {.level = level, .queue = queue, .where = {}};
}

/// The one that came first; null if there is none.
Waiter* first_of(WaiterQueue& queue) {
  Waiter* first = nullptr;
  queue.for_each([&](Waiter& waiter) {
    if (first == nullptr || waiter.arrival < first->arrival) first = &waiter;
  });
  return first;
}

TEST(WaiterQueue, TheFirstIsTheOneThatCameFirstWhateverItAsksFor) {
  WaiterQueue queue(2, 3, 16);
  std::array<Waiter, 5> waiters;
  waiters[0].request = at(0, QueueIndex{1});
  waiters[1].request = at(0);
  waiters[2].request = at(0, QueueIndex{0});
  waiters[3].request = at(0, QueueIndex{1});
  waiters[4].request = at(0);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(first_of(queue), nullptr);
  for (auto& waiter : waiters) queue.push(waiter);
  for (auto& waiter : waiters) {
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(first_of(queue), &waiter);
    queue.remove(waiter);
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(first_of(queue), nullptr);
}

TEST(WaiterQueue, ForgetsAWaiterWhereverItStands) {
  for (std::size_t removed = 0; removed < 3; ++removed) {
    WaiterQueue queue(1, 1, 16);
    std::array<Waiter, 4> waiters;
    for (std::size_t i = 0; i < 3; ++i) queue.push(waiters.at(i));
    queue.remove(waiters.at(removed));
    queue.push(waiters[3]);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i == removed) continue;
      ASSERT_EQ(first_of(queue), &waiters.at(i)) << "removed " << removed;
      queue.remove(waiters.at(i));
    }
    EXPECT_TRUE(queue.empty());
  }
}

TEST(WaiterQueue, OneThatComesAgainStandsAtTheEnd) {
  WaiterQueue queue(2, 3, 16);
  std::array<Waiter, 2> waiters;
  waiters[0].request = at(0, QueueIndex{0});
  for (auto& waiter : waiters) queue.push(waiter);
  queue.remove(waiters[0]);
  queue.push(waiters[0]);
  EXPECT_EQ(first_of(queue), &waiters[1]);
}

TEST(WaiterQueue, VisitsEachOnce) {
  WaiterQueue queue(2, 3, 16);
  std::array<Waiter, 4> waiters;
  waiters[1].request = at(0, QueueIndex{0});
  waiters[2].request = at(0, QueueIndex{1});
  waiters[3].request = at(0, QueueIndex{1});
  for (auto& waiter : waiters) queue.push(waiter);
  std::vector<std::uint64_t> arrivals;
  queue.for_each([&](Waiter& waiter) { arrivals.push_back(waiter.arrival); });
  EXPECT_TRUE(std::find(arrivals.begin(), arrivals.end(), 3U) <
              std::find(arrivals.begin(), arrivals.end(), 4U))
      << "those of one line in order of arrival";
  std::sort(arrivals.begin(), arrivals.end());
  EXPECT_THAT(arrivals, ElementsAre(1, 2, 3, 4));
}

/// Two queues with a slot each. The slots are handed around among waiters.
class TakeNext : public testing::Test {
 protected:
  static RingOptions options(AllocationStrategy strategy, std::vector<std::uint32_t> reserved) {
    return {.allocation_strategy = strategy, .reserved_slots = std::move(reserved)};
  }
  Waiter& push(std::uint32_t level, std::optional<QueueIndex> queue = std::nullopt) {
    Waiter& waiter = waiters_.emplace_back();
    waiter.request = at(level, queue);
    queue_.push(waiter);
    return waiter;
  }
  /// Who gets the free slot. It stays free.
  Waiter* next() {
    const auto grant = queue_.take_next(admission_, table_);
    return grant ? grant->waiter : nullptr;
  }
  void take(std::uint32_t slot) { table_.take(SlotIndex{slot}, 0, submission_); }

  static constexpr QueueIndex queue0{0};
  static constexpr QueueIndex queue1{1};
  Submission submission_;
  std::deque<Waiter> waiters_;
  WaiterQueue queue_{2, 3, 2};
  SlotTable table_{2, 2};
  Admission admission_{options(AllocationStrategy::priority, {}), {1.0F, 1.0F}};
};

TEST_F(TakeNext, IsNobodyIfNobodyWaits) {
  EXPECT_EQ(next(), nullptr);
}

TEST_F(TakeNext, IsNobodyIfNothingIsFree) {
  Waiter& waiter = push(0);
  take(0);
  take(1);
  EXPECT_EQ(next(), nullptr);
  table_.free(SlotIndex{1});
  const auto grant = queue_.take_next(admission_, table_);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->waiter, &waiter);
  EXPECT_EQ(grant->slot, SlotIndex{1});
  EXPECT_TRUE(queue_.empty());
}

TEST_F(TakeNext, IsTheFirstOfTheHighestLevel) {
  Waiter& low = push(2);
  Waiter& medium = push(1);
  Waiter& high = push(0);
  Waiter& late_high = push(0);
  EXPECT_EQ(next(), &high);
  EXPECT_EQ(next(), &late_high);
  // Both have been overtaken twice: they go by arrival.
  EXPECT_EQ(next(), &low);
  EXPECT_EQ(next(), &medium);
}

TEST_F(TakeNext, AWaiterAgesByEachThatOvertakesIt) {
  Waiter& low = push(2);
  Waiter& first = push(0);
  Waiter& second = push(0);
  Waiter& third = push(0);
  EXPECT_EQ(next(), &first);
  EXPECT_EQ(next(), &second);
  EXPECT_EQ(next(), &low);
  EXPECT_EQ(next(), &third);
}

TEST_F(TakeNext, WhoCameLaterIsNotOvertaken) {
  Waiter& first = push(0);
  Waiter& second = push(0);
  Waiter& low = push(2);
  Waiter& third = push(0);
  EXPECT_EQ(next(), &first);
  EXPECT_EQ(next(), &second);
  EXPECT_EQ(next(), &third) << "the two before it overtook nobody";
  EXPECT_EQ(next(), &low);
}

TEST_F(TakeNext, WhoIsNextInALineHasItsOwnAge) {
  Waiter& low = push(2);
  Waiter& high = push(0);
  Waiter& next_low = push(2);
  Waiter& other_high = push(0);
  EXPECT_EQ(next(), &high);
  EXPECT_EQ(next(), &other_high) << "the first of the low ones has been overtaken once";
  EXPECT_EQ(next(), &low);
  // The second was overtaken once.
  Waiter& third_high = push(0);
  Waiter& fourth_high = push(0);
  EXPECT_EQ(next(), &third_high);
  EXPECT_EQ(next(), &next_low);
  EXPECT_EQ(next(), &fourth_high);
}

TEST_F(TakeNext, LevelsAndAgesCountAcrossTheLists) {
  Waiter& low = push(2, queue1);
  Waiter& medium = push(1, queue0);
  Waiter& high = push(0);
  Waiter& late_high = push(0, queue1);
  EXPECT_EQ(next(), &high);
  EXPECT_EQ(next(), &late_high);
  EXPECT_EQ(next(), &low) << "both have aged, and it came first";
  EXPECT_EQ(next(), &medium);
}

TEST_F(TakeNext, PassesOverWhoCanTakeNone) {
  Waiter& other_queue = push(2, queue1);
  take(1);
  for (int i = 0; i < 3; ++i) {
    Waiter& any = push(1);
    EXPECT_EQ(next(), &any);
  }
  EXPECT_EQ(next(), nullptr);
  table_.free(SlotIndex{1});
  Waiter& high = push(0);
  EXPECT_EQ(next(), &high) << "the other has not aged: it could not have had those slots";
  EXPECT_EQ(next(), &other_queue);
}

TEST_F(TakeNext, PassesOverAnAgedOneThatCanTakeNone) {
  Waiter& low = push(2, queue1);
  for (int i = 0; i < 2; ++i) {
    push(0);
    next();
  }
  Waiter& high = push(0);
  take(1);
  EXPECT_EQ(next(), &high);
  table_.free(SlotIndex{1});
  push(0);
  EXPECT_EQ(next(), &low);
}

TEST_F(TakeNext, PassesOverALevelThatIsLeftNoSlot) {
  // One slot is kept for the highest level.
  const Admission keeping(options(AllocationStrategy::priority, {1, 0, 0}), {1.0F, 1.0F});
  take(0);
  Waiter& low = push(2);
  EXPECT_FALSE(queue_.take_next(keeping, table_));
  for (int i = 0; i < 3; ++i) {
    Waiter& high = push(0);
    const auto grant = queue_.take_next(keeping, table_);
    ASSERT_TRUE(grant);
    EXPECT_EQ(grant->waiter, &high);
  }
  table_.free(SlotIndex{0});
  Waiter& high = push(0);
  EXPECT_EQ(next(), &high) << "the other has not aged: it could not have had those slots";
  EXPECT_EQ(next(), &low);
}

/// Without levels, arrival is all that counts.
class TakeNextInTurn : public TakeNext {
 protected:
  Waiter* next() {
    const auto grant = queue_.take_next(in_turn_, table_);
    return grant ? grant->waiter : nullptr;
  }
  Admission in_turn_{options(AllocationStrategy::round_robin, {}), {1.0F, 1.0F}};
};

TEST_F(TakeNextInTurn, IsTheFirstWhateverItsLevel) {
  std::array<Waiter*, 4> waiters{&push(2), &push(0, queue1), &push(1, queue0), &push(0)};
  for (Waiter* waiter : waiters) EXPECT_EQ(next(), waiter);
}

TEST_F(TakeNextInTurn, AQueuesSlotGoesToTheFirstThatMayHaveIt) {
  Waiter& other = push(0, queue1);
  Waiter& this_one = push(0, queue0);
  Waiter& any = push(0);
  take(1);
  const auto grant = queue_.take_next(in_turn_, table_);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->waiter, &this_one);
  EXPECT_EQ(grant->slot, SlotIndex{0});
  EXPECT_EQ(next(), &any);
  EXPECT_EQ(next(), nullptr);
  queue_.for_each([&](const Waiter& waiter) { EXPECT_EQ(&waiter, &other); });
  EXPECT_FALSE(queue_.empty());
}

TEST_F(TakeNextInTurn, OneThatGaveUpIsNotServed) {
  Waiter& first = push(0);
  Waiter& second = push(0);
  queue_.remove(first);
  EXPECT_EQ(next(), &second);
  EXPECT_EQ(next(), nullptr);
}

/// The same, waiter by waiter.
class PlainQueue {
 public:
  void push(Waiter& waiter) { entries_.push_back({&waiter, 0}); }
  void remove(const Waiter& waiter) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.waiter == &waiter; });
  }
  Waiter* take_next(const Admission& admission, const SlotTable& table,
                    std::uint32_t ageing_limit) {
    const auto rank = [&](const Entry& entry) {
      return entry.overtaken >= ageing_limit ? 0 : entry.waiter->request.level + 1;
    };
    const auto may_have = [&](const Entry& entry) {
      return admission.choose(table, entry.waiter->request).has_value();
    };
    auto best = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (!may_have(*entry)) continue;
      if (best == entries_.end() || rank(*entry) < rank(*best)) best = entry;
    }
    if (best == entries_.end()) return nullptr;
    for (auto entry = entries_.begin(); entry != best; ++entry) {
      if (may_have(*entry)) ++entry->overtaken;
    }
    Waiter* const waiter = best->waiter;
    entries_.erase(best);
    return waiter;
  }

 private:
  struct Entry {
    Waiter* waiter;
    std::uint32_t overtaken;
  };
  std::vector<Entry> entries_;
};

TEST_F(TakeNext, IsWhomALookAtEachWouldFind) {
  const Admission keeping(options(AllocationStrategy::priority, {0, 1, 0}), {1.0F, 1.0F});
  std::mt19937 random(1);
  WaiterQueue queue(2, 3, 5);
  PlainQueue plain;
  std::vector<Waiter*> waiting;
  int granted = 0;
  for (int step = 0; step < 50'000; ++step) {
    const auto draw = [&](std::uint32_t below) {
      return static_cast<std::uint32_t>(random()) % below;
    };
    // In turns, many wait and few do.
    const std::uint32_t arriving = step / 1000 % 2 == 0 ? 6 : 3;
    if (const std::uint32_t what = draw(10); what < arriving) {
      auto& waiter = waiters_.emplace_back();
      const std::uint32_t which = draw(3);
      waiter.request = at(draw(3), which == 2 ? std::nullopt : std::optional(QueueIndex{which}));
      queue.push(waiter);
      plain.push(waiter);
      waiting.push_back(&waiter);
    } else if (what < 7 && !waiting.empty()) {
      const auto gone = waiting.begin() + draw(static_cast<std::uint32_t>(waiting.size()));
      queue.remove(**gone);
      plain.remove(**gone);
      waiting.erase(gone);
    } else if (what < 8) {
      const SlotIndex slot{draw(2)};
      if (table_[slot].submission == nullptr) {
        take(to_number(slot));
      } else {
        table_.free(slot);
      }
    } else {
      const auto grant = queue.take_next(keeping, table_);
      Waiter* const waiter = plain.take_next(keeping, table_, 5);
      ASSERT_EQ(grant ? grant->waiter : nullptr, waiter) << "step " << step;
      if (waiter == nullptr) continue;
      std::erase(waiting, waiter);
      ++granted;
    }
    ASSERT_EQ(first_of(queue), waiting.empty() ? nullptr : waiting.front());
  }
  EXPECT_GT(granted, 2000);
}

TEST(WaiterLine, IsNotMadeLongerByThoseThatComeAndGo) {
  WaiterLine line;
  std::array<Waiter, 3> waiters;
  std::uint64_t arrival = 0;
  const auto push = [&](Waiter& waiter) {
    waiter.arrival = ++arrival;
    line.push(waiter);
  };
  // One stays in front, and there is always one at the end.
  push(waiters[0]);
  push(waiters[1]);
  for (int i = 0; i < 1000; ++i) {
    push(waiters.at(i % 2 == 0 ? 2 : 1));
    line.remove(waiters.at(i % 2 == 0 ? 1 : 2));
    ASSERT_LT(waiters.at(i % 2 == 0 ? 2 : 1).place, 20U);
    ASSERT_EQ(line.front(), &waiters[0]);
  }
}

}  // namespace
}  // namespace cbr::detail
